"""The benchmark of Ray's processes measures what it says."""

from importlib.util import find_spec

import pytest

from benchmarks import cluster


def test_arrays_and_files_are_written() -> None:
    arrays, files = cluster.writing(size=32, images=8, slice_size=4)
    assert arrays > 0
    assert files > 0


@pytest.mark.proof
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'drawbench[ray]'")
def test_a_process_stops_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    cluster.main(["--actors", "2", "--slices", "8", "--seconds", "0.2", "--rounds", "1", "--sizes"])
    assert "8 slices of 0.2 s, one of 2 processes stops" in capsys.readouterr().out
