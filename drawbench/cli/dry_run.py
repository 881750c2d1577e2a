"""`--dry-run`: what a run would take, from its first slice, which is drawn and thrown away."""

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from drawbench.cli.progress import clock
from drawbench.errors import StageError, UserError, is_input_error
from drawbench.interface import Refused
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, check_outputs, default_directory, make_plan
from drawbench.runs.plan import plan_samples
from drawbench.runs.png import encode_png


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """The option."""
    parser.add_argument(
        "--dry-run", action="store_true", help="only say how many images, how much disk and time; nothing is written"
    )


def dry_run(request: Request, as_json: bool) -> int:
    """Draw the first slice, and print what all of it would take. Scoring is not in the time."""
    plan, prompts = make_plan(request)
    path = request.out or default_directory(plan)
    samples = plan_samples(prompts, plan.samples, plan.seed)
    first = samples[: plan.slice_size]
    began = time.monotonic()
    try:
        outputs = request.model.generate(first, plan.size)
    except (UserError, StageError):
        raise
    except Exception as error:  # whatever a model meets
        if is_input_error(error):
            raise
        raise StageError(f"the model failed in its first slice ({type(error).__name__}: {error})") from error
    check_outputs(outputs, first, plan.size)
    seconds = (time.monotonic() - began) / len(first)
    images = [output for output in outputs if isinstance(output, np.ndarray)]
    each = sum(len(encode_png(image)) for image in images) / max(1, len(images))
    missing = _missing(path, len(samples))
    facts: dict[str, Any] = {
        "run": str(path),
        "images": len(samples),
        "missing": missing,
        "drawn": len(first),
        "refused": sum(isinstance(output, Refused) for output in outputs),
        "seconds_per_image": seconds,
        "seconds": seconds * missing,
        "bytes": round(each * missing),
        "bytes_free": shutil.disk_usage(next(p for p in path.absolute().parents if p.exists())).free,
    }
    print(json.dumps(facts, indent=2) if as_json else _text(facts))
    return 0


def _missing(path: Path, planned: int) -> int:
    return len(RunDirectory.open(path).missing()) if (path / "manifest.json").is_file() else planned


def _text(facts: dict[str, Any]) -> str:
    kept = f", {facts['missing']} of them still to be drawn" if facts["missing"] != facts["images"] else ""
    return (
        f"{facts['run']}: {facts['images']} images{kept}\n"
        f"disk: about {facts['bytes'] / 1e6:,.1f} MB; {facts['bytes_free'] / 1e9:,.1f} GB are free\n"
        f"time: about {clock(facts['seconds'])} to draw them, at {facts['seconds_per_image']:.3g} s each; "
        f"scoring not counted\nby a first slice of {facts['drawn']} images, which was drawn and thrown away; "
        "nothing was written"
    )
