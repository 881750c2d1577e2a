"""Raters in a crowd: how long from an answer to the next screen, over the real app's own websocket protocol.

    python -m benchmarks.study_load STUDY --raters 50 --screens 20 --pause 5
    python -m benchmarks.study_load STUDY --raters 50 --minutes 60 --pause 5 --samples memory.csv

starts `drawbench study serve` on this machine with a fresh database in the study's folder, lets so many raters in at
once, and prints the times, the errors, and the server's memory. With --minutes whoever has finished makes room for the
next rater until the time is over; the study needs a seat for everybody who comes.
"""

import argparse
import asyncio
import csv
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.websocket_rater import WebsocketRater
from human_eval_app.app.invitations import invitations

_PORT = 8599
_SAMPLES = 240  # of the memory, over a run


@dataclass
class Crowd:
    """What a run saw. memory: (seconds since the start, MiB, answers so far)."""

    links: Iterator[str]
    raters: list[WebsocketRater] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    memory: list[tuple[float, float, int]] = field(default_factory=list)
    out_of_seats: bool = False
    started: float = field(default_factory=time.perf_counter)

    @property
    def answers(self) -> int:
        """Answers that were followed by the next screen."""
        return sum(len(rater.answer_seconds) for rater in self.raters)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self.started


def main() -> None:
    """Run one crowd and print what it saw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--raters", type=int, default=50, help="at once")
    parser.add_argument(
        "--screens", type=int, help="answers of each rater (20; with --minutes: to the end of their seat)"
    )
    parser.add_argument(
        "--minutes", type=float, default=0.0, help="go on for so long, with new raters for finished ones"
    )
    parser.add_argument("--pause", type=float, default=5.0, help="seconds before each answer")
    parser.add_argument("--arrival", type=float, default=10.0, help="seconds over which the raters arrive")
    parser.add_argument("--images", action="store_true", help="load the 16 images of each screen, as a browser does")
    parser.add_argument("--database", help="URL (default: a fresh SQLite file)")
    parser.add_argument("--samples", type=Path, metavar="FILE", help="the server's memory over time, as CSV")
    args = parser.parse_args()
    if args.screens is None and not args.minutes:
        args.screens = 20
    database = args.database or f"sqlite:///{(args.study / f'load-{time.time_ns()}.sqlite').resolve()}"
    command = [sys.executable, "-m", "drawbench.cli.main", "study", "serve", str(args.study)]
    server = subprocess.Popen(
        [*command, "--port", str(_PORT), "--database", database],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for_server()
        crowd = asyncio.run(_study(args, server.pid))
    finally:
        server.terminate()
        server.wait()
    _report(crowd, args.raters)
    if args.samples:
        with args.samples.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("seconds", "mebibytes", "answers"), *crowd.memory])


async def _study(args: argparse.Namespace, pid: int) -> Crowd:
    links = [row["link"] for row in invitations(args.study, f"http://127.0.0.1:{_PORT}")]
    if len(links) < args.raters:
        raise SystemExit(f"{args.study} has only {len(links)} seats")
    crowd = Crowd(iter(links))
    sampler = asyncio.create_task(_sample(crowd, pid, max(1.0, 60 * args.minutes / _SAMPLES)))
    arrivals = [index * args.arrival / args.raters for index in range(args.raters)]
    await asyncio.gather(*(_place_in_the_crowd(crowd, wait, args) for wait in arrivals))
    sampler.cancel()
    crowd.memory.append((crowd.seconds, _memory(pid), crowd.answers))
    return crowd


async def _place_in_the_crowd(crowd: Crowd, wait: float, args: argparse.Namespace) -> None:
    """One rater; with --minutes one after another."""
    await asyncio.sleep(wait)
    while True:
        link = next(crowd.links, None)
        if link is None:
            crowd.out_of_seats = True
            return
        rater = WebsocketRater(link)
        crowd.raters.append(rater)
        try:
            async with rater:
                await rater.take_part(args.screens, args.pause, args.images)
            if rater.screens < (args.screens or 1):
                raise RuntimeError(f"ended after {rater.screens} screens: {rater.text()[:200]}")
        except Exception as error:  # whatever it is, it is counted, and the others go on
            crowd.errors.append(error)
        if crowd.seconds >= 60 * args.minutes:
            return


async def _sample(crowd: Crowd, pid: int, every: float) -> None:
    while True:
        crowd.memory.append((crowd.seconds, _memory(pid), crowd.answers))
        await asyncio.sleep(every)


def _report(crowd: Crowd, at_once: int) -> None:
    times = sorted(1000 * seconds for rater in crowd.raters for seconds in rater.answer_seconds)
    cuts = statistics.quantiles(times, n=100)
    came = f"raters {len(crowd.raters)} ({at_once} at once), answers {len(times)}"
    print(f"{came}, {crowd.seconds:.0f} s, errors {len(crowd.errors)}")
    typical = f"median {cuts[49]:.0f}, p95 {cuts[94]:.0f}, p99 {cuts[98]:.0f}, most {times[-1]:.0f}"
    print(f"answer to next screen, ms: {typical}")
    _report_memory(crowd.memory)
    if crowd.out_of_seats:
        print("caution: the seats ran out before the time did, so fewer raters were there in the end")
    for error in crowd.errors[:3]:
        print(f"  {error!r}")


def _report_memory(memory: list[tuple[float, float, int]]) -> None:
    """What it was at each tenth of the run, and its trend over the second half, when everybody has come."""
    tenths = [memory[round(tenth * (len(memory) - 1) / 10)][1] for tenth in range(11)]
    print(f"server's memory by tenths of the run, MiB: {' '.join(f'{value:.0f}' for value in tenths)}")
    half = memory[len(memory) // 2 :]
    if len({answers for _, _, answers in half}) > 2:
        slope, _ = statistics.linear_regression([row[2] for row in half], [row[1] for row in half])
        print(f"its trend in the second half: {1000 * slope:+.2f} MiB per 1000 answers")


def _wait_for_server() -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/_stcore/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not start")


def _memory(pid: int) -> float:
    """Resident memory of a process in MiB, as Linux tells it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
