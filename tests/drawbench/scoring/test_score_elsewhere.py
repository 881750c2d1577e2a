"""Scores of a run that cannot be written go to another folder, which tables read."""

import os
from pathlib import Path

import pytest
from pyarrow import parquet

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.report.build import build_report
from drawbench.results.files import read_result
from drawbench.scoring.bundled import bundled
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.score import score_run
from drawbench.tables.loading import load_results, load_run
from tests.drawbench.scoring.test_score import make_run
from tests.metrics.stand_ins import write_scorer


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """The bundled protocol on a random scorer."""
    return bundled(write_scorer(tmp_path_factory.mktemp("scorer")))


def _content(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_the_numbers_are_those_of_the_run_and_the_run_stays_as_it_was(protocol: Protocol, tmp_path: Path) -> None:
    run, out = make_run(tmp_path / "run"), tmp_path / "new" / "scores"
    before = _content(run)
    elsewhere = score_run(run, protocol, out=out)
    assert _content(run) == before
    assert sorted(path.name for path in out.iterdir()) == ["run--bundled.json", "run--bundled.parquet"]
    inside = score_run(run, protocol)
    assert elsewhere.scores == inside.scores
    (loaded,) = load_results([out])
    assert (loaded.scores, loaded.model.name) == (inside.scores, load_results([run])[0].model.name)
    tables = [parquet.read_table(path) for path in (out / "run--bundled.parquet", run / "scores" / "bundled.parquet")]
    assert tables[0].equals(tables[1])


def test_a_report_shows_them(protocol: Protocol, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the runs that it is given, and before those in the run; a folder with nothing of them is refused."""
    run, other, out = make_run(tmp_path / "a" / "run"), make_run(tmp_path / "other", limit=2), tmp_path / "scores"
    score_run(run, protocol, run / "images", out=out)
    score_run(other, protocol, out=out)
    score_run(run, protocol)
    page = build_report([run], tmp_path / "report", out).read_text(encoding="utf-8")
    assert "Fréchet distance" in page
    assert "Fréchet distance" not in build_report([run], tmp_path / "report").read_text(encoding="utf-8")
    (result,) = load_run(run, out)
    assert result.reference is not None
    command = ["report", str(run), "--out", str(tmp_path / "r"), "--scores"]
    (tmp_path / "empty").mkdir()
    for folder, said in ((tmp_path / "empty", "holds no scores of these runs"), (tmp_path / "none", "is no folder")):
        assert main([*command, str(folder)]) == 2
        assert said in capsys.readouterr().err
    assert main([*command, str(out)]) == 0
    with pytest.raises(UserError, match="made from other images"):
        build_report([make_run(tmp_path / "b" / "run", limit=1)], tmp_path / "r", out)


def test_scores_of_other_images_and_distances_are_not_replaced(protocol: Protocol, tmp_path: Path) -> None:
    first, second, out = make_run(tmp_path / "a" / "run"), make_run(tmp_path / "b" / "run", limit=2), tmp_path / "out"
    score_run(first, protocol, first / "images", out=out)
    kept = read_result(out / "run--bundled.json")
    with pytest.raises(UserError, match="other images than"):
        score_run(second, protocol, out=out)
    with pytest.raises(UserError, match="give --reference again"):
        score_run(first, protocol, out=out)
    assert read_result(out / "run--bundled.json") == kept
    score_run(first, protocol, first / "images", out=out)


def test_a_run_that_cannot_be_written_is_refused_before_it_is_scored(
    protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr("drawbench.scoring.score.features_of_run", None)  # never reached
    with pytest.raises(UserError, match=r"cannot be written: .* --out"):
        score_run(run, protocol)
    with pytest.raises(UserError, match="name another folder"):
        score_run(run, protocol, out=run / "manifest.json" / "x")
