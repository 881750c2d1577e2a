"""Batches drawn by several processes of this machine, which hand their images back to the one that writes the run.

Threads wait for one another hundreds of times an image, processes never: on cores that others use too that is a
matter of several times, and even on idle ones of a fifth.
"""

import os
import pickle
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.errors import StageError
from drawbench.interface import Sample
from drawbench.runs.drawing import Batch, Drawn, Engine
from drawbench.runs.remade import Drawing

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

AHEAD = 2  # batches a worker is given before its first is back
IDLE = 60.0  # seconds after which a worker that has nothing to do ends
WATCH = 1.0  # seconds between two looks at whether the parent lives
ALONE = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1")
STOPS = {signal.SIGINT, signal.SIGTERM}

Prepare = Callable[[], Drawing]  # loads the model, in a worker; passed by pickle


def workers(prepare: Prepare, count: int) -> Engine:
    """The engine of `count` processes. Their batches come back in any order.

    Raises StageError when a worker dies, and what `prepare` raises. They stay for the next run, for a minute.
    """

    def engine(batches: Iterable[Batch]) -> Generator[tuple[Batch, Drawn], None, None]:
        from loky.process_executor import BrokenProcessPool

        pool = _pool(count)
        given: dict[Future[Drawn], Batch] = {}
        left = iter(batches)
        whole = False
        with _told(prepare) as path:
            try:
                while True:
                    for batch in islice(left, AHEAD * count - len(given)):
                        with _stops_blocked():
                            given[pool.submit(_work, path, batch.samples)] = batch
                    if not given:
                        whole = True
                        return
                    for done in wait(given, return_when=FIRST_COMPLETED).done:
                        yield given.pop(done), done.result()
            except BrokenProcessPool as error:
                raise StageError(
                    "a worker process was killed (out of memory, perhaps): run the same command again with fewer "
                    "--workers."
                ) from error
            finally:
                if not whole:
                    pool.shutdown(kill_workers=True)

    return engine


def _pool(count: int) -> "ProcessPoolExecutor":
    """The workers that are there, or new ones."""
    from loky import get_reusable_executor

    with _stops_blocked():
        return get_reusable_executor(
            count, timeout=IDLE, env=ALONE, initializer=_end_with, initargs=(os.getpid(),), reuse=True
        )


@contextmanager
def _stops_blocked() -> Iterator[None]:
    """Processes started inside take no Ctrl-C and no SIGTERM: the parent ends them when it stops."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _told(prepare: Prepare) -> Iterator[str]:
    """A file that says to workers what they draw, once for all batches."""
    handle, path = tempfile.mkstemp(prefix="drawbench-", suffix=".run")
    try:
        with os.fdopen(handle, "wb") as file:
            pickle.dump((Path.cwd(), prepare), file)
        yield path
    finally:
        Path(path).unlink(missing_ok=True)


def _end_with(parent: int) -> None:
    """In a worker: end when the parent has been killed, which then could not say so."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


_prepared: tuple[str, Drawing] | None = None  # of a worker


def _work(path: str, samples: Sequence[Sample]) -> Drawn:
    global _prepared
    if _prepared is None or _prepared[0] != path:
        _prepared = None  # there may be no room for two models
        folder, prepare = pickle.loads(Path(path).read_bytes())  # written by our parent just now
        os.chdir(folder)  # which may not be the one of the run before
        _prepared = (path, prepare())
    return _prepared[1](samples)
