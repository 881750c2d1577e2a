"""Simulated raters at a store: they take part as people do, leave seats for people, and are marked."""

from collections import Counter
from pathlib import Path

import pytest

from human_eval_app.analysis.votes import check_votes, rows_of
from human_eval_app.app.admin.known import known
from human_eval_app.cli.crowd import Crowd
from human_eval_app.cli.demo import invite_crowd
from human_eval_app.simulate import Truth
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Stopping, write_design
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import finish, ready

DESIGN = make_design(categories={"Colors": 3, "Counting": 3}, raters=20, training=1, simulated=True)


def _crowd(path: Path, seed: int = 0) -> tuple[Crowd, VoteStore]:
    store = VoteStore.open(f"sqlite:///{path / 'votes.sqlite'}", DESIGN)
    return Crowd(DESIGN, store, Truth(), seed), store


def test_they_fill_the_study_but_for_a_seat_of_each_panel_and_some_leave(tmp_path: Path) -> None:
    crowd, store = _crowd(tmp_path, seed=1)
    second, at_once = 0, 0
    while crowd.step(second):
        second += 1
        at_once = max(at_once, sum(seat.status == "leased" for seat in store.seats()))
        assert second < 600
    free = sum(seat.status == "free" for seat in store.seats())
    states = Counter(rater.sitting_state for rater in store.raters())
    assert 2 <= free <= 4
    assert 3 <= at_once <= 25
    assert states["complete"] > 30
    assert states["withdrawn"] + states["active"] > 0
    votes = check_votes(rows_of(store.vote_rows()), DESIGN)
    assert votes.simulated
    assert set(votes.table["source"]) == {"simulated"}
    finish(store, DESIGN, ready(store, "a person"))  # there is room for people
    assert {rater.source for rater in store.raters()} == {"simulated", "invite"}
    store.close()


def test_after_a_restart_others_come(tmp_path: Path) -> None:
    crowd, store = _crowd(tmp_path)
    for second in range(30):
        crowd.step(second)
    before = len(store.raters())
    again = Crowd(DESIGN, store, Truth(), 0)
    for second in range(30):
        again.step(second)
    assert len(store.raters()) > before > 5
    store.close()


def test_nobody_comes_to_a_closed_study(tmp_path: Path) -> None:
    crowd, store = _crowd(tmp_path)
    store.set_status("closed")
    assert not crowd.step(0.0)
    assert store.raters() == []
    store.close()


def test_they_wait_while_the_study_is_paused(tmp_path: Path) -> None:
    crowd, store = _crowd(tmp_path)
    for second in range(10):
        crowd.step(second)
    store.set_status("paused")
    before = len(store.raters()), len(list(store.vote_rows()))
    for second in range(10, 40):
        assert crowd.step(second)
    assert (len(store.raters()), len(list(store.vote_rows()))) == before
    store.set_status("open")
    for second in range(40, 50):
        crowd.step(second)
    assert len(list(store.vote_rows())) > before[1] > 0
    store.close()


def test_nobody_is_simulated_in_a_study_of_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_design(make_design(), tmp_path)
    invite_crowd(tmp_path)
    assert "is a study of people" in capsys.readouterr().err
    assert not (tmp_path / "votes.sqlite").exists()


def test_a_decision_comes_about_though_some_go_away_without_a_word(tmp_path: Path) -> None:
    """Nobody behind them waits for longer than the design's pause."""
    stopping = Stopping(at_decision="advise", pause_minutes=1)
    design = make_design(categories=dict.fromkeys("abcdef", 2), raters=25, simulated=True, seed=3)
    design = design.model_copy(update={"stopping": stopping})
    now = [1_700_000_000.0]
    store = VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", design, clock=lambda: now[0])
    crowd = Crowd(design, store, Truth(utility={("model one", "*", "*"): 1.5}), seed=2)
    while crowd.step(now[0]) and now[0] < 1_700_000_180:
        now[0] += 1
    found = known(design, store.vote_rows()).sequences
    assert any(seat.status == "leased" and seat.votes < seat.total for seat in store.seats())
    assert found is not None
    assert found.decided
    assert found.waiting < found.complete / 2
    store.close()
