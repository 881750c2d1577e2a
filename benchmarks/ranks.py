"""Images a second of the bundled model drawn by torchrun's ranks, one thread each: how drawing grows with their number.

    python -m benchmarks.ranks [--ranks 1,2] [--limit 10]

Each round draws the same run once for each number of ranks. Counted are the seconds of an image that the run's journals
record, the first batch of each rank apart: ranks draw so many images in them. The whole time, from the first attempt's
start to the last one's end, stands beside it, with what a short run loses until all ranks have begun.
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


def rates_of(ranks: int, limit: int, size: int) -> tuple[float, float]:
    """Images a second of all ranks while all draw, and of the whole run."""
    with tempfile.TemporaryDirectory(prefix="drawbench-ranks-") as folder:
        run = Path(folder) / "run"
        launched = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={ranks}", "-m", "drawbench"]
        words = ["generate", "--model", "reference", "--prompts", "open", "--samples", "1", "--size", str(size)]
        words += ["--slice", "4", "--limit", str(limit), "--workers", "1", "--out", str(run)]
        subprocess.run([*launched, *words], check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        attempts = RunDirectory.open(run).attempts
        starts = [datetime.fromisoformat(each.start) for each in attempts]
        ends = [datetime.fromisoformat(each.end or each.start) for each in attempts]
        cost = RunDirectory.open(run).cost()
        assert cost is not None
        whole = (max(ends) - min(starts)).total_seconds()
        return ranks / cost.seconds_per_image, len(RunDirectory.open(run).samples()) / whole


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
            rate, whole = rates_of(count, args.limit, args.size)
            rates[count].append(rate)
            said = f"{count} ranks, {rate:.2f} images/s, {whole:.2f} with beginning and end"
            print(f"round {number + 1} of {args.rounds}: {said}", flush=True)
    base = statistics.median(rates[counts[0]])
    for count in counts:
        median = statistics.median(rates[count])
        print(f"{count} ranks: {median:.2f} images/s, {median / base:.2f} times")
    print(f"aim: two ranks on two cores at least {TARGET} times one")


if __name__ == "__main__":
    main()
