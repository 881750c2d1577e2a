"""Several samples at once, of models that wait for an answer most of the time."""

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from queue import SimpleQueue

from drawbench.interface import TextToImage
from drawbench.runs.drawing import (
    Batch,
    Drawn,
    Engine,
    Manner,
    draw_unwatched,
    here,
    own_copy,
    recorded_warnings,
    texts_of,
)

AHEAD = 4  # times as many samples as are drawn at once may be drawn before a slow one, and wait in memory


def engine_of(model: TextToImage, manner: Manner, ready: Callable[[Batch, Drawn], None] | None = None) -> Engine:
    """The engine for a model: `here`, or for one that states a concurrency, threads that each draw a batch of one.

    ready: called with what came of a batch as soon as it is there, by the thread that drew it; only by threads.

    When a batch fails no further is begun, and what was begun is awaited. An interrupt waits for nobody: the threads
    end with the process, and `ready` must take that they go on until then. What is warned of while the caller is busy
    elsewhere is shown, but belongs to no batch.
    """
    if not model.one_at_a_time or model.concurrency == 1:
        return here(model, manner)

    def engine(batches: Iterable[Batch]) -> Generator[tuple[Batch, Drawn], None, None]:
        batches = list(batches)
        line = _Line(batches, AHEAD * model.concurrency)
        done: SimpleQueue[tuple[int, Drawn]] = SimpleQueue()

        def work() -> None:
            while (place := line.next()) is not None:
                drawn = _own(draw_unwatched(model, batches[place].samples, manner))
                try:
                    if ready is not None:
                        ready(batches[place], drawn)
                except Exception as error:  # a full disk, say
                    drawn = replace(drawn, error=error)
                if drawn.error is not None:
                    line.end()
                done.put((place, drawn))

        threads = [threading.Thread(target=work, daemon=True, name="sample") for _ in batches[: model.concurrency]]
        failed = False
        try:
            while line.taken < len(batches) and not (failed and not line.open):
                with recorded_warnings() as caught:
                    while threads:
                        threads.pop().start()
                    place, drawn = done.get()
                line.leave(place)
                failed = failed or drawn.error is not None
                yield batches[place], replace(drawn, warnings=texts_of(caught))
        finally:
            line.end()
            while failed and line.open:
                line.leave(done.get()[0])

    return engine


@dataclass
class _Line:
    """Which batch is next. open: the places of those that were begun and not yet handed on. taken: how many were."""

    batches: Sequence[Batch]
    ahead: int
    open: set[int] = field(default_factory=set)
    taken: int = 0
    begun: int = 0
    ended: bool = False
    change: threading.Condition = field(default_factory=threading.Condition)

    def next(self) -> int | None:
        """The place of a batch to begin, perhaps after a wait for slow ones; None when there is none left."""
        with self.change:
            self.change.wait_for(lambda: self.ended or not self.open or self.begun - min(self.open) < self.ahead)
            if self.ended or self.begun == len(self.batches):
                return None
            self.open.add(self.begun)
            self.begun += 1
            return self.begun - 1

    def leave(self, place: int) -> None:
        """It is handed on."""
        with self.change:
            self.open.discard(place)
            self.taken += 1
            self.change.notify_all()

    def end(self) -> None:
        """No further batch is begun."""
        with self.change:
            self.ended = True
            self.change.notify_all()


def _own(drawn: Drawn) -> Drawn:
    """With arrays that the thread's next batch does not fill again."""
    return replace(drawn, outputs=[own_copy(one) for one in drawn.outputs])
