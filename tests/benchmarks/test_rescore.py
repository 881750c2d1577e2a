"""The benchmark of scoring again: it runs, and says what it measured."""

from benchmarks.metrics_speed import rescore


def test_a_small_report_has_a_row_for_each_way() -> None:
    lines = rescore.report(samples=1, size=32, references=20).splitlines()
    assert "200 images of 32 px, 20 references" in lines[0]
    assert [line.split()[0] for line in lines[2:]] == ["bundled"] * 3 + ["bundled-extended"] * 3
    assert all(float(line.split()[-1]) > 0 for line in lines[2:])
