"""Every sample of every prompt as data for the gallery, and where its pictures are."""

import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.pages.templates import script_data
from drawbench.prompts.prompt_set import category_slug
from drawbench.report.provenance import Provenance
from drawbench.report.sources import ReportedRun, unique_slugs
from drawbench.report.thumbnails import FOLDER as THUMBS
from drawbench.report.thumbnails import LOSSLESS_UP_TO, SIZE, thumbnail_name
from drawbench.results.files import Result
from drawbench.results.scores import FOLDER as SCORES
from drawbench.results.scores import OVERALL
from drawbench.runs.directory import FOLDER_SIZE
from drawbench.scoring.score_files import elsewhere_name
from drawbench.tables.headers import measure_of

PAGE = "gallery.html"
DATA = "data"
KNOWN = {"file_name", "prompt_id", "category", "sample"}  # columns of a table of samples that are no metric
FIRST = 11  # images of each run on the first page
SHOWN_DIGITS = 5  # of an image's score

Values = dict[str, list[float | None]]  # metric -> a value for each sample of the plan


@dataclass(frozen=True)
class Picture:
    """One image on the first page: its thumbnail (empty for a refused one), what it shows, where it is told more of."""

    source: str
    said: str
    side: int
    href: str


@dataclass(frozen=True)
class Strip:
    """The first image of each category of a prompt set, or of its first prompts, a row for each run."""

    name: str
    slug: str
    by_category: bool
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Picture, ...]], ...]


def prompt_sets(runs: Sequence[ReportedRun]) -> list[tuple[str, str, list[ReportedRun]]]:
    """(name, part of an address, runs) of each prompt set, and each part of one that was drawn."""
    groups: dict[tuple[str, str], list[ReportedRun]] = {}
    for each in runs:
        groups.setdefault((each.run.plan.prompt_set_name, each.run.plan.prompts_sha256), []).append(each)
    names = [name for name, _ in groups]
    return list(zip(names, unique_slugs(names), groups.values(), strict=True))


def first_images(runs: Sequence[ReportedRun]) -> list[Strip]:
    """What the first page shows: of each category the first prompt's first image."""
    strips = []
    for name, slug, members in prompt_sets(runs):
        first: dict[str, Sample] = {}
        for sample in members[0].run.samples():
            first.setdefault(sample.category or sample.prompt_id, sample)
        chosen = list(first.items())[:FIRST]
        rows = tuple((each.label, tuple(_picture(each, slug, sample) for _, sample in chosen)) for each in members)
        by_category = any(sample.category for _, sample in chosen)
        strips.append(Strip(name, slug, by_category, tuple(head for head, _ in chosen), rows))
    return strips


def _picture(reported: ReportedRun, set_slug: str, sample: Sample) -> Picture:
    digest = reported.run.pixel_sha256(sample)
    href = f"{PAGE}#{quote(f'{set_slug}/{sample.prompt_id}/{sample.index + 1}/{reported.slug}')}"
    source = f"{THUMBS}/{thumbnail_name(digest)}.webp" if digest else ""
    said = f"{sample.prompt_id}, image {sample.index + 1}, {reported.label}"
    return Picture(source, said, min(reported.run.plan.size, SIZE), href)


def write_gallery(
    runs: Sequence[ReportedRun], folder: Path, out: Path, provenance: Provenance, originals: bool
) -> list[str]:
    """Write the data of every prompt set into folder/DATA and return the files' addresses, in their order.

    out: where the folder will be. originals: copied into the folder.
    """
    (folder / DATA).mkdir()
    scripts: list[str] = []
    for number, (name, slug, members) in enumerate(prompt_sets(runs), start=1):
        shown = all(each.shows_text for each in members)
        parts = {f"{DATA}/{number}.js": _set_data(name, slug, members, shown)}
        places = [_originals(each, folder, out, originals) for each in members]
        data = [_run_data(each, slug, place, provenance) for each, place in zip(members, places, strict=True)]
        _drop_repeats(data)
        parts |= {f"{DATA}/{number}-{place}.js": each for place, each in enumerate(data, start=1)}
        for address, part in parts.items():
            text = f"(window.galleryData ||= []).push({script_data(part)});\n"
            (folder / address).write_text(text, encoding="utf-8")
        scripts += parts
    return scripts


def _set_data(name: str, slug: str, members: Sequence[ReportedRun], texts: bool) -> dict[str, Any]:
    run = members[0].run
    categories = list(dict.fromkeys(prompt.category for prompt in run.prompts))
    place = {category: number for number, category in enumerate(categories)}
    prompts = [
        [
            prompt.id,
            place[prompt.category],
            category_slug(prompt.category) or f"{position // FOLDER_SIZE:03d}",
            prompt.text if texts else "",
        ]
        for position, prompt in enumerate(run.prompts)
    ]
    return {"kind": "set", "slug": slug, "name": name, "categories": categories, "prompts": prompts, "texts": texts}


def _run_data(reported: ReportedRun, set_slug: str, originals: str, provenance: Provenance) -> dict[str, Any]:
    """images: for each prompt, for each sample: the thumbnail's name, or a list that holds why there is no image."""
    run = reported.run
    samples = run.samples()
    count = len(run.prompts)  # sample-major: sample 0 of every prompt comes first
    images: list[list[object]] = [[] for _ in range(count)]
    seeds: list[list[str]] = [[] for _ in range(count)]
    for position, sample in enumerate(samples):
        digest = run.pixel_sha256(sample)
        reason = reported.reason(sample.prompt_id, run.refusal(sample) or "")
        images[position % count].append(thumbnail_name(digest) if digest else [reason])
        seeds[position % count].append(str(sample.seed))
    metrics = []
    for result in sorted(reported.results, key=lambda each: each.protocol.name):
        for metric, values in read_values(reported, result).items():
            by_prompt: list[list[float | None]] = [values[number::count] for number in range(count)]
            measure, score = measure_of(metric), result.score(metric, OVERALL)
            largest = max((abs(value) for value in values if value is not None), default=0.0)
            protocol = result.protocol
            metrics.append(
                {
                    "key": f"{metric} {protocol.fingerprint}",
                    "name": f"{measure.title}, {protocol.name} v{protocol.version}",
                    "higher": measure.higher_is_better is not False,
                    "decimals": min(measure.decimals(largest), 3),
                    "href": provenance.address_of(score),
                    "values": by_prompt,
                }
            )
    return {
        "kind": "run",
        "set": set_slug,
        "slug": reported.slug,
        "label": reported.label,
        "size": run.plan.size,
        "pixelated": run.plan.size <= LOSSLESS_UP_TO,
        "originals": originals,
        "samples": run.plan.samples,
        "images": images,
        "seeds": seeds,
        "metrics": metrics,
    }


def _drop_repeats(runs: Sequence[dict[str, Any]]) -> None:
    """Two protocols may share a metric: of those that give every image of every run one value, the first is kept."""
    seen: list[tuple[str, list[object]]] = []
    for key in dict.fromkeys(each["key"] for run in runs for each in run["metrics"]):
        values = [next((each["values"] for each in run["metrics"] if each["key"] == key), None) for run in runs]
        mark = (key.partition(" ")[0], values)
        if mark in seen:
            for run in runs:
                run["metrics"] = [each for each in run["metrics"] if each["key"] != key]
        seen.append(mark)


def read_values(reported: ReportedRun, result: Result) -> Values:
    """The scores of single images under a protocol: none where no table of samples was kept.

    Raises UserError for a table of other samples than the run's.
    """
    from pyarrow import ArrowInvalid, parquet

    run, protocol = reported.run, result.protocol.name
    places = [run.path / SCORES / f"{protocol}.parquet"]
    if reported.scores:
        places.insert(0, reported.scores / elsewhere_name(run, protocol).replace(".json", ".parquet"))
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return {}
    try:
        table = parquet.read_table(path)
    except (ArrowInvalid, OSError) as error:
        raise UserError(f"{path} cannot be read ({error}): score the run again") from None
    names = [run.file_name(sample) for sample in run.samples()]
    if "file_name" not in table.column_names or table["file_name"].to_pylist() != names:
        raise UserError(f"{path} was made from other images than {run.path} holds now: score the run again")
    return {
        name: [_shown(value) for value in table[name].to_pylist()] for name in table.column_names if name not in KNOWN
    }


def _shown(value: float | None) -> float | None:
    """A few digits, and None for what is no number."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{SHOWN_DIGITS}g}")


def _originals(reported: ReportedRun, folder: Path, out: Path, copied: bool) -> str:
    """The address of the folder of a run's images, seen from the report."""
    run = reported.run
    if copied:
        place = f"images/{run.plan.sha256[:12]}-{run.require_seal().pixels_sha256[:12]}"
        for sample in run.samples():
            if run.pixel_sha256(sample):
                target = folder / place / run.file_name(sample)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(run.image_path(sample), target)
        return place
    try:
        address = os.path.relpath(run.images.resolve(), out.resolve())
    except ValueError:  # another drive
        return run.images.resolve().as_uri()
    return Path(address).as_posix()
