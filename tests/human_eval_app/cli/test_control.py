"""`drawbench study control`: pause, resume, and close once."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drawbench.cli.main import main
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import write_design
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import seated

DESIGN = make_design()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write_design(DESIGN, tmp_path)
    assert _status(tmp_path) == "open"
    return tmp_path


def _status(study: Path) -> str:
    with closing(VoteStore.open(f"sqlite:///{study / 'votes.sqlite'}", DESIGN)) as store:
        return store.status()


def test_pause_and_resume(study: Path) -> None:
    assert main(["study", "control", str(study), "pause"]) == 0
    assert _status(study) == "paused"
    assert main(["study", "control", str(study), "resume"]) == 0
    assert _status(study) == "open"


def test_after_a_pause_raters_have_the_time_that_the_settings_give(study: Path) -> None:
    (study / "settings.toml").write_text("lease_minutes = 600")
    store = VoteStore.open(f"sqlite:///{study / 'votes.sqlite'}", DESIGN, lease_minutes=0.0001)
    seated(store, "one")
    for action in ("pause", "resume"):
        assert main(["study", "control", str(study), action]) == 0
    (until,) = [seat.lease_until for seat in store.seats() if seat.lease_until]
    store.close()
    assert datetime.fromisoformat(until) > datetime.now(UTC) + timedelta(minutes=590)


def test_closing_must_be_meant_and_stays(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "control", str(study), "close"]) == 2
    assert "--for-good" in capsys.readouterr().err
    assert _status(study) == "open"
    for _ in range(2):
        assert main(["study", "control", str(study), "close", "--for-good"]) == 0
        assert _status(study) == "closed"
    assert main(["study", "control", str(study), "resume"]) == 2
    assert "closed for good" in capsys.readouterr().err
    assert _status(study) == "closed"


@pytest.mark.parametrize("action", ["pause", "resume", "close"])
def test_a_study_whose_votes_are_elsewhere_is_not_said_to_be_changed(
    study: Path, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (study / "votes.sqlite").rename(study.parent / f"{action}.sqlite")
    assert main(["study", "control", str(study), action, "--for-good"]) == 2
    complaint = capsys.readouterr().err.strip()
    assert "votes.sqlite does not exist" in complaint
    assert len(complaint.splitlines()) == 1
    assert not (study / "votes.sqlite").exists()
    elsewhere = f"sqlite:///{study.parent / f'{action}.sqlite'}"
    assert main(["study", "control", str(study), action, "--for-good", "--database", elsewhere]) == 0


def test_an_empty_database_is_not_made_a_study(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = study / "empty.sqlite"
    empty.touch()
    assert main(["study", "control", str(study), "pause", "--database", f"sqlite:///{empty}"]) == 2
    assert "holds no study yet" in capsys.readouterr().err
    assert empty.stat().st_size == 0
