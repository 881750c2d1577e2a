"""What a process of a Ray cluster that hangs costs, and how many images a second the one process that writes can take.

    python -m benchmarks.cluster

A Ray of this machine does slices that sleep, so that nothing but the handing out counts. One of its processes stops
(SIGSTOP) in its second slice and never goes on; ideally the others do all the rest, and nobody waits. Actors encode
images and hash their pixels, so that the process that writes need not: its seconds are measured for arrays and files.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.prompt_set import PromptSet
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs.claim import open_run
from drawbench.runs.cluster import Cluster
from drawbench.runs.cluster_connection import connected
from drawbench.runs.generate import Request, make_plan
from drawbench.runs.hardware import drawer_here
from drawbench.runs.png import encoded
from drawbench.terminal_progress import shown_progress

TARGET = 1.2  # times the ideal


class _Unasked(TextToImage):
    def card(self) -> ModelCard:
        return ModelCard(adapter="benchmark", spec="unasked", name="unasked")

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        raise NotImplementedError


def stalled(cluster: Cluster, slices: int, seconds: float) -> tuple[float, float]:
    """Seconds that the slices take when one process stops, and that they would ideally."""
    with tempfile.TemporaryDirectory() as folder:
        made = cluster.made(partial(Path, folder))
        for _ in cluster.map(made, _sleep, range(8 * cluster.count), lambda _: (0.2, False)):
            pass  # now all of them are at work
        began = time.perf_counter()
        for _ in cluster.map(made, _sleep, range(slices), lambda _: (seconds, True)):
            pass
        took = time.perf_counter() - began
        for path in Path(folder).glob("*-stopped"):
            os.kill(int(path.name.partition("-")[0]), signal.SIGKILL)
    return took, (slices - 1) * seconds / (cluster.count - 1)


def _sleep(folder: Path, seconds: float, stop: bool) -> None:
    """One slice, in an actor."""
    time.sleep(seconds / 2)
    begun = folder / f"{os.getpid()}-begun"
    if stop and begun.exists() and not list(folder.glob("*-stopped")):
        (folder / f"{os.getpid()}-stopped").touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    if stop and not list(folder.glob("*-begun")):  # this one it will be
        begun.touch()
    time.sleep(seconds / 2)


def writing(size: int, images: int, slice_size: int) -> tuple[float, float]:
    """Images a second that one process writes and syncs: those that it is given as arrays, and as files."""
    prompts = PromptSet("speed", load_prompt_set("open").prompts[:images])
    rng = np.random.default_rng(0)
    drawn = [_smooth(rng, size) for _ in range(slice_size)]
    rates = []
    for outputs in (drawn, [encoded(image) for image in drawn]):
        with tempfile.TemporaryDirectory() as folder:
            request = Request(_Unasked(), prompts, samples=1, size=size, slice_size=slice_size)
            plan, planned = make_plan(request)
            with open_run(Path(folder) / "run", plan, planned, print) as writer:
                writer.prepare(request.model.sources())
                writer.begin(drawer_here("cpu"))
                parts = writer.run.slices()
                began = time.perf_counter()
                for part in parts:
                    writer.put(part, outputs[: len(part.samples)])
                writer.drain()
                rates.append(sum(len(part.samples) for part in parts) / (time.perf_counter() - began))
                writer.end()
    return rates[0], rates[1]


def _smooth(rng: np.random.Generator, size: int) -> np.ndarray:
    """An image that PNG compresses about as well as a photograph."""
    small = Image.fromarray(rng.integers(0, 256, (size // 4, size // 4, 3), dtype=np.uint8))
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actors", type=int, default=4, help="processes, one of which stops (4)")
    parser.add_argument("--slices", type=int, default=60, help="of each round (60)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a slice (1)")
    parser.add_argument("--rounds", type=int, default=3, help="of the stopped process (3)")
    parser.add_argument("--sizes", type=int, nargs="*", default=[256, 1024], help="pixels of images that are written")
    args = parser.parse_args(argv)
    for size in args.sizes:
        arrays, files = writing(size, 64, 8)
        print(f"writing {size} px: {arrays:.0f} images/s given arrays, {files:.0f} given files", flush=True)
    for number in range(args.rounds):
        with connected(workers=args.actors, note=shown_progress(sys.stderr).note) as cluster:
            took, ideal = stalled(cluster, args.slices, args.seconds)
        print(
            f"round {number + 1} of {args.rounds}: {args.slices} slices of {args.seconds:g} s, one of {args.actors} "
            f"processes stops: {took:.1f} s, {took / ideal:.2f} times the ideal {ideal:.1f} s (aim {TARGET})",
            flush=True,
        )


if __name__ == "__main__":
    main()
