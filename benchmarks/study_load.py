"""Raters in a crowd: how long from an answer to the next screen, over the real app's own websocket protocol.

    python -m benchmarks.study_load STUDY --raters 50 --screens 20 --pause 5

starts `drawbench study serve` on this machine with a fresh database in the study's folder, lets so many raters in at
once, and prints the times, the errors, and the server's memory before and after. The study needs a seat for each.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from benchmarks.websocket_rater import WebsocketRater
from human_eval_app.cli.invite import invitations

_PORT = 8599


def main() -> None:
    """Run one crowd and print what it saw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--raters", type=int, default=50)
    parser.add_argument("--screens", type=int, default=20, help="answers of each rater")
    parser.add_argument("--pause", type=float, default=5.0, help="seconds before each answer")
    parser.add_argument("--arrival", type=float, default=10.0, help="seconds over which the raters arrive")
    parser.add_argument("--images", action="store_true", help="load the 16 images of each screen, as a browser does")
    parser.add_argument("--database", help="URL (default: a fresh SQLite file)")
    args = parser.parse_args()
    database = args.database or f"sqlite:///{(args.study / f'load-{time.time_ns()}.sqlite').resolve()}"
    command = [sys.executable, "-m", "drawbench.cli.main", "study", "serve", str(args.study)]
    server = subprocess.Popen(
        [*command, "--port", str(_PORT), "--database", database],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for_server()
        asyncio.run(_crowd(args, server.pid))
    finally:
        server.terminate()
        server.wait()


async def _crowd(args: argparse.Namespace, pid: int) -> None:
    rows = invitations(args.study, f"http://127.0.0.1:{_PORT}")[: args.raters]
    if len(rows) < args.raters:
        raise SystemExit(f"{args.study} has only {len(rows)} seats")
    raters = [WebsocketRater(row["link"]) for row in rows]
    before, started = _memory(pid), time.perf_counter()
    arrivals = [index * args.arrival / len(raters) for index in range(len(raters))]
    outcomes = await asyncio.gather(
        *(_take_part(rater, wait, args) for rater, wait in zip(raters, arrivals, strict=True)), return_exceptions=True
    )
    errors = [outcome for outcome in outcomes if outcome is not None]
    times = sorted(1000 * seconds for rater in raters for seconds in rater.answer_seconds)
    cuts = statistics.quantiles(times, n=100)
    seconds = time.perf_counter() - started
    print(f"raters {len(raters)}, answers {len(times)}, {seconds:.0f} s, errors {len(errors)}")
    typical = f"median {cuts[49]:.0f}, p95 {cuts[94]:.0f}, p99 {cuts[98]:.0f}, most {times[-1]:.0f}"
    print(f"answer to next screen, ms: {typical}")
    print(f"server's memory, MiB: {before:.0f} before, {_memory(pid):.0f} after")
    for error in errors[:3]:
        print(f"  {error!r}")


async def _take_part(rater: WebsocketRater, wait: float, args: argparse.Namespace) -> None:
    await asyncio.sleep(wait)
    async with rater:
        await rater.take_part(args.screens, args.pause, args.images)
    if rater.screens < args.screens:
        raise RuntimeError(f"ended after {rater.screens} screens: {rater.text()[:200]}")


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
