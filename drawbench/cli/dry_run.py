"""`--dry-run`: what runs would take, each from its first slice, which is drawn and thrown away."""

import argparse
import json
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from drawbench.interface import Refused, Sample
from drawbench.progress import Progress
from drawbench.runs.at_once import engine_of
from drawbench.runs.directory import RunDirectory
from drawbench.runs.drawing import Batch, Manner, pixels_of
from drawbench.runs.generate import Request, default_directory, make_plan, workers_of
from drawbench.runs.kept import PARTIAL, KeptSamples
from drawbench.runs.plan import Slice, plan_samples, plan_slices
from drawbench.runs.png import encode_png
from drawbench.terminal_progress import clock, shown_progress
from metrics.images.decode import read_image

if TYPE_CHECKING:
    from drawbench.scoring.estimate import FeatureTimes

Facts = dict[str, Any]
SUMMED = ("images", "missing", "drawn", "refused", "seconds", "bytes")
ASKED = ("requests", "cost")  # of a server
NOT_KNOWN = "not known: none is drawn that may cost money (with --set price=0, some are drawn and thrown away)"


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """The option."""
    parser.add_argument(
        "--dry-run", action="store_true", help="only say how many images, how much disk and time; nothing is written"
    )


def dry_run(request: Request, as_json: bool, scoring: "Sequence[FeatureTimes]" = ()) -> int:
    """Draw the first slice of a run, and print what all of it would take. scoring: for each protocol."""
    facts = _estimate(request, scoring, shown_progress())
    if scoring:
        facts["scoring_seconds"] += sum(each.of_references(request.size) for each in scoring)
    print(json.dumps(facts, indent=2) if as_json else f"{facts['run']}: {_text(facts)}")
    return 0


def dry_runs(planned: Iterable[tuple[Request, "FeatureTimes"]], as_json: bool, progress: Progress) -> int:
    """The same for several runs: each one's first slice, and the sum."""
    runs: list[Facts] = []
    of_references: dict[tuple[int, int], float] = {}
    for request, scoring in planned:
        runs.append(_estimate(request, [scoring], progress))
        progress.note(f"{runs[-1]['run']}: {_images(runs[-1])}")
        of_references[id(scoring), request.size] = scoring.of_references(request.size)
        del request  # and its model, before the next one is loaded
    names = [name for name in (*SUMMED, *ASKED) if any(name in run for run in runs)]
    total: Facts = {name: _sum([run.get(name, 0) for run in runs]) for name in names}
    total["bytes_free"] = min(run["bytes_free"] for run in runs)
    total["scoring_seconds"] = sum(run["scoring_seconds"] for run in runs) + sum(of_references.values())
    print(json.dumps({**total, "runs": runs}, indent=2) if as_json else f"{len(runs)} runs: {_text(total)}")
    return 0


def _sum(values: Sequence[float | None]) -> float | None:
    """None where one of them is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _estimate(request: Request, scoring: "Sequence[FeatureTimes]", progress: Progress) -> Facts:
    plan, prompts = make_plan(request)
    path = request.out or default_directory(plan)
    samples = plan_samples(prompts, plan.samples, plan.seed)
    run = RunDirectory.open(path) if (path / "manifest.json").is_file() else None
    missing = len(_missing(run)) if run else len(samples)
    first = samples[: plan.slice_size] if missing and not request.model.may_cost else []
    began = time.monotonic()
    workers = workers_of(request)
    outputs = _drawn(request, plan_slices(first, plan.slice_size), threads=1 if workers > 1 else request.model.threads)
    seconds = (time.monotonic() - began) / len(first) / workers if first else _seconds_so_far(request, run)
    images = [output for output in outputs if isinstance(output, np.ndarray)]
    known = images if first or not missing else _kept(run, plan.slice_size)
    each = sum(len(encode_png(image)) for image in known) / max(1, len(known))
    facts: Facts = {
        "run": str(path),
        "images": len(samples),
        "missing": missing,
        "drawn": len(first),
        "refused": len(outputs) - len(images),
        "seconds_per_image": seconds,
        "seconds": seconds * missing if seconds is not None else None if missing else 0.0,
        "bytes": round(each * missing) if known or first or not missing else None,
        "bytes_free": shutil.disk_usage(next(p for p in path.absolute().parents if p.exists())).free,
        "scoring_seconds": None,
    }
    if request.model.may_cost or request.model.price is not None:
        facts |= {"requests": missing, "cost": None if request.model.price is None else request.model.price * missing}
    if scoring:
        tried = images or _kept(run, plan.slice_size) or _stand_ins(plan.size)
        texts = [prompt.text for prompt in prompts]
        facts["scoring_seconds"] = sum(each.of_run(tried, texts, plan.size, missing, run) for each in scoring)
    return facts


def _missing(run: RunDirectory) -> list[Sample]:
    """Those that a model would be asked for: not those that are kept of slices which are not whole."""
    kept = KeptSamples(run.path / PARTIAL)
    return [
        sample
        for part in run.missing_slices()
        for number, sample in enumerate(part.samples)
        if kept.get(part, number) is None
    ]


def _drawn(request: Request, parts: Sequence[Slice], threads: int | None) -> list[np.ndarray | Refused]:
    """As a run draws them, in the order in which they become ready."""
    engine = engine_of(request.model, Manner(request.size, request.on_error, threads=threads))
    batches = (
        [Batch(part, number) for part in parts for number in range(len(part.samples))]
        if request.model.one_at_a_time
        else [Batch(part) for part in parts]
    )
    with closing(engine(batches)) as drawing:
        return [pixels_of(output) for _, drawn in drawing for output in drawn.taken()]


def _seconds_so_far(request: Request, run: RunDirectory | None) -> float | None:
    """What an image took of a run that is begun; None where none is."""
    usage = run.usage() if run else None
    return usage.seconds / usage.answered / request.model.concurrency if usage and usage.answered else None


def _kept(run: RunDirectory | None, count: int) -> list[np.ndarray]:
    """The first images of a run that has some."""
    drawn = [sample for sample in run.samples() if run.pixel_sha256(sample) is not None] if run else []
    return [read_image(run.image_path(sample)) for sample in drawn[:count]] if run else []


def _stand_ins(size: int) -> list[np.ndarray]:
    """An image of noise, where none may be drawn: networks take as long for any."""
    return [np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)]


def _images(facts: Facts) -> str:
    kept = f", {facts['missing']} of them still to be drawn" if facts["missing"] != facts["images"] else ""
    return f"{facts['images']} images{kept}"


def _text(facts: Facts) -> str:
    each = f", at {facts['seconds_per_image']:.3g} s each" if facts.get("seconds_per_image") else ""
    disk = "not known" if facts["bytes"] is None else f"about {facts['bytes'] / 1e6:,.1f} MB"
    seconds = facts["seconds"]
    time_ = NOT_KNOWN if seconds is None else f"about {clock(seconds)} to draw them{each}"
    scoring = "scoring not counted"
    if facts["scoring_seconds"] is not None:
        scoring = (
            f"about {clock(facts['scoring_seconds'])} for the features that are not kept yet; statistics not counted"
        )
    what = "first slices" if "seconds_per_image" not in facts else "a first slice"
    by = f"by {what} of {facts['drawn']} images, drawn and thrown away; " if facts["drawn"] else ""
    return (
        f"{_images(facts)}\n{_asked(facts)}"
        f"disk: {disk}; {facts['bytes_free'] / 1e9:,.1f} GB are free\n"
        f"time: {time_}\n"
        f"scoring: {scoring}\n"
        f"{by}nothing was written"
    )


def _asked(facts: Facts) -> str:
    if "requests" not in facts:
        return ""
    cost = "not known: --set price=P says what an image costs" if facts["cost"] is None else f"{facts['cost']:.6g}"
    return f"requests: {facts['requests']}, and more where one must be repeated\ncost: {cost}\n"
