"""Fills a run: plan, draw what is missing, seal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from drawbench.errors import UserError
from drawbench.models.base import Refused, TextToImage
from drawbench.plan import (
    DEFAULT_SLICE_SIZE,
    NOT_STATED,
    Plan,
    plan_samples,
)
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import Prompt, PromptSet, category_slug
from drawbench.run_directory import RunDirectory
from drawbench.run_writer import RunWriter, open_run
from drawbench.samples import Sample

RUNS = Path("runs")


@runtime_checkable
class ChecksPlan(Protocol):
    """A model that can say before anything is written that it cannot serve a plan (images on disk, say)."""

    def check_plan(self, samples: Sequence[Sample], size: int) -> None:
        """Raises UserError that names what is missing. `samples` are all of the run, in plan order."""
        ...


def generate(
    model: TextToImage,
    prompt_set: PromptSet,
    out: Path | None = None,
    *,
    samples: int,
    size: int,
    seed: int = 0,
    limit: int | None = None,
    slice_size: int = DEFAULT_SLICE_SIZE,
    progress: Progress | None = None,
) -> RunDirectory:
    """Make, resume or extend a run; returns it sealed. A finished run is verified and left as it is.

    `samples` is per prompt, `size` in pixels, `limit` takes the first prompts of each category. Without `out` the
    directory is `default_directory(plan)`. Raises UserError when the plan cannot be or is not the directory's,
    StageError when the work stopped half way. An interrupt leaves whole slices only, and the rest to the next call.
    """
    progress = progress or Progress()
    plan, prompts = make_plan(
        model, prompt_set, samples=samples, size=size, seed=seed, limit=limit, slice_size=slice_size
    )
    path = out if out is not None else default_directory(plan)
    with open_run(path, plan, prompts, progress.note) as writer:
        missing = writer.run.missing_slices()
        if not missing and writer.run.seal is not None:
            progress.note(f"{path} is finished: all {len(writer.run.samples())} samples verified, nothing to do")
            return writer.run
        writer.begin(str(getattr(model, "device", NOT_STATED)))
        try:
            _draw(model, writer, plan.size, progress)
            return writer.seal()
        finally:
            writer.end()


def make_plan(
    model: TextToImage,
    prompt_set: PromptSet,
    *,
    samples: int,
    size: int,
    seed: int = 0,
    limit: int | None = None,
    slice_size: int = DEFAULT_SLICE_SIZE,
) -> tuple[Plan, tuple[Prompt, ...]]:
    """The plan and its prompts. Raises UserError when an option is out of range or the model cannot serve the plan."""
    for name, value in (("samples", samples), ("size", size), ("slice", slice_size), ("limit", limit)):
        if value is not None and value < 1:
            raise UserError(f"--{name} {value} makes no run: give a whole number of at least 1.")
    planned = prompt_set if limit is None else prompt_set.limited(limit)
    if isinstance(model, ChecksPlan):
        model.check_plan(plan_samples(planned.prompts, samples, seed), size)
    card = model.card()
    plan = Plan(
        prompt_set_name=prompt_set.name,
        prompt_set_sha256=prompt_set.sha256,
        prompt_set_n=len(prompt_set.prompts),
        prompts_sha256=planned.sha256,
        prompt_ids=tuple(prompt.id for prompt in planned.prompts),
        model=card,
        size=size,
        samples=samples,
        limit=limit,
        seed=seed,
        slice_size=slice_size,
        dtype=str(card.settings.get("dtype") or NOT_STATED),
    )
    return plan, planned.prompts


def default_directory(plan: Plan) -> Path:
    """runs/<model>--<prompt set>--<first 8 of the plan's hash>: another plan never meets this one's directory."""
    model = category_slug(plan.model.name) or "model"
    return RUNS / f"{model}--{category_slug(plan.prompt_set_name) or 'prompts'}--{plan.sha256[:8]}"


def _draw(model: TextToImage, writer: RunWriter, size: int, progress: Progress) -> None:
    missing = writer.run.missing_slices()
    total = len(writer.run.samples())
    progress.start("drawing", total - sum(len(part.samples) for part in missing), total)
    try:
        for part in missing:
            outputs = model.generate(part.samples, size)
            check_outputs(outputs, part.samples, size)
            writer.put(part, outputs)
            progress.advance(len(part.samples))
    finally:
        try:
            writer.drain()
        finally:
            progress.finish()


def check_outputs(outputs: Sequence[np.ndarray | Refused], samples: Sequence[Sample], size: int) -> None:
    """Raises UserError when a model's answer is not one uint8 RGB image of the size, or one refusal, per sample."""
    if len(outputs) != len(samples):
        raise UserError(
            f"the model returned {len(outputs)} images for {len(samples)} samples: it must return one each."
        )
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
