"""`drawbench study status`."""

import json
from pathlib import Path

import pytest

from drawbench.cli.main import main
from human_eval_app.store.records import Identity
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import write_design
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import cast, finish, ready

DESIGN = make_design(raters=3)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A paused study with a finished sitting, one under way, and a rater before the consent."""
    write_design(DESIGN, tmp_path)
    store = VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", DESIGN)
    finish(store, DESIGN, ready(store, "one", panel="colors"))
    cast(store, DESIGN, ready(store, "two", panel="counting"))
    store.enter(Identity("invite", "three"))
    (rater,) = (rater for rater in store.raters() if rater.stage == "trial")
    store.report_problem(rater.rater, rater.sitting or 0, "main", 1, "it is black")
    store.close()
    return tmp_path


def test_the_standing_as_json(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "status", str(study), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["study"], said["design_sha256"], said["status"]) == ("made up", DESIGN.sha256, "open")
    assert said["raters"] == {"consent": 1, "trial": 1, "complete": 1}
    seats = {
        p["panel"]: [p[k] for k in ("seats", "complete", "leased", "lapsed", "free", "votes")] for p in said["panels"]
    }
    assert seats == {"colors": [3, 1, 0, 0, 2, 2], "counting": [3, 0, 1, 0, 2, 1]}
    assert said["last_vote_at"].endswith("Z")
    assert said["problems"] == 1


def test_the_standing_as_a_table(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "status", str(study)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("study made up: open\n")
    rows = [line.split() for line in said.splitlines()]
    assert ["all", "6", "1", "1", "0", "4", "3"] in rows
    assert "1 consent, 1 trial, 1 complete" in said
    assert DESIGN.sha256 in said
    assert "1 reported" in said


def test_simulated_raters_are_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = make_design(simulated=True)
    write_design(design, tmp_path)
    VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", design).close()
    assert main(["study", "status", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "SIMULATED" in said
    assert "nobody has come yet" in said


def test_a_study_without_votes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_design(DESIGN, tmp_path)
    assert main(["study", "status", str(tmp_path)]) == 2
    assert "no rater has come yet" in capsys.readouterr().err


def test_a_folder_without_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "status", str(tmp_path)]) == 2
    assert "holds no study" in capsys.readouterr().err
