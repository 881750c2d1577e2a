"""Scores and images of a run for TensorBoard, by its standard writer: one point of a curve over checkpoints."""

from pathlib import Path

import numpy as np

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import category_slug
from drawbench.report.grid import category_grid
from drawbench.results.files import Result
from drawbench.results.scores import OVERALL, Interval
from drawbench.runs.directory import RunDirectory

MISSING = "--track needs TensorBoard, which is not installed: pip install 'drawbench[track]'"


def require_writer() -> None:
    """Raises UserError, before anything is drawn, where TensorBoard is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise UserError(MISSING) from None


def track(result: Result, run: RunDirectory, folder: Path, step: int) -> Path:
    """Add a run's scores to the event files in a folder; returns those of its model and prompts.

    Scalars `<protocol>/<metric>/<scope>`, with `low` and `high` of the overall interval beside them; the first images
    of every category; how the numbers are defined. step: their place on the axis, such as a training's step.
    """
    require_writer()
    from torch.utils.tensorboard import SummaryWriter

    own = folder / f"{category_slug(result.model.name)}--{category_slug(result.prompt_set.name)}"
    protocol = result.protocol
    with SummaryWriter(str(own)) as writer:
        for score in result.scores:
            tag = f"{protocol.name}/{score.metric}/{score.scope}"
            writer.add_scalar(tag, score.value, step)
            if score.scope == OVERALL and isinstance(score.interval, Interval):
                writer.add_scalar(f"{tag} low", score.interval.low, step)
                writer.add_scalar(f"{tag} high", score.interval.high, step)
        writer.add_image("images", np.asarray(category_grid(run)), step, dataformats="HWC")
        lines = {f"- {each.metric}: {each.definition}" for each in result.scores if each.scope == OVERALL}
        stated = f"protocol {protocol.name} version {protocol.version}, {protocol.fingerprint[:12]}"
        writer.add_text("definitions", "\n".join([stated, "", *sorted(lines)]), step)
    return own
