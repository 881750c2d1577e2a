"""The images of a report: the first prompts of each category, unpicked, as thumbnails beside the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from drawbench.interface import Sample
from drawbench.prompts.drawbench_set import NAME as DRAWBENCH
from drawbench.prompts.drawbench_set import SHA256 as DRAWBENCH_SHA256
from drawbench.runs.directory import RunDirectory

PER_CATEGORY = 8
WITHOUT_CATEGORIES = 48
THUMBNAIL = 256  # pixels
LOSSLESS_UP_TO = 64  # small images are shown as they are


@dataclass(frozen=True)
class Picture:
    """One model's image for a prompt, or its refusal. `source` is relative to the page."""

    label: str
    source: str
    alternative: str
    size: int
    refusal: str | None


@dataclass(frozen=True)
class Card:
    """One prompt: its id, its text (empty where it must not be shown), and one picture per run."""

    prompt_id: str
    text: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Category:
    """The shown prompts of one category, and how many there are."""

    name: str
    prompts: int
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Gallery:
    """One prompt set's images."""

    prompt_set: str
    samples: int
    categories: tuple[Category, ...]


def build_galleries(runs: Sequence[tuple[str, RunDirectory]], folder: Path) -> list[Gallery]:
    """Write thumbnails into folder/images and say what to show, one gallery per prompt set.

    runs: (label, run) in the order of display. Runs of one set stand side by side.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for number, (_, run) in enumerate(runs):
        groups.setdefault((run.plan.prompt_set_name, run.plan.prompts_sha256), []).append(number)
    return [_gallery([(number, *runs[number]) for number in numbers], folder) for numbers in groups.values()]


def shows_text(run: RunDirectory) -> bool:
    """False for DrawBench, by name and by content: its prompts are named by id and category only."""
    return run.plan.prompt_set_name != DRAWBENCH and run.plan.prompt_set_sha256 != DRAWBENCH_SHA256


def _gallery(runs: list[tuple[int, str, RunDirectory]], folder: Path) -> Gallery:
    first = runs[0][2]
    by_category: dict[str, list[Sample]] = {}
    for sample in first.samples():
        if sample.index == 0:
            by_category.setdefault(sample.category, []).append(sample)
    most = WITHOUT_CATEGORIES if len(by_category) == 1 else PER_CATEGORY
    text_shown = all(shows_text(run) for _, _, run in runs)
    categories = tuple(
        Category(name, len(samples), tuple(_card(sample, runs, folder, text_shown) for sample in samples[:most]))
        for name, samples in by_category.items()
    )
    return Gallery(first.plan.prompt_set_name, max(run.plan.samples for _, _, run in runs), categories)


def _card(sample: Sample, runs: list[tuple[int, str, RunDirectory]], folder: Path, text_shown: bool) -> Card:
    pictures = tuple(_picture(sample, number, label, run, folder) for number, label, run in runs)
    return Card(sample.prompt_id, sample.text if text_shown else "", pictures)


def _picture(sample: Sample, number: int, label: str, run: RunDirectory, folder: Path) -> Picture:
    refusal = run.refusal(sample)
    alternative = f"{sample.prompt_id}, {label}"
    if refusal is not None:
        return Picture(label, "", alternative, 0, refusal)
    source = f"images/{number}/{Path(run.file_name(sample)).with_suffix('.webp').as_posix()}"
    size = _write_thumbnail(run, sample, folder / source)
    return Picture(label, source, alternative, size, None)


def _write_thumbnail(run: RunDirectory, sample: Sample, target: Path) -> int:
    image = Image.fromarray(run.pixels(sample))
    image.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, "WEBP", lossless=max(image.size) <= LOSSLESS_UP_TO, quality=90)
    return max(image.size)
