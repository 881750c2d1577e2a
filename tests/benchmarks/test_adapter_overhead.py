"""The benchmark of what a run adds: it draws what it says, and its arithmetic is right."""

import pytest

from benchmarks import adapter_overhead
from benchmarks.adapter_overhead import Row, rows, table


def test_added_time_is_per_image_and_relative() -> None:
    row = Row("x", 64, 10, direct=10.0, run=10.2, direct_cpu=9.0, run_cpu=9.5)
    assert row.percent == pytest.approx(2)
    assert row.milliseconds == pytest.approx(20)
    assert row.cpu_milliseconds == pytest.approx(50)
    assert "| x | 64 | 10 | 10.00 | 10.20 | 2.0% | 20.0 | 50.0 |" in table([row])


def test_every_pipeline_is_measured_both_ways() -> None:
    found = rows(seconds=0.01, images=2, rounds=1, tiny_images=3)
    assert [row.size for row in found] == [256, 512, 1024, 32, 16, 32]
    assert all(row.direct > 0.02 for row in found[:3])  # it does sleep for each image


@pytest.mark.parametrize(("run", "code"), [(16.3, 0), (16.6, 1)])
def test_too_much_fails(monkeypatch: pytest.MonkeyPatch, run: float, code: int) -> None:
    measured = [Row("x", 256, 16, 16.0, run, 1, 1), Row("tiny", 32, 64, 1.0, 2.0, 1, 1)]
    monkeypatch.setattr(adapter_overhead, "rows", lambda *_: measured)
    assert adapter_overhead.main([]) == code
