"""The memory benchmark: its rows compute what they are named after, on the same features."""

import pytest

from benchmarks.metrics_speed import kernel_memory
from benchmarks.metrics_speed.kernel_memory import PAIRS, Row, report


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_ours_and_the_peers_subsets_give_one_value_where_a_subset_is_the_whole_set() -> None:
    whole, ours, fidelity, torchmetrics = (
        kernel_memory._run_row(name, 200)["value"]
        for name in (
            "KID, all pairs",
            "KID, subsets",
            "torch-fidelity KID, subsets",
            "torchmetrics KID, subsets",
        )
    )
    assert ours == pytest.approx(whole, rel=1e-9)
    for peer in (fidelity, torchmetrics):  # in float32
        assert peer == pytest.approx(whole, rel=0.05)


def test_memory_above_the_target_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def row(name: str, images: int) -> Row:
        return Row(name, 1.0, 1.0, 2.5 if name == PAIRS[-1] else 0.1, 0.5)

    monkeypatch.setattr(kernel_memory, "_measured", row)
    assert "all pairs within 2 GB: MISSED (2.50 GB)" in report(1000)
    assert all(name in report(1000) for name in PAIRS)
