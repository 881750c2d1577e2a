"""Images a second of the bundled model drawn by torchrun's ranks, one thread each: how drawing grows with their number.

    python -m benchmarks.ranks [--ranks 1,2] [--limit 10]

Each round draws the same run once for each number of ranks. Counted is the time from the first attempt's start to the
last one's end, as the run's journals have it: without the start of the processes and the loading of libraries.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from drawbench.runs.directory import RunDirectory

TARGET = 1.8  # times, of two ranks on two cores


def seconds_of(ranks: int, limit: int, size: int) -> tuple[float, int]:
    """Seconds of drawing, and how many images were drawn."""
    with tempfile.TemporaryDirectory(prefix="drawbench-ranks-") as folder:
        run = Path(folder) / "run"
        launched = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={ranks}", "-m", "drawbench"]
        words = ["generate", "--model", "reference", "--prompts", "open", "--samples", "1", "--size", str(size)]
        words += ["--slice", "4", "--limit", str(limit), "--out", str(run)]
        subprocess.run([*launched, *words], check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        attempts = RunDirectory.open(run).attempts
        starts = [datetime.fromisoformat(each.start) for each in attempts]
        ends = [datetime.fromisoformat(each.end or each.start) for each in attempts]
        return (max(ends) - min(starts)).total_seconds(), len(RunDirectory.open(run).samples())


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", default="1,2", help="numbers of ranks (1,2)")
    parser.add_argument("--limit", type=int, default=10, help="prompts of each of eleven categories (10)")
    parser.add_argument("--size", type=int, default=64, help="pixels a side (64)")
    parser.add_argument("--rounds", type=int, default=3, help="(3)")
    args = parser.parse_args(argv)
    counts = [int(each) for each in args.ranks.split(",")]
    rates: dict[int, list[float]] = {count: [] for count in counts}
    for number in range(args.rounds):
        for count in counts:
            seconds, images = seconds_of(count, args.limit, args.size)
            rates[count].append(images / seconds)
            print(f"round {number + 1} of {args.rounds}: {count} ranks, {images} images, {seconds:.1f} s", flush=True)
    base = statistics.median(rates[counts[0]])
    for count in counts:
        median = statistics.median(rates[count])
        print(f"{count} ranks: {median:.2f} images/s, {median / base:.2f} times")
    print(f"aim: two ranks on two cores at least {TARGET} times one")


if __name__ == "__main__":
    main()
