"""Batches drawn ahead: the same with any number of processes, from any step on, and clear about a process that died."""

import os
import signal

import numpy as np
import pytest

from reference_model.errors import ReferenceModelError
from reference_model.world.examples import Batch, ExampleKind, batch_seeds, draw_batch
from reference_model.world.stream import BatchStream

BASE = ExampleKind("rich", "train", 64)
UPSAMPLING = ExampleKind("small", "held_out", 256, 64)


def assert_same(first: Batch, second: Batch) -> None:
    assert first.captions == second.captions
    np.testing.assert_array_equal(first.images, second.images)
    if first.lows is None or second.lows is None:
        assert first.lows is second.lows
    else:
        np.testing.assert_array_equal(first.lows, second.lows)


@pytest.mark.parametrize("kind", [BASE, UPSAMPLING])
def test_processes_change_nothing(kind: ExampleKind) -> None:
    with BatchStream(kind, "a test", 3, workers=2) as stream, BatchStream(kind, "a test", 3, workers=0) as alone:
        for step in (0, 1, 2, 3, 7, 8, 2):  # a resumed training starts anywhere
            assert_same(stream.batch(step), alone.batch(step))


def test_a_rank_draws_ahead_what_it_will_ask_for() -> None:
    with BatchStream(BASE, "x", 2, 2, stride=3) as stream, BatchStream(BASE, "x", 2, 0) as alone:
        assert_same(stream.batch(1), alone.batch(1))
        processes = [worker._process.pid for worker in stream._workers]
        for step in (4, 7, 10, 13):
            assert_same(stream.batch(step), alone.batch(step))
        assert [worker._process.pid for worker in stream._workers] == processes


def test_a_batch_depends_on_seed_and_step() -> None:
    with BatchStream(BASE, "one", 2, 0) as one, BatchStream(BASE, "other", 2, 0) as other:
        captions = {one.batch(0).captions, one.batch(1).captions, other.batch(0).captions}
    assert len(captions) == 3
    assert_same(draw_batch(BASE, batch_seeds("one", 5, 2)), draw_batch(BASE, batch_seeds("one", 5, 2)))


def test_a_process_that_died_is_told_of() -> None:
    told = pytest.raises(ReferenceModelError, match="a process that draws training images ended with code -9")
    with told, BatchStream(BASE, "x", 2, workers=2) as stream:  # the end of the stream does not hide it
        stream.batch(0)
        processes = [worker._process for worker in stream._workers]
        os.kill(processes[1].pid, signal.SIGKILL)
        for step in range(1, 9):
            stream.batch(step)
    assert all(process.poll() is not None for process in processes)


def test_closing_ends_the_processes() -> None:
    stream = BatchStream(BASE, "x", 2, workers=2)
    processes = [worker._process for worker in stream._workers]
    stream.batch(0)
    stream.close()
    assert all(process.poll() is not None for process in processes)
