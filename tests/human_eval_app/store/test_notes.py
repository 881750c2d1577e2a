"""What is kept beside the votes: codes of endings, looks, a decision, problems with screens."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from human_eval_app.store.database.engine import make_engine
from human_eval_app.store.notes import MOST_PROBLEMS
from human_eval_app.store.records import ENDING_OF_STAGE, Ending, Problem, StoreRefusal
from human_eval_app.store.store import VoteStore
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import Clock, OpenStore
from tests.human_eval_app.store.sitting import cast, finish, ready

DESIGN = make_design()


def test_every_ending_has_a_code_of_its_own_that_stays(open_store: OpenStore) -> None:
    codes = open_store(DESIGN).codes()
    assert set(codes) == set(get_args(Ending)) == set(ENDING_OF_STAGE.values())
    assert len(set(codes.values())) == len(codes)
    again = open_store(DESIGN)
    assert again.codes() == codes
    again.set_codes({"partial": "PART-1"})
    assert open_store(DESIGN, read_only=True).codes() == {**codes, "partial": "PART-1"}


def test_looks_say_when_and_after_how_many_sittings(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(DESIGN, clock=clock)
    store.record_look("study analyse")
    finish(store, DESIGN, ready(store, "one"))
    clock.pass_minutes(1)
    store.record_look("admin page")
    first, second = store.looks()
    assert (first.place, first.sittings, second.place, second.sittings) == ("study analyse", 0, "admin page", 1)
    assert first.at < second.at


def test_a_decision_closes_the_study_and_stands(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    assert store.decision() is None
    store.decide(12, {"decision": "model one", "lower": 0.1, "upper": 0.4})
    store.decide(13, {"decision": "neither"})
    found = store.decision()
    assert found is not None
    assert (found.sittings, found.outcome) == (12, {"decision": "model one", "lower": 0.1, "upper": 0.4})
    assert store.status() == "closed"


def test_so_many_problems_of_a_sitting_are_kept_and_no_more(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    one, other = ready(store, "one"), ready(store, "other")
    assert one.sitting is not None
    assert other.sitting is not None
    for number in range(MOST_PROBLEMS):
        store.report_problem(one.rater, one.sitting, "main", 0, f"odd {number}")
    with pytest.raises(StoreRefusal) as caught:
        store.report_problem(one.rater, one.sitting, "main", 0, "one more")
    assert caught.value.reason == "too_many"
    store.report_problem(one.rater, one.sitting, "main", 0, "odd 0")  # it is there already
    store.report_problem(other.rater, other.sitting, "main", 0, "odd for another")
    assert len(store.problems()) == MOST_PROBLEMS + 1


def test_a_clock_stands_while_the_study_is_not_open(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(DESIGN, clock=clock, lease_minutes=600)
    place = ready(store, "one")
    clock.pass_minutes(1)
    place = cast(store, DESIGN, place)
    for status, minutes in (("paused", 30), ("paused", 5), ("open", 2), ("open", 1)):
        store.set_status(status)
        clock.pass_minutes(minutes)
    cast(store, DESIGN, place)
    first, second = (row for row in store.vote_rows() if row.question == "fidelity")
    assert (first.open_ms, second.open_ms) == (60_000, 4 * 60_000)
    assert second.gap_ms == 38 * 60_000


def test_problems_are_kept_once_and_only_of_ones_own_sitting(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    one, other = ready(store, "one"), ready(store, "other")
    assert one.sitting is not None
    for _ in range(2):
        store.report_problem(one.rater, one.sitting, "main", 0, "Set B is <b>black</b>")
    with pytest.raises(StoreRefusal) as caught:
        store.report_problem(other.rater, one.sitting, "main", 0, "not mine")
    assert caught.value.reason == "not_yours"
    (problem,) = store.problems()
    assert problem == Problem(one.rater, one.sitting, "main", 0, "Set B is <b>black</b>", problem.at)


WRITES: dict[str, Callable[[VoteStore], Any]] = {
    "look": lambda store: store.record_look("here"),
    "decision": lambda store: store.decide(1, {}),
    "status_change": lambda store: store.set_status("paused"),
    "problem": lambda store: store.report_problem(1, ready(store, "one").sitting or 0, "main", 0, "odd"),
}


@pytest.mark.parametrize("table", WRITES)
def test_the_database_itself_keeps_them_from_being_changed(open_store: OpenStore, url: str, table: str) -> None:
    WRITES[table](open_store(DESIGN))
    engine = make_engine(url)
    for act in (f"UPDATE {table} SET at = 0", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="never changed or deleted"), engine.begin() as connection:
            connection.execute(text(act))
    engine.dispose()
