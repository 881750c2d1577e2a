"""Who is fast is judged by the server's clock: a browser may say what it likes."""

from pathlib import Path

import pytest

from human_eval_app.analysis.analyse import analyse
from human_eval_app.analysis.checks import impossible
from human_eval_app.analysis.votes import check_votes, read_votes, rows_of
from human_eval_app.app.admin.quality import quality
from human_eval_app.store.export import COLUMNS, write_rows
from human_eval_app.store.records import Place, ResponseTimes, VoteRow
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design, Exclusion
from tests.human_eval_app.analysis.made_up import rows_with
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import Clock
from tests.human_eval_app.store.sitting import VERSION, answers, ready, trial_at

DESIGN = make_design(categories={"Colors": 8}, raters=2, exclusions=(Exclusion(rule="too_fast", threshold=1500.0),))
CLAIMED = ResponseTimes(load_ms=100, dwell_ms=60_000, zooms=2, shown_at="2026-01-02T03:04:05.678Z")


def vote(store: VoteStore, place: Place, choice: int = 0, design: Design = DESIGN) -> Place:
    given = answers(design, trial_at(design, place), choice)
    assert place.sitting is not None
    return store.vote(place.rater, place.sitting, "main", place.position, place.sequence, given, CLAIMED, VERSION)


@pytest.fixture
def votes(tmp_path: Path) -> list[VoteRow]:
    """Of a program that answers in a twentieth of a second and says a minute, and of a person who takes five."""
    clock = Clock()
    store = VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", DESIGN, clock=clock)
    for name, seconds in (("program", 0.05), ("person", 5.0)):
        place = ready(store, name)
        while place.stage == "trial":
            clock.now += seconds
            place = vote(store, place, place.position)
    found = list(store.vote_rows())
    store.close()
    return found


def test_a_program_that_says_it_took_its_time_is_left_out_and_flagged(votes: list[VoteRow]) -> None:
    everybody, kept = analyse(DESIGN, check_votes(rows_of(votes), DESIGN)).versions
    assert (everybody.raters, kept.raters) == (2, 1)
    assert everybody.checks is not None
    assert kept.checks is not None
    assert (everybody.checks.times.impossible, kept.checks.times.impossible) == (1, 0)
    assert kept.checks.times.dwell_50 == 5000.0
    program, person = quality(DESIGN, votes, closed=True).conduct
    assert (program.impossible, program.rules, program.dwell_ms) == (True, ("too_fast",), 50.0)
    assert (person.impossible, person.rules) == (False, ())


def test_a_crowd_of_programs_at_work_at_once_is_flagged(tmp_path: Path) -> None:
    """20 sittings of 8 screens in 8.4 s in all, each screen said to have been looked at for a minute."""
    clock, design = Clock(), make_design(categories={"Colors": 8}, raters=20)
    store = VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", design, clock=clock)
    places = [ready(store, f"program-{n}") for n in range(20)]
    for n in range(8):
        for i, place in enumerate(places):
            clock.now += 1.05 / len(places)
            places[i] = vote(store, place, n + i, design)
    rows = list(store.vote_rows())
    store.close()
    assert {place.stage for place in places} == {"complete"}
    (everybody,) = analyse(design, check_votes(rows_of(rows), design)).versions
    assert everybody.checks is not None
    assert everybody.checks.times.impossible == 20
    assert all(each.impossible for each in quality(design, rows, closed=True).conduct)


def test_one_question_takes_half_as_long_as_two() -> None:
    def flagged(design: Design) -> bool:
        rows = rows_with(design, lambda row: "left" if design.paired else "yes", gap_ms=1050)
        return bool(impossible(check_votes(rows, design).table))

    assert flagged(make_design(raters=1))
    assert not flagged(make_design("coco-alignment", raters=1))


def test_an_export_says_both_and_an_older_one_is_read_as_it_was(votes: list[VoteRow], tmp_path: Path) -> None:
    rows = [vars(row) for row in votes]
    write_rows(rows, COLUMNS, tmp_path / "new.csv", "csv", DESIGN)
    older = [name for name in COLUMNS if name != "gap_ms"]
    write_rows(rows, older, tmp_path / "old.csv", "csv", DESIGN)
    assert {(row["dwell_ms"], row["gap_ms"]) for row in rows} == {(60_000, 50), (60_000, 5000)}
    assert {row["dwell_ms"] for row in read_votes(tmp_path / "new.csv")} == {50, 5000}
    assert {row["dwell_ms"] for row in read_votes(tmp_path / "old.csv")} == {60_000}


def test_a_screen_answered_anew_was_seen_since_it_came_up(tmp_path: Path) -> None:
    clock = Clock()
    store = VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", DESIGN, clock=clock)
    first = ready(store, "one")
    clock.now += 3
    second = vote(store, first)
    clock.now += 2
    third = vote(store, second)
    clock.now += 1
    vote(store, second, 1)  # another answer, from a window left behind
    assert third.sitting is not None
    clock.now += 4
    again = store.undo(first.rater, third.sitting, 1)
    clock.now += 1
    vote(store, again)
    gaps = [row.gap_ms for row in store.vote_rows() if row.question == "fidelity"]
    assert gaps == [3000, 2000, 3000, 8000]
    store.close()
