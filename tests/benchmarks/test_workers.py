"""The speed comparison of processes and threads measures every way, alone and beside a neighbour."""

from contextlib import nullcontext

import pytest

from benchmarks import workers


def test_every_way_is_measured_quiet_and_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "neighbour", nullcontext)  # a real one takes minutes beside other tests
    times = workers.measure(size=64, images=2, slice_size=1, rounds=1)
    assert set(times) == {(way, busy) for way in workers.ways() for busy in (False, True)}
    assert all(seconds[0] > 0 for seconds in times.values())
    assert all(way in workers.table(times, 2) for way in workers.ways())
