"""Fills a run: plan, draw what is missing, seal."""

import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from drawbench.errors import StageError, UserError, is_input_error
from drawbench.files import write_text_atomically
from drawbench.interface import NOT_STATED, Refused, Sample, TextToImage
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import Prompt, PromptSet, category_slug, repeats
from drawbench.runs.directory import RunDirectory, named
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
    limit: the first prompts of each category only.
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
            _draw(request.model, writer, progress, watcher)
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


def _draw(model: TextToImage, writer: RunWriter, progress: Progress, watcher: Watcher | None) -> None:
    missing, size = writer.run.missing_slices(), writer.run.plan.size
    if watcher:
        watcher.begin(writer.run, missing)
    total = len(writer.run.samples())
    complete = False
    with progress.counted("drawing", total - sum(len(part.samples) for part in missing), total):
        try:
            for part in missing:
                with _recorded_warnings(writer, progress):
                    outputs = _draw_slice(model, part, size, writer.path / ERROR_LOG)
                writer.put(part, outputs)
                if watcher:
                    watcher.add(outputs)
                progress.advance(len(part.samples))
            complete = True
        finally:
            writer.drain()  # also after an interrupt: the slice being written is kept
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


def _draw_slice(model: TextToImage, part: Slice, size: int, error_log: Path) -> Sequence[np.ndarray | Refused]:
    try:
        outputs = model.generate(part.samples, size)
    except (UserError, StageError):
        raise
    except Exception as error:  # whatever a model meets: the run stays, and the traceback is kept for its author
        if is_input_error(error):
            raise
        write_text_atomically(error_log, traceback.format_exc())
        raise StageError(
            f"the model failed in the slice of {named(part.samples)} ({type(error).__name__}: {error}): "
            f"see {error_log}, then run the same command again."
        ) from error
    check_outputs(outputs, part.samples, size)
    return outputs


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
