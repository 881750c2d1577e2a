"""The speed comparison of the Fréchet distance compares like with like: every suite finds the same distance."""

import pytest

from benchmarks.metrics_speed.frechet import SUITES, measure


def test_all_suites_are_measured_and_agree() -> None:
    for package in ("pytorch_fid", "cleanfid", "torch_fidelity", "torchmetrics"):
        pytest.importorskip(package)
    timings = measure(24, 200, 1)
    assert list(timings) == list(SUITES)
    for each in timings.values():
        assert each.value == pytest.approx(timings["ours"].value, rel=1e-6)
        assert each.wall > 0
