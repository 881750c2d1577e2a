"""Scoring a run again: with an empty cache, unchanged, and with every image read again.

The run is made for the purpose: 200 embedded prompts x 8 images of 256 px, soft random blobs. References: 400 images.
CPU seconds stand beside wall time, because other work on the machine lengthens only the latter.
"""

import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs.generate import Request, generate
from drawbench.scoring.protocols import bundled, bundled_extended
from drawbench.scoring.score import score_run

SAMPLES, SIZE, REFERENCES = 8, 256, 400
GRID = 6  # random colours a side, enlarged smoothly


class Blobs(TextToImage):
    """A model that draws soft random blobs."""

    def card(self) -> ModelCard:
        """What it is."""
        return ModelCard(adapter="python", spec="benchmark", name="blobs")

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One image for each sample, by its seed."""
        return [blobs(sample.seed, size) for sample in samples]


def blobs(seed: int, size: int) -> np.ndarray:
    """Random colours on a small grid, enlarged: uint8 (size, size, 3)."""
    grid = np.random.default_rng(seed).integers(0, 256, (GRID, GRID, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC))


def report(samples: int = SAMPLES, size: int = SIZE, references: int = REFERENCES) -> str:
    """Seconds of each way of scoring, imports and the making of the run not counted."""
    import torch

    with tempfile.TemporaryDirectory() as name, _own_cache(Path(name) / "cache"):
        folder = Path(name)
        run = generate(Request(Blobs(), load_prompt_set("open"), folder / "run", samples=samples, size=size)).path
        (folder / "references").mkdir()
        for number in range(references):
            Image.fromarray(blobs(number, size)).save(folder / "references" / f"{number}.png")
        warm_up = generate(
            Request(Blobs(), load_prompt_set("open"), folder / "warm-up", samples=1, size=size, limit=1)
        ).path
        score_run(warm_up, bundled())  # imports
        lines = [
            f"scoring {len(load_prompt_set('open').prompts) * samples} images of {size} px, {references} references; "
            f"{platform.machine()}, {torch.get_num_threads()} threads",
            f"{'protocol':18} {'how':22} {'wall s':>8} {'CPU s':>8}",
        ]
        for protocol in (bundled(), bundled_extended()):
            for how, verify in (("first", False), ("again, unchanged", False), ("again, --verify", True)):
                wall, cpu = time.perf_counter(), time.process_time()
                score_run(run, protocol, folder / "references", verify=verify)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                lines.append(f"{protocol.name:18} {how:22} {wall:8.2f} {cpu:8.2f}")
    return "\n".join(lines) + "\n"


@contextmanager
def _own_cache(folder: Path) -> Iterator[None]:
    before = os.environ.get("DRAWBENCH_CACHE")
    os.environ["DRAWBENCH_CACHE"] = str(folder)
    try:
        yield
    finally:
        del os.environ["DRAWBENCH_CACHE"]
        if before is not None:
            os.environ["DRAWBENCH_CACHE"] = before


if __name__ == "__main__":
    print(report(), end="")
