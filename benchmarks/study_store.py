"""Milliseconds per call of the vote store: one rater alone, and many at once, with and without pauses between votes.

    python -m benchmarks.study_store
    python -m benchmarks.study_store --database postgresql://user:password@localhost/empty --raters 50

The study is of the paper's size: 11 categories of DrawBench's counts, 25 seats each. CPU milliseconds per vote (of this
process, all threads) stand beside the wall-clock times, which a busy machine lengthens. Many raters in one process
share its interpreter: what they wait is the queue, what a vote costs is the CPU time.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from human_eval_app.store.records import Identity, Place, ResponseTimes
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design
from tests.human_eval_app.designs import make_design

COUNTS = (25, 10, 19, 20, 20, 10, 10, 20, 7, 38, 21)  # DrawBench's categories
TIMING = ResponseTimes(load_ms=100, dwell_ms=5000, zooms=0, shown_at="2026-01-01T00:00:00Z")


@dataclass(frozen=True)
class Row:
    """Times of one call, milliseconds."""

    call: str
    at_once: int
    pause: float  # seconds, the mean between two calls of a rater
    calls: int
    median: float
    p95: float
    longest: float
    cpu: float  # per call
    per_second: float


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", metavar="URL", help="an empty one (default: a SQLite file in a temporary folder)")
    parser.add_argument("--raters", type=int, default=50, help="at once (default %(default)s)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(args.database or f"sqlite:///{Path(folder) / 'votes.sqlite'}", args.raters)
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    names = ("at once", "pause s", "calls", "median", "p95", "longest", "CPU", "per s")
    print("call   " + "".join(f"{name:>9}" for name in names))
    for row in rows:
        times = (row.median, row.p95, row.longest, row.cpu)
        numbers = (
            f"{row.at_once}",
            f"{row.pause}",
            f"{row.calls}",
            *(f"{ms:.2f}" for ms in times),
            f"{row.per_second:.0f}",
        )
        print(f"{row.call:<7}" + "".join(f"{number:>9}" for number in numbers))


def measure(url: str, raters: int) -> list[Row]:
    """The store's calls, alone and with `raters` threads."""
    counts = {f"category {number}": prompts for number, prompts in enumerate(COUNTS)}
    design = make_design(categories=counts, raters=25)
    store = VoteStore.open(url, design)
    rows = []
    for at_once, pause in ((1, 0.0), (raters, 1.0), (raters, 0.0)):
        places = [_seated(store, f"{at_once} {pause} {number}") for number in range(at_once)]
        rows.append(_timed("vote", places, lambda place: _vote(store, design, place), pause))
        rows.append(_timed("place", places, lambda place: _look(store, place), pause))
    store.close()
    return rows


def _seated(store: VoteStore, name: str) -> Place:
    place = store.enter(Identity("invite", name))
    store.consent(place.rater, "en", "1")
    return store.finish_instructions(place.rater)


def _vote(store: VoteStore, design: Design, place: Place) -> Place | None:
    """One vote; None at the end of the sitting."""
    assert place.sitting is not None
    given = {question.id: question.answers[0] for question in design.questions}
    after = store.vote(place.rater, place.sitting, "main", place.position, place.sequence, given, TIMING, "benchmark")
    return after if after.stage == "trial" else None


def _look(store: VoteStore, place: Place) -> Place | None:
    """Ask for a place as often as there are trials."""
    store.place(place.rater)
    return None if place.position + 1 >= place.total else Place(**{**vars(place), "position": place.position + 1})


def _timed(call: str, places: Sequence[Place], act: Callable[[Place], Place | None], pause: float) -> Row:
    taken: list[float] = []

    def work(place: Place | None) -> None:
        random = Random(str(place))
        while place is not None:
            time.sleep(random.uniform(0, 2 * pause))
            start = time.perf_counter()
            place = act(place)
            taken.append(1000 * (time.perf_counter() - start))

    threads = [threading.Thread(target=work, args=(place,)) for place in places]
    start, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu_ms = time.perf_counter() - start, 1000 * (time.process_time() - cpu)
    p95 = statistics.quantiles(taken, n=20)[-1]
    n = len(taken)
    return Row(call, len(places), pause, n, statistics.median(taken), p95, max(taken), cpu_ms / n, n / seconds)


if __name__ == "__main__":
    main()
