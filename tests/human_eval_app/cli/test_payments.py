"""`drawbench study payments`: every rater who began, to the second, with the code they were shown."""

import csv
import json
from pathlib import Path

import pytest

from drawbench.cli.main import main
from human_eval_app.store.records import Identity
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import write_design
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import Clock
from tests.human_eval_app.store.sitting import cast

DESIGN = make_design(categories={"Colors": 3}, raters=4, gold=1, minimum_gold_correct=0.5)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write_design(DESIGN, tmp_path)
    clock = Clock()
    store = VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", DESIGN, clock=clock)
    store.set_codes({"complete": "DONE-1", "screened_out": "OUT-1", "partial": "PART-1"})
    for name, votes, wrong in (("good", 4, False), ("careless", 4, True), ("gone", 2, False), ("here", 1, False)):
        rater = store.enter(Identity("prolific", name, session=f"session of {name}")).rater
        place = store.finish_instructions(store.consent(rater, "en", "1").rater)
        for _ in range(votes):
            clock.now += 17
            place = cast(store, DESIGN, place, wrong=wrong and place.position == 0)
        clock.now += 3600
        if name == "gone":
            store.withdraw(rater)
    store.enter(Identity("prolific", "at the door"))
    store.close()
    return tmp_path


def test_the_list_says_who_began_how_long_it_took_and_how_it_ended(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "payments.csv"
    assert main(["study", "payments", str(study), "--out", str(out)]) == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["external_id"], row["seconds"], row["answered"], row["ending"], row["code"]) for row in rows] == [
        ("good", "68", "4", "complete", "DONE-1"),
        ("careless", "68", "4", "screened_out", "OUT-1"),
        ("gone", "34", "2", "partial", "PART-1"),
        ("here", "17", "1", "", ""),
    ]
    assert [(row["completed"], row["screened_out"]) for row in rows[:2]] == [("true", "false"), ("false", "true")]


def test_the_same_as_json(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "payments", str(study), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["sessions"] == "session of good"
    assert main(["study", "payments", str(study), "--out", "list.ods"]) == 2
    assert "does not end in .csv" in capsys.readouterr().err
