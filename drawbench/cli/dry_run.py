"""`--dry-run`: what runs would take, each from its first slice, which is drawn and thrown away."""

import argparse
import json
import shutil
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from drawbench.cli.progress import clock, shown_progress
from drawbench.progress import Progress
from drawbench.runs.directory import RunDirectory
from drawbench.runs.drawing import Manner, draw
from drawbench.runs.generate import Request, default_directory, make_plan
from drawbench.runs.plan import plan_samples
from drawbench.runs.png import encode_png
from metrics.images.decode import read_image

if TYPE_CHECKING:
    from drawbench.scoring.estimate import FeatureTimes

Facts = dict[str, Any]
SUMMED = ("images", "missing", "drawn", "refused", "seconds", "bytes")


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """The option."""
    parser.add_argument(
        "--dry-run", action="store_true", help="only say how many images, how much disk and time; nothing is written"
    )


def dry_run(request: Request, as_json: bool, scoring: "FeatureTimes | None" = None) -> int:
    """Draw the first slice of a run, and print what all of it would take."""
    facts = _estimate(request, scoring, shown_progress())
    if scoring is not None:
        facts["scoring_seconds"] += scoring.of_references(request.size)
    print(json.dumps(facts, indent=2) if as_json else f"{facts['run']}: {_text(facts)}")
    return 0


def dry_runs(planned: Iterable[tuple[Request, "FeatureTimes"]], as_json: bool, progress: Progress) -> int:
    """The same for several runs: each one's first slice, and the sum."""
    runs: list[Facts] = []
    of_references: dict[tuple[int, int], float] = {}
    for request, scoring in planned:
        runs.append(_estimate(request, scoring, progress))
        progress.note(f"{runs[-1]['run']}: {_images(runs[-1])}")
        of_references[id(scoring), request.size] = scoring.of_references(request.size)
        del request  # and its model, before the next one is loaded
    total: Facts = {name: sum(run[name] for run in runs) for name in SUMMED}
    total["bytes_free"] = min(run["bytes_free"] for run in runs)
    total["scoring_seconds"] = sum(run["scoring_seconds"] for run in runs) + sum(of_references.values())
    print(json.dumps({**total, "runs": runs}, indent=2) if as_json else f"{len(runs)} runs: {_text(total)}")
    return 0


def _estimate(request: Request, scoring: "FeatureTimes | None", progress: Progress) -> Facts:
    plan, prompts = make_plan(request)
    path = request.out or default_directory(plan)
    samples = plan_samples(prompts, plan.samples, plan.seed)
    run = RunDirectory.open(path) if (path / "manifest.json").is_file() else None
    missing = len(run.missing()) if run else len(samples)
    first = samples[: plan.slice_size] if missing else []
    batches = [[sample] for sample in first] if request.model.one_at_a_time else [first] * bool(first)
    began = time.monotonic()
    manner = Manner(plan.size, request.on_error)
    outputs = [output for batch in batches for output in draw(request.model, batch, manner).taken()]
    seconds = (time.monotonic() - began) / max(1, len(first))
    images = [output for output in outputs if isinstance(output, np.ndarray)]
    each = sum(len(encode_png(image)) for image in images) / max(1, len(images))
    facts: Facts = {
        "run": str(path),
        "images": len(samples),
        "missing": missing,
        "drawn": len(first),
        "refused": len(outputs) - len(images),
        "seconds_per_image": seconds if first else None,
        "seconds": seconds * missing,
        "bytes": round(each * missing),
        "bytes_free": shutil.disk_usage(next(p for p in path.absolute().parents if p.exists())).free,
        "scoring_seconds": None,
    }
    if scoring is not None:
        tried = images or _kept(run, plan.slice_size)
        facts["scoring_seconds"] = scoring.of_run(tried, plan.size, missing, run)
    return facts


def _kept(run: RunDirectory | None, count: int) -> list[np.ndarray]:
    """The first images of a run that has some."""
    drawn = [sample for sample in run.samples() if run.pixel_sha256(sample) is not None] if run else []
    return [read_image(run.image_path(sample)) for sample in drawn[:count]] if run else []


def _images(facts: Facts) -> str:
    kept = f", {facts['missing']} of them still to be drawn" if facts["missing"] != facts["images"] else ""
    return f"{facts['images']} images{kept}"


def _text(facts: Facts) -> str:
    each = f", at {facts['seconds_per_image']:.3g} s each" if facts.get("seconds_per_image") else ""
    scoring = "scoring not counted"
    if facts["scoring_seconds"] is not None:
        scoring = (
            f"about {clock(facts['scoring_seconds'])} for the features that are not kept yet; statistics not counted"
        )
    what = "first slices" if "seconds_per_image" not in facts else "a first slice"
    by = f"by {what} of {facts['drawn']} images, drawn and thrown away; " if facts["drawn"] else ""
    return (
        f"{_images(facts)}\n"
        f"disk: about {facts['bytes'] / 1e6:,.1f} MB; {facts['bytes_free'] / 1e9:,.1f} GB are free\n"
        f"time: about {clock(facts['seconds'])} to draw them{each}\n"
        f"scoring: {scoring}\n"
        f"{by}nothing was written"
    )
