"""Several samples at once: not too many, none too far ahead, and nothing lost when one fails."""

import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np
import pytest

from drawbench.errors import StageError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.runs.at_once import AHEAD, engine_of
from drawbench.runs.drawing import Batch, Drawn, Manner
from drawbench.runs.plan import Slice


class Waiting(TextToImage):
    """Calls `wait` with each sample's number before it draws."""

    one_at_a_time = True

    def __init__(self, concurrency: int, wait: Callable[[int], object]) -> None:
        self.concurrency, self.wait = concurrency, wait
        self.begun: list[int] = []
        self.under_way = self.most = 0
        self.canvas = threading.local()

    def card(self) -> ModelCard:
        raise NotImplementedError

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        [sample] = samples
        self.begun.append(sample.seed)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        self.wait(sample.seed)
        self.under_way -= 1
        if not hasattr(self.canvas, "image"):
            self.canvas.image = np.zeros((size, size, 3), np.uint8)
        self.canvas.image[:] = sample.seed  # one memory for all images of a thread
        return [self.canvas.image]


def batches(n: int) -> list[Batch]:
    part = Slice(0, tuple(Sample(f"a-{number}", "", "x", 0, number) for number in range(n)))
    return [Batch(part, number) for number in range(n)]


def numbers(results: Sequence[tuple[Batch, Drawn]]) -> list[int]:
    """The image's own number of each result, which must be that of its sample."""
    for batch, drawn in results:
        assert int(drawn.taken()[0][0, 0, 0]) == batch.number
    return [batch.number or 0 for batch, _ in results]


def test_so_many_are_drawn_at_once_and_each_is_ready_at_once() -> None:
    model = Waiting(4, lambda number: time.sleep(0.03))
    ready: list[int] = []
    engine = engine_of(model, Manner(2), lambda batch, drawn: ready.append(batch.number or 0))
    with closing(engine(batches(20))) as drawing:
        results = [next(drawing)]
        time.sleep(0.3)  # busy elsewhere: drawing goes on, and is kept
        assert len(ready) >= 12
        results += drawing
    assert sorted(numbers(results)) == sorted(ready) == list(range(20))
    assert model.most == 4


def test_one_at_a_time_is_drawn_by_the_caller() -> None:
    threads = set()
    model = Waiting(1, lambda number: threads.add(threading.current_thread()))
    assert [batch.number for batch, _ in engine_of(model, Manner(2))(batches(3))] == [0, 1, 2]
    assert threads == {threading.current_thread()}


def test_what_was_begun_ends_before_a_failure_is_raised_and_nothing_more_is_begun() -> None:
    def wait(number: int) -> None:
        if number == 5:
            raise ValueError(number)
        time.sleep(0.05)

    model, ready = Waiting(3, wait), list[int]()
    engine = engine_of(model, Manner(2), lambda batch, drawn: ready.append(batch.number or 0))
    with closing(engine(batches(100))) as drawing:
        failed = next(drawn for _, drawn in drawing if drawn.error is not None)
    assert isinstance(failed.error, StageError)
    assert "ValueError: 5" in str(failed.error)
    assert sorted(ready) == sorted(model.begun)
    assert 5 < len(ready) <= 5 + 3


def test_an_interrupt_waits_for_nobody() -> None:
    stuck = threading.Event()
    model = Waiting(3, lambda number: stuck.wait(30) if number else None)
    drawing = engine_of(model, Manner(2))(batches(9))
    next(drawing)
    drawing.close()  # as an interrupt in the caller does
    stuck.set()
    time.sleep(0.1)
    assert len(model.begun) <= 4


def test_a_slow_one_lets_few_others_run_ahead() -> None:
    slow = threading.Event()
    model = Waiting(2, lambda number: None if number else slow.wait(10))
    drawing = engine_of(model, Manner(2))(batches(100))
    results = [next(drawing) for _ in range(2 * AHEAD - 1)]
    time.sleep(0.1)
    assert len(model.begun) == 2 * AHEAD
    slow.set()
    assert sorted(numbers([*results, *drawing])) == list(range(100))


def test_what_cannot_be_kept_stops() -> None:
    def full(batch: Batch, drawn: Drawn) -> None:
        raise OSError("disk full")

    model = Waiting(2, lambda number: None)
    with closing(engine_of(model, Manner(2), full)(batches(9))) as drawing, pytest.raises(OSError, match="disk full"):
        next(drawing)[1].taken()


def test_warnings_of_threads_are_told() -> None:
    model = Waiting(2, lambda number: warnings.warn("odd", stacklevel=1))
    results = [*engine_of(model, Manner(2))(batches(4))]
    assert {text for _, drawn in results for text in drawn.warnings} == {"odd"}
