"""Fills a run: plan, draw what is missing, seal."""

import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from drawbench.errors import StageError, UserError, first_line, is_input_error
from drawbench.files import write_text_atomically
from drawbench.interface import NOT_STATED, Refused, Sample, TextToImage
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import Prompt, PromptSet, category_slug, repeats
from drawbench.runs.directory import RunDirectory, named
from drawbench.runs.failures import STOP, OnError, is_of_the_machine
from drawbench.runs.plan import (
    DEFAULT_SLICE_SIZE,
    Plan,
    Slice,
    plan_samples,
)
from drawbench.runs.writer import RunWriter, open_run

ERROR_LOG = "error.log"
LONGEST_WARNING = 300  # letters
RUNS = Path("runs")


class Watcher(Protocol):
    """Sees the images of a run as they are drawn, in memory."""

    def begin(self, run: RunDirectory, missing: Sequence[Slice]) -> None:
        """Before the first of the missing slices is drawn."""
        ...

    def add(self, outputs: Sequence[np.ndarray | Refused]) -> None:
        """The next slice's images and refusals; the arrays belong to the model."""
        ...

    def end(self, complete: bool) -> None:
        """Drawing is over, or has stopped half way."""
        ...


@dataclass(frozen=True)
class Request:
    """A run that is asked for: a model, and all that its plan needs beside it.

    out: its directory; None for `default_directory(plan)`. samples: images per prompt. size: pixels, square.
    limit: the first prompts of each category only. on_error: what becomes of a sample at which the model fails; no part
    of the plan, so that a run which stopped can go on with another choice.
    """

    model: TextToImage
    prompt_set: PromptSet
    out: Path | None = None
    _: KW_ONLY
    samples: int
    size: int
    seed: int = 0
    limit: int | None = None
    slice_size: int = DEFAULT_SLICE_SIZE
    on_error: OnError = STOP


def generate(request: Request, progress: Progress | None = None, watcher: Watcher | None = None) -> RunDirectory:
    """Make, resume or extend a run; returns it sealed. A finished run is verified and left as it is.

    `watcher` is shown what is drawn. Raises UserError when the plan cannot be or is not the directory's, StageError
    when the work stopped half way. An interrupt leaves whole slices only, and the rest to the next call.
    """
    progress = progress or Progress()
    plan, prompts = make_plan(request)
    path = request.out if request.out is not None else default_directory(plan)
    if said := repeats(prompts):
        progress.note(f"{plan.prompt_set_name}: {said}")
    with open_run(path, plan, prompts, progress.note) as writer:
        if writer.finished():
            progress.note(f"{path} is finished: all {len(writer.run.samples())} samples verified, nothing to do")
            return writer.run
        sources = request.model.sources()
        for note in sources.notes:
            progress.note(f"{plan.model.name}: {note}")
        writer.begin(str(request.model.device), sources)
        try:
            _draw(request, writer, progress, watcher)
            writer.seal()
        finally:
            writer.end()
        return writer.run


def make_plan(request: Request) -> tuple[Plan, tuple[Prompt, ...]]:
    """The plan and its prompts. Raises UserError when an option is out of range or the model cannot serve the plan."""
    options = {"samples": request.samples, "size": request.size, "slice": request.slice_size, "limit": request.limit}
    for name, value in options.items():
        if value is not None and value < 1:
            raise UserError(f"--{name} {value} makes no run: give a whole number of at least 1.")
    if request.on_error.refuse and not request.model.one_at_a_time and request.slice_size > 1:
        raise UserError(
            "--on-error would not know which sample of a slice failed, and this model draws slices: add --slice 1 "
            "(which is another plan), or leave --on-error out."
        )
    whole = request.prompt_set
    planned = whole if request.limit is None else whole.limited(request.limit)
    request.model.take_prompt_set(whole)
    request.model.check_plan(plan_samples(planned.prompts, request.samples, request.seed), request.size)
    card = request.model.card()
    plan = Plan(
        prompt_set_name=whole.name,
        prompt_set_sha256=whole.sha256,
        prompt_set_n=len(whole.prompts),
        prompts_sha256=planned.sha256,
        prompt_ids=tuple(prompt.id for prompt in planned.prompts),
        model=card,
        size=request.size,
        samples=request.samples,
        limit=request.limit,
        seed=request.seed,
        slice_size=request.slice_size,
        dtype=str(card.settings.get("dtype") or NOT_STATED),
    )
    return plan, planned.prompts


def default_directory(plan: Plan) -> Path:
    """runs/<model>--<prompt set>--<first 8 of the plan's hash>: another plan never meets this one's directory."""
    model = category_slug(plan.model.name) or "model"
    return RUNS / f"{model}--{category_slug(plan.prompt_set_name) or 'prompts'}--{plan.sha256[:8]}"


def _draw(request: Request, writer: RunWriter, progress: Progress, watcher: Watcher | None) -> None:
    missing = writer.run.missing_slices()
    if watcher:
        watcher.begin(writer.run, missing)
    total = len(writer.run.samples())
    complete = False
    with progress.counted("drawing", total - sum(len(part.samples) for part in missing), total):
        try:
            for part in missing:
                with _recorded_warnings(writer, progress):
                    outputs = _draw_slice(request, part, writer, progress)
                if watcher:
                    watcher.add(outputs)
            complete = True
        finally:
            writer.drain()  # also after an interrupt: the slice or sample being written is kept
            if watcher:
                watcher.end(complete)


@contextmanager
def _recorded_warnings(writer: RunWriter, progress: Progress) -> Iterator[None]:
    """What is warned of inside stands in the run, and is shown once instead of being printed between the lines."""
    with warnings.catch_warnings(record=True) as caught:
        try:
            yield
        finally:
            texts = (" ".join(str(one.message).split())[:LONGEST_WARNING] for one in caught)
            for text in writer.warned(texts):
                progress.note(f"warned while drawing: {text}")


def _draw_slice(request: Request, part: Slice, writer: RunWriter, progress: Progress) -> Sequence[np.ndarray | Refused]:
    def draw(samples: Sequence[Sample]) -> Sequence[np.ndarray | Refused]:
        log = writer.path / ERROR_LOG
        return draw_samples(request.model, samples, request.size, request.on_error, progress, log)

    if not request.model.one_at_a_time:
        outputs = draw(part.samples)
        writer.put(part, outputs)
        progress.advance(len(part.samples))
        return outputs
    drawn: list[np.ndarray | Refused] = []
    for number, sample in enumerate(part.samples):
        output = writer.kept(part, number)
        if output is None:
            [output] = draw([sample])
            output = output if isinstance(output, Refused) else output.copy()  # the model may fill that memory again
            writer.keep(part, number, output)
        drawn.append(output)
        progress.advance(1)
    writer.put_kept(part)
    return drawn


def draw_samples(
    model: TextToImage,
    samples: Sequence[Sample],
    size: int,
    on_error: OnError = STOP,
    progress: Progress | None = None,
    error_log: Path | None = None,
) -> Sequence[np.ndarray | Refused]:
    """The model's images of some samples, drawn as one batch, and checked.

    on_error: only of a single sample; a note tells of its refusal. error_log: where the last traceback is
    written. Raises StageError when the model fails and that is not refused.
    """
    left = on_error.tries
    while True:
        left -= 1
        try:
            outputs = model.generate(samples, size)
        except (UserError, StageError):
            raise
        except (Exception, SystemExit) as error:  # whatever a model meets: the run stays, and so does the traceback
            if isinstance(error, Exception) and is_input_error(error):
                raise
            if error_log is not None:
                write_text_atomically(error_log, traceback.format_exc())
            if not on_error.refuse or is_of_the_machine(error):
                raise StageError(_failure(error, samples, error_log)) from error
            if not left:
                refused = on_error.failed(error)
                (progress or Progress()).note(f"{named(samples)} counts as refused ({refused.reason})")
                return [refused]
        else:
            check_outputs(outputs, samples, size)
            return outputs


def _failure(error: BaseException, samples: Sequence[Sample], error_log: Path | None) -> str:
    where = f"at {named(samples)}" if len(samples) == 1 else f"in the slice of {named(samples)}"
    see = f"see {error_log}, then" if error_log else "mend that, then"
    others = ", or let it go on past such samples with --on-error refuse" if len(samples) == 1 else ""
    what = f"{type(error).__name__}: {first_line(error)}"
    return f"the model failed {where} ({what}): {see} run the same command again{others}."


def check_outputs(outputs: Sequence[np.ndarray | Refused], samples: Sequence[Sample], size: int) -> None:
    """Raises UserError when a model's answer is not one uint8 RGB image of the size, or one refusal, per sample."""
    count = len(outputs) if isinstance(outputs, Sequence) else None
    if count != len(samples):
        what = f"a {type(outputs).__name__}" if count is None else f"{count} images"
        raise UserError(f"the model returned {what} for {len(samples)} samples: it must return a list with one each.")
    for sample, output in zip(samples, outputs, strict=True):
        problem = _problem(output, size)
        if problem:
            raise UserError(
                f"the model's image for {sample.prompt_id} sample {sample.index} is {problem}: "
                f"it must be a uint8 array (0 to 255) of shape ({size}, {size}, 3)."
            )


def _problem(output: object, size: int) -> str | None:
    if isinstance(output, Refused):
        return None
    if not isinstance(output, np.ndarray):
        return f"a {type(output).__name__}"
    if output.dtype != np.uint8 or output.shape != (size, size, 3):
        return f"an array of {output.dtype} {output.shape}"
    return None
