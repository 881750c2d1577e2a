"""What a run on n captions costs beside the model and the metrics' networks: seconds and memory of every step.

    python -m benchmarks.coco_bookkeeping
    python -m benchmarks.coco_bookkeeping -n 3000 30000

Captions are made up, five to an image, in COCO's format; images are 8 px, drawn by nothing, and their features come
from a table, so what is left is ours: reading and choosing captions, plan, files and journal with fsync, sealing,
opening, verifying, and the bookkeeping of scores. Each n runs in a process of its own, on one thread for matrices. Peak
memory is the process's, so far.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.progress import Progress
from drawbench.prompts.captions import Choice
from drawbench.prompts.coco import ANNOTATIONS, load_coco
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.scoring.kinds.clip_score import CLIP_SCORE
from drawbench.scoring.kinds.frechet import FRECHET
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.score import score_run
from metrics.features.extractor import fingerprint_of
from metrics.features.registry import ExtractorEntry

SIZES = (3_000, 10_000, 30_000)
PIXELS = 8
DIMENSION = 768  # of CLIP ViT-L/14
CAPTIONS_PER_IMAGE = 5
MEGABYTE = 1024  # ru_maxrss is in KiB on Linux


@dataclass(frozen=True)
class Step:
    """One step of one run. seconds: on the clock; cpu: of the process, all threads; peak: MB so far."""

    n: int
    step: str
    seconds: float
    cpu: float
    peak: float


class _Blank(TextToImage):
    """A model that takes no time: one grey level per sample."""

    def card(self) -> ModelCard:
        return ModelCard(adapter="benchmark", spec="blank", name="blank")

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        bits = [np.frombuffer((sample.seed % 2**53).to_bytes(8, "big"), np.uint8) for sample in samples]
        return [np.resize(each, (size, size, 3)) for each in bits]


class _Table:
    """Features that take no time: rows of one table, chosen by an image's first pixels or a text's length."""

    fingerprint = fingerprint_of({"table": DIMENSION})
    dimension = DIMENSION
    context_length = 77

    def __init__(self) -> None:
        rows = np.random.default_rng(0).standard_normal((4099, DIMENSION)).astype(np.float32)
        self._rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return self._rows[[int(image[0].astype(np.uint64).sum() * 31 + image[0, 0, 0]) % 4099 for image in images]]

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return self._rows[[hash(text) % 4099 for text in texts]]

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        return [False] * len(texts)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, nargs="+", default=list(SIZES), metavar="N", help="captions (default: three)")
    parser.add_argument("--folder", type=Path, help="where the files are written (default: a temporary folder)")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.one:
        print(json.dumps([asdict(step) for step in measure(args.n[0], args.folder)]))
        return
    print(table([step for n in args.n for step in in_own_process(n, args.folder)]))


def in_own_process(n: int, folder: Path | None) -> list[Step]:
    """`measure` in a fresh process, so that its peak memory is that of this n."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = [sys.executable, "-m", "benchmarks.coco_bookkeeping", "--one", "-n", str(n), "--folder", place]
        alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = {**os.environ, **alone, "DRAWBENCH_CACHE": str(Path(place) / "cache")}
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return [Step(**row) for row in json.loads(done.stdout)]


def measure(n: int, folder: Path) -> list[Step]:
    """Every step of a run of n captions, in the order of its life."""
    steps: list[Step] = []

    def timed(name: str, work: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE
        steps.append(Step(n, name, time.perf_counter() - wall, time.process_time() - cpu, peak))
        return result

    root, out = folder / "coco", folder / "run"
    write_captions(root, n)
    prompts = timed("read and choose captions", lambda: load_coco(root, Choice(n)))

    def make() -> RunDirectory:
        return generate(Request(_Blank(), prompts, out, samples=1, size=PIXELS))

    timed("plan, fill, seal", make)
    timed("open", lambda: RunDirectory.open(out).require_seal())
    timed("verify the finished run", make)
    entry = ExtractorEntry("table", "a table", "0" * 64, lambda: _Table.fingerprint, lambda device: _Table())
    metrics = (
        MetricDefinition("clip_score", CLIP_SCORE, entry, "cosines of a table"),
        MetricDefinition("frechet_distance", FRECHET, entry, "distance of a table"),
    )
    protocol = Protocol("bookkeeping", 1, "no metric", None, metrics)
    timed("score", lambda: score_run(out, protocol, out / "images", progress=Progress()))
    timed("score again", lambda: score_run(out, protocol, out / "images", progress=Progress()))
    return steps


def write_captions(root: Path, images: int) -> None:
    """A captions file in COCO's format, with five captions to an image."""
    rows = [
        {"id": 7 * number + place, "image_id": number, "caption": f"a made-up caption, number {place} of {number} \n"}
        for number in range(images)
        for place in range(CAPTIONS_PER_IMAGE)
    ]
    listed = [{"id": number, "file_name": f"{number}.jpg"} for number in range(images)]
    (root / ANNOTATIONS).parent.mkdir(parents=True)
    (root / ANNOTATIONS).write_text(json.dumps({"images": listed, "annotations": rows}), encoding="utf-8")


def table(steps: Sequence[Step]) -> str:
    """The steps as text, and seconds per 1,000 captions, which stay level where a step is linear."""
    lines = [f"{'n':>7} {'seconds':>9} {'CPU':>8} {'CPU/1000':>9} {'peak MB':>8}  step"]
    lines += [
        f"{each.n:>7} {each.seconds:>9.2f} {each.cpu:>8.2f} {1000 * each.cpu / each.n:>9.3f} {each.peak:>8.0f}  "
        + each.step
        for each in steps
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
