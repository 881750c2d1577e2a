"""Images a second of the bundled model: one process with threads, or several with one each; quiet and beside others.

    python -m benchmarks.workers

A batch waits for the slowest of its threads, so a neighbour that takes a core stops all of them; processes wait for
nobody. Every round draws the same run in each way, first with the machine to itself and then beside a process that
works with as many threads as there are cores. Medians count: what the neighbour does to them is the question.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from benchmarks.timing import neighbour
from drawbench.cores import usable_cores
from drawbench.models.reference import ReferenceAdapter
from drawbench.models.registry import resolve_model
from drawbench.prompts.prompt_set import PromptSet
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs.generate import Request, generate

TARGET_QUIET, TARGET_BUSY = 1.1, 2.5
Times = dict[tuple[str, bool], list[float]]  # (way, beside a neighbour) -> seconds of each round


def measure(size: int, images: int, slice_size: int, rounds: int) -> Times:
    """Seconds to draw a run of so many images; a first round, which loads the models, is not counted."""
    prompts = PromptSet("speed", load_prompt_set("open").prompts[:images])
    model = resolve_model("reference", {}, "cpu")
    assert isinstance(model, ReferenceAdapter)
    times: Times = {}
    for number in range(rounds + 1):
        for busy in (False, True)[: 1 + (number > 0)]:
            with neighbour() if busy else nullcontext():
                for way, (workers, threads) in ways().items():
                    model.threads = threads
                    seconds = draw(model, prompts, size, slice_size, workers)
                    if number:
                        times.setdefault((way, busy), []).append(seconds)
                    beside = "a busy neighbour" if busy else "nobody"
                    print(f"round {number} of {rounds}, beside {beside}: {way} {seconds:.1f} s", file=sys.stderr)
    return times


def ways() -> dict[str, tuple[int, int]]:
    """Name -> processes, and threads of each."""
    cores = usable_cores()
    return {
        f"1 process, {cores} threads": (1, cores),
        "1 process, 1 thread": (1, 1),
        f"{cores} processes, 1 thread each": (cores, 1),
    }


def draw(model: ReferenceAdapter, prompts: PromptSet, size: int, slice_size: int, workers: int) -> float:
    """Seconds of a run that begins with an empty directory and ends sealed."""
    with tempfile.TemporaryDirectory() as folder:
        asked = Request(
            model, prompts, Path(folder) / "run", samples=1, size=size, slice_size=slice_size, workers=workers
        )
        began = time.perf_counter()
        generate(asked)
        return time.perf_counter() - began


def table(times: Times, images: int) -> str:
    """Images a second of each way, and how often those of the first."""
    first = next(iter(times))[0]
    lines = [f"{'images a second (median)':32} {'quiet':>8} {'times':>6} {'busy':>8} {'times':>6}"]
    for way in dict.fromkeys(way for way, _ in times):
        cells = ""
        for busy in (False, True):
            median, base = (statistics.median(times[name, busy]) for name in (way, first))
            cells += f" {images / median:8.2f} {base / median:6.2f}"
        lines.append(f"{way:32}{cells}")
    lines.append(f"aim: the last at least {TARGET_QUIET} times the first quiet, and {TARGET_BUSY} times it busy")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64, help="pixels a side (64)")
    parser.add_argument("--images", type=int, default=64, help="of each run (64)")
    parser.add_argument("--slice", type=int, default=8, help="images drawn at once (8)")
    parser.add_argument("--rounds", type=int, default=3, help="counted (3)")
    args = parser.parse_args(argv)
    print(table(measure(args.size, args.images, args.slice, args.rounds), args.images))


if __name__ == "__main__":
    main()
