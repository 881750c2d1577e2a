"""`drawbench bench`: what it draws and scores, in tables, as JSON, and as an estimate; here of a model of noise."""

import json
from pathlib import Path

import pytest

from drawbench.cli import bench
from drawbench.cli.bench import BenchEntry
from drawbench.results.files import Result, read_result
from drawbench.runs.directory import RunDirectory
from drawbench.scoring import protocols
from drawbench.scoring.bundled import bundled
from tests.drawbench.cli.test_run import Asked, asked  # noqa: F401  the fixture
from tests.metrics.stand_ins import write_scorer


@pytest.fixture
def small(asked: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:  # noqa: F811
    """The command with a model that draws at once, and a random scorer."""
    monkeypatch.setattr(bench, "SETS", (("mine.csv", 32),))
    monkeypatch.setattr(bench, "BUNDLED", BenchEntry("python:cli_model:make"))
    monkeypatch.setattr(bench, "FLOORS", (BenchEntry("python:cli_model:make", (("shade", "9"),)),))
    scorer = write_scorer(tmp_path / "scorer")
    monkeypatch.setitem(protocols.PROTOCOLS, "bundled", lambda: bundled(scorer))
    return asked


def test_json_has_the_runs_with_their_results_and_the_report(small: Asked) -> None:
    code, out, err = small("bench", "--all", "--json", "--results", "results")
    assert code == 0, err
    found = json.loads(out)
    assert set(found) == {"runs", "report"}
    assert Path(found["report"]).is_file()
    for facts in found["runs"]:
        run = RunDirectory.open(facts["run"])
        assert (facts["images"], facts["size"], facts["complete"]) == (12, 32, True)
        assert facts["plan_sha256"] == run.plan.sha256
        result = Result.model_validate(facts["result"])
        assert result.run is not None
        assert result.run.pixels_sha256 == facts["pixels_sha256"] == run.require_seal().pixels_sha256
    written = [read_result(path) for path in sorted(Path("results").glob("*.json"))]
    assert {each.run for each in written} == {Result.model_validate(facts["result"]).run for facts in found["runs"]}
    assert "result: results/" in err
    assert "tables: results/README.md" in err
    code, out, _ = small("bench")
    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("report: ")] == [f"report: {found['report']}"]


def test_a_page_without_a_place_for_tables_is_refused_before_anything_is_drawn(small: Asked) -> None:
    Path("results").mkdir()
    Path("results/README.md").write_text("mine")
    code, out, err = small("bench", "--results", "results")
    assert (code, out, Path("runs").exists()) == (2, "", False)
    assert "has no place for the tables" in err


def test_a_dry_run_adds_up_its_runs_and_writes_nothing(small: Asked, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    code, out, err = small("bench", "--all", "--dry-run", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [run["images"] for run in found["runs"]] == [12, 12]
    assert (found["images"], found["missing"], found["drawn"]) == (24, 24, 24)
    for name in ("seconds", "bytes"):
        assert found[name] == pytest.approx(sum(run[name] for run in found["runs"]))
    code, out, _ = small("bench", "--dry-run")
    assert out.startswith("1 runs: 12 images\n")
    after = [path for path in sorted(tmp_path.rglob("*")) if "__pycache__" not in path.parts]
    assert after == [path for path in before if "__pycache__" not in path.parts]


def test_what_is_drawn_and_scored_takes_no_time(small: Asked) -> None:
    small("bench")
    found = json.loads(small("bench", "--all", "--dry-run", "--json")[1])
    done, other = found["runs"]
    assert (done["missing"], done["drawn"], done["seconds"], done["scoring_seconds"]) == (0, 0, 0, 0)
    assert other["missing"] == 12
    assert other["scoring_seconds"] > 0
