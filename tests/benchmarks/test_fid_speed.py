"""The speed comparison of FID compares like with like: every suite stands beside ours of the same definition."""

from pathlib import Path

import pytest

from benchmarks.metrics_speed import __main__ as command
from benchmarks.metrics_speed import fid
from benchmarks.timing import Fastest
from tests.metrics.photographs import write_crops
from tests.metrics.random_inception import random_state, write_files


def test_ours_and_the_bare_network_run_on_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = (tmp_path / "a", tmp_path / "b")
    for seed, folder in enumerate(folders):
        write_crops(folder, 2, 64, seed)
    names = (fid.BARE, "ours, legacy_tensorflow")
    monkeypatch.setattr(fid, "SUITES", {name: fid.SUITES[name] for name in names})
    timings = fid._measured(fid.Work(folders, write_files(tmp_path / "torch", random_state())), 1)
    assert list(timings) == list(names)
    assert timings[names[1]].value > 0
    assert all(0 < timing.wall < float("inf") for timing in timings.values())


def test_every_peer_is_compared_with_ours_of_its_definition() -> None:
    timings = {name: Fastest(8.0, 8.0, 1.0) for name in fid.SUITES}
    timings["ours, clean"] = Fastest(2.0, 4.0, 1.0)
    timings[fid.BARE] = Fastest(1.8, 3.0)
    rows = fid._table(timings, 96).splitlines()
    ratios = {row[:34].strip(): row.split()[-2:] for row in rows[2 : 2 + len(timings)]}
    assert ratios["clean-fid, clean"] == ["4.00", "2.00"]
    assert {name for name, ratio in ratios.items() if ratio == ["4.00", "2.00"]} == {"clean-fid, clean"}
    assert "ours, clean: 90% of the bare network's rate by wall time, 75% by CPU time" in rows


def test_an_unknown_benchmark_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["metrics_speed", "fast"])
    with pytest.raises(SystemExit):
        command.main()
    assert "there is no benchmark fast; there are fid" in capsys.readouterr().err
