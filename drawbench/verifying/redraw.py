"""Some samples of a run drawn again, chosen by fresh chance: which share of the images can be another's at most.

A model draws a sample from its text and seed alone, so an image that was altered, or picked among several, does not
come out again. Other hardware and software move pixels a little, so images are compared by their PSNR.
"""

import random
import secrets
from collections.abc import Sequence

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import PromptSet
from drawbench.records import Record
from drawbench.runs.directory import RunDirectory
from drawbench.runs.drawing import Manner, draw, pixels_of
from drawbench.verifying.check import Check, fails, holds, not_checkable

REDRAWN = "images drawn again"
ALIKE = 30.0  # dB; another seed of one prompt is below 20
PEAK = 255.0
CONFIDENCE = 0.95
NOT_DRAWN = ("folder", "memory", "http")  # adapters whose images no call can be held to


class Redrawn(Record):
    """drawn: samples, of `total`. equal: to the last bit. wrong: below ALIKE dB, or refused once only.

    psnr: the lowest of those that are not equal.
    most_altered: the share of all images that can be altered or picked at most, with 95% confidence.
    """

    drawn: int
    total: int
    equal: int
    wrong: tuple[str, ...]
    psnr: float | None
    most_altered: float


def redraw(run: RunDirectory, model: TextToImage, count: int, progress: Progress) -> Redrawn:
    """Draw `count` samples again with the model that the caller names.

    Raises UserError when it is another model than the run's, naming what differs.
    """
    plan, samples = run.plan, run.samples()
    model.take_prompt_set(PromptSet(plan.prompt_set_name, run.prompts))
    model.check_plan(samples, plan.size)
    _refuse_another(model.card(), plan.model)
    chosen = random.Random(secrets.randbits(256)).sample(samples, min(count, len(samples)))
    threads = next((attempt.threads for attempt in run.attempts if attempt.threads), None)
    found: list[float | None] = []
    with progress.counted("drawing again", 0, len(chosen)):
        for sample in chosen:
            [output] = draw(model, [sample], Manner(plan.size, threads=threads)).taken()
            found.append(_psnr(run, sample, pixels_of(output)))
            progress.advance(1)
    return redrawn_of(chosen, found, len(samples))


def redrawn_of(chosen: Sequence[Sample], found: Sequence[float | None], total: int) -> Redrawn:
    """found: the PSNR of each; infinite for equal pixels, None where one of both was refused or cannot be read."""
    wrong = [sample for sample, psnr in zip(chosen, found, strict=True) if psnr is None or psnr < ALIKE]
    finite = [psnr for psnr in found if psnr is not None and np.isfinite(psnr)]
    return Redrawn(
        drawn=len(chosen),
        total=total,
        equal=sum(psnr == np.inf for psnr in found),
        wrong=tuple(f"{sample.prompt_id} sample {sample.index}" for sample in wrong),
        psnr=min(finite) if finite else None,
        most_altered=most_altered(total, len(chosen), len(wrong)) / total,
    )


def most_altered(total: int, drawn: int, wrong: int) -> int:
    """The largest number of altered images among `total` of which so few may be met among `drawn` in more than 5%.

    The exact upper limit of the hypergeometric distribution.
    """
    from scipy.stats import hypergeom

    altered = np.arange(wrong, total + 1)
    possible = hypergeom.cdf(wrong, total, altered, drawn) > 1 - CONFIDENCE
    return int(altered[possible].max(initial=wrong))


def check_redrawn(found: Redrawn) -> Check:
    """The outcome in words."""
    how = f"{found.drawn} of {found.total} by fresh chance, {found.equal} equal to the last bit"
    lowest = "" if found.psnr is None else f", the others {found.psnr:.0f} dB or more"
    altered, beside = "altered or picked", ""
    if found.psnr is not None:
        altered = f"altered to below {ALIKE:.0f} dB or picked"
        beside = "; smaller changes, made to please a scorer, cannot be told from the rounding of another device"
    most = f"with 95% confidence at most {found.most_altered:.1%} of all images are {altered}{beside}"
    if found.wrong:
        listed = ", ".join(found.wrong[:3]) + (", ..." if len(found.wrong) > 3 else "")
        return fails(REDRAWN, f"{how}; {len(found.wrong)} are others, below {ALIKE:.0f} dB ({listed}); {most}")
    return holds(REDRAWN, f"{how}{lowest}; {most}; a run seed that was picked among several cannot be told")


def check_drawable(run: RunDirectory) -> Check | None:
    """Why no call can draw the run's images again; None where one may."""
    adapter = run.plan.model.adapter
    if adapter not in NOT_DRAWN:
        return None
    what = "a server's answers change" if adapter == "http" else "the images came from files"
    return not_checkable(REDRAWN, f"{what}, so nothing can be drawn again")


def _psnr(run: RunDirectory, sample: Sample, output: np.ndarray | Refused) -> float | None:
    refused = run.refusal(sample) is not None
    if refused or isinstance(output, Refused):
        return np.inf if refused and isinstance(output, Refused) else None
    try:
        drawn = run.pixels(sample).astype(np.float64)
    except (UserError, ValueError):  # gone, or not what was sealed
        return None
    error = float(((drawn - output) ** 2).mean())
    return 10 * float(np.log10(PEAK**2 / error)) if error else np.inf


def _refuse_another(mine: ModelCard, its: ModelCard) -> None:
    a, b = (card.model_dump() for card in (mine, its))
    settings = {*a.pop("settings").items()} ^ {*b.pop("settings").items()}
    other = [name for name in a if a[name] != b[name]] + sorted({name for name, _ in settings})
    if other:
        raise UserError(f"--model is another model than the run's, by {', '.join(other)}: name it with the same --set")
