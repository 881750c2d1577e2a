"""A report of many images: its size, how long it takes to make, and how it opens and scrolls in a real browser.

    python -m benchmarks.report
    python -m benchmarks.report --prompts 50 --samples 2 --models 2 --keep /tmp/big

200 prompts x 8 samples x 4 models unless told otherwise: made-up pictures with made-up scores. The report is made
twice, the second time with the thumbnails of the first. Times in the browser are its own: from the start of the
navigation until the first row has its pictures; and the longest task that kept it busy for more than 50 ms (what
browsers call a long task), while it opens, scrolls from end to end, sorts and searches. Chromium, from disk, without a
GPU.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.report.build import build_report
from drawbench.results.scores import OVERALL, Interval, PromptSetRef, ProtocolRef, Score, ScoreFile, scores_path
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.scoring.score_files import write_scores
from tests.chromium import chromium

CATEGORIES = 10
WATCH = """
window.longTasks = [];
new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((each) => each.duration)))
  .observe({ type: "longtask", buffered: true });
"""
FIRST_ROW = """() => {
  const images = [...document.querySelectorAll("#rows li:first-child img")];
  return images.length > 0 && images.every((each) => each.complete && each.naturalWidth > 0) && performance.now();
}"""
SCROLL = """async () => {
  const list = document.getElementById("list"), frames = [];
  let last = performance.now();
  while (list.scrollTop + list.clientHeight < list.scrollHeight - 1) {
    list.scrollTop += 0.9 * list.clientHeight;
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return frames;
}"""


@dataclass(frozen=True)
class Shape:
    """How much there is."""

    prompts: int
    samples: int
    models: int
    size: int


class _Clouds(TextToImage):
    """Smooth noise of a sample's seed: about as large as photographs when compressed."""

    def __init__(self, name: str) -> None:
        self.name = name

    def card(self) -> ModelCard:
        return ModelCard(adapter="benchmark", spec="clouds", name=self.name)

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        return [self._draw(sample, size) for sample in samples]

    def _draw(self, sample: Sample, size: int) -> np.ndarray:
        source = np.random.default_rng([sample.seed, *self.name.encode()])
        coarse = source.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        return np.asarray(Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC))


def make_runs(shape: Shape, folder: Path) -> list[Path]:
    """Sealed runs with scores of every image."""
    prompts = PromptSet(
        "made-up",
        tuple(
            Prompt(f"category-{n % CATEGORIES}-{n:05d}", f"Category {n % CATEGORIES}", f"a made-up prompt, number {n}")
            for n in range(shape.prompts)
        ),
    )
    paths = []
    for number in range(shape.models):
        path = folder / f"model-{number}"
        model = _Clouds(f"made-up model {number}")
        _score(generate(Request(model, prompts, path, samples=shape.samples, size=shape.size, slice_size=64)), number)
        paths.append(path)
    return paths


def _score(run: RunDirectory, number: int) -> None:
    samples, plan, seal = run.samples(), run.plan, run.require_seal()
    values = np.random.default_rng(number).normal(0.25, 0.05, len(samples))
    scores = []
    for scope in (OVERALL, *dict.fromkeys(sample.category for sample in samples)):
        inside = values[[scope in (OVERALL, sample.category) for sample in samples]]
        mean, half = float(inside.mean()), float(2 * inside.std() / len(inside) ** 0.5)
        interval = Interval(low=mean - half, high=mean + half, method="made up")
        scores.append(
            Score(metric="clip_score", scope=scope, value=mean, interval=interval, n=len(inside), definition="made up")
        )
    file = ScoreFile(
        protocol=ProtocolRef(name="made-up", version=1, fingerprint="0" * 64),
        prompt_set=PromptSetRef(name=plan.prompt_set_name, sha256=plan.prompt_set_sha256, n=plan.n_prompts),
        reference=None,
        size=plan.size,
        samples=plan.samples,
        complete=True,
        refusals=0,
        scores=scores,
        plan_sha256=plan.sha256,
        pixels_sha256=seal.pixels_sha256,
        environment={},
        date="2000-01-01",
    )
    write_scores(scores_path(run.path, "made-up"), run, file, samples, {"clip_score": values})


def measure_browser(page: Any, address: str) -> dict[str, float]:
    """Seconds and milliseconds of opening, scrolling, sorting and searching."""
    page.add_init_script(WATCH)
    page.goto(address, wait_until="commit")
    first = page.wait_for_function(FIRST_ROW).json_value()
    page.wait_for_load_state("load")
    found = {"first row, s": first / 1000, "longest task while opening, ms": _longest(page)}
    frames = page.evaluate(SCROLL)
    found |= {
        "screens scrolled": len(frames),
        "slowest screen, ms": max(frames),
        "median screen, ms": float(np.median(frames)),
    }
    found["longest task while scrolling, ms"] = _longest(page)
    for kind in ("best", "worst", "order"):
        page.locator("#sort").select_option(kind)
    for text in ("n", "nu", "num", "7", ""):
        page.locator("#query").fill(text)
    found["longest task while sorting and searching, ms"] = _longest(page)
    return found


def _longest(page: Any) -> float:
    """Of the tasks since the last time; 0 where none was long."""
    page.wait_for_timeout(300)
    return float(page.evaluate("Math.max(0, ...window.longTasks.splice(0))"))


def measure(shape: Shape, folder: Path, browser: Any) -> dict[str, float]:
    """Everything, of a report in `folder`. browser: Playwright's."""
    runs = make_runs(shape, folder)
    found: dict[str, float] = {}
    for name in ("made, s", "made again, s"):
        start = time.perf_counter()
        build_report(runs, folder / "report")
        found[name] = time.perf_counter() - start
    files = [path for path in (folder / "report").rglob("*") if path.is_file()]
    sizes = {
        kind: sum(p.stat().st_size for p in files if p.suffix == kind) / 2**20 for kind in (".webp", ".js", ".html")
    }
    found |= {
        "files": len(files),
        "pictures, MiB": sizes[".webp"],
        "scripts, MiB": sizes[".js"],
        "pages, MiB": sizes[".html"],
    }
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    return found | measure_browser(page, (folder / "report" / "gallery.html").as_uri())


def main() -> None:
    """Print what was found, a line each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("prompts", 200), ("samples", 8), ("models", 4), ("size", 256)):
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"({default})")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where runs and report stay")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    shape = Shape(args.prompts, args.samples, args.models, args.size)
    with ExitStack() as stack:
        folder = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = measure(shape, folder, stack.enter_context(chromium()))
    if args.json:
        json.dump(found, sys.stdout, indent=1)
        return
    for name, value in found.items():
        print(f"{name:48}{value:10.2f}")


if __name__ == "__main__":
    main()
