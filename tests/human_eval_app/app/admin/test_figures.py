"""How the study goes: counted by hand on a small study that a real store kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from human_eval_app.app.admin import figures
from human_eval_app.store.records import Identity, RaterState, SeatState
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Exclusion
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import cast, finish, ready, seated

DESIGN = make_design(categories={"Colors": 4}, raters=8, gold=2, training=1)
LEASE_MINUTES = 30


class Clock:
    """Seconds since 1970 that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[SeatState], list[RaterState], datetime]]:
    """Raters of every kind, what the store says of them at the end, and when that is."""
    clock = Clock()
    url = f"sqlite:///{tmp_path_factory.mktemp('votes') / 'votes.sqlite'}"
    store = VoteStore.open(url, DESIGN, LEASE_MINUTES, clock=clock)
    store.enter(Identity("invite", "away before the consent"))
    seated(store, "away at the instructions")
    place = ready(store, "away after a wrong practice answer")
    cast(store, DESIGN, place, wrong=True)
    place = ready(store, "withdrew in the first quarter")
    for _ in range(2):  # practice, and one of six screens
        place = cast(store, DESIGN, place)
    store.withdraw(place.rater)
    first = ready(store, "complete in ten minutes")
    clock.now += 600
    finish(store, DESIGN, first)
    second = ready(store, "complete in twenty minutes, one control trial wrong")
    clock.now += 1200
    second = cast(store, DESIGN, second)
    finish(store, DESIGN, cast(store, DESIGN, second, wrong=True))
    clock.now += 60 * LEASE_MINUTES
    place = ready(store, "in progress")
    for _ in range(4):
        place = cast(store, DESIGN, place)
    store.enter(Identity("invite", "came a moment ago"))
    yield store.seats(), store.raters(), datetime.fromtimestamp(clock.now, UTC)
    store.close()


def test_every_rater_has_one_situation(states: tuple[list[SeatState], list[RaterState], datetime]) -> None:
    seats, raters, _ = states
    standing = figures.situations(seats, raters)
    assert {rater.external_id: standing[rater.rater] for rater in raters} == {
        "away before the consent": "not started",
        "away at the instructions": "away",
        "away after a wrong practice answer": "away",
        "withdrew in the first quarter": "withdrawn",
        "complete in ten minutes": "complete",
        "complete in twenty minutes, one control trial wrong": "complete",
        "in progress": "in progress",
        "came a moment ago": "not started",
    }


def test_totals_add_up(states: tuple[list[SeatState], list[RaterState], datetime]) -> None:
    seats, raters, _ = states
    totals = figures.totals(seats, raters)
    assert (totals.seats, totals.complete, totals.in_progress, totals.away, totals.free) == (8, 2, 1, 2, 3)
    assert (totals.gone, totals.screened_out) == (1, 0)
    assert totals.minutes == pytest.approx(15)  # the median of ten and twenty


def test_where_raters_stopped(states: tuple[list[SeatState], list[RaterState], datetime]) -> None:
    seats, raters, now = states
    stops = figures.stops(DESIGN, seats, raters, now, timedelta(minutes=LEASE_MINUTES))
    assert [stop.where for stop in stops] == list(figures.STOPS)
    found = {stop.where: (stop.gone, stop.away) for stop in stops if stop.gone or stop.away}
    assert found == {
        "before consent": (0, 1),  # who came a moment ago may be reading still
        "instructions": (0, 1),
        "practice": (0, 1),
        "first quarter of the screens": (1, 0),
    }


def test_without_practice_there_is_no_such_stop() -> None:
    plain = make_design()
    stops = figures.stops(plain, [], [], datetime.now(UTC), timedelta(minutes=1))
    assert "practice" not in [stop.where for stop in stops]


def test_completions_are_counted_in_the_order_of_time(
    states: tuple[list[SeatState], list[RaterState], datetime],
) -> None:
    _, raters, now = states
    (first, one), (second, two) = figures.completions(raters)
    assert (one, two) == (1, 2)
    assert second - first == timedelta(minutes=20)
    assert now - second == timedelta(minutes=LEASE_MINUTES)


def test_control_trials_by_panel(states: tuple[list[SeatState], list[RaterState], datetime]) -> None:
    _, raters, _ = states
    strict = DESIGN.model_copy(update={"exclusions": (Exclusion(rule="gold", threshold=0.75),)})
    (tally,) = figures.gold_tallies(strict, raters)
    # Two of two, one of two, and two of two by the rater in progress; who withdrew had one, and answered it rightly.
    assert (tally.right, tally.answers) == (6, 7)
    assert (tally.passed, tally.raters) == (3, 4)
    assert figures.gold_tallies(DESIGN, []) == []


def test_what_the_design_asks_of_control_trials() -> None:
    assert figures.gold_threshold(make_design()) == 0
    rules = (Exclusion(rule="gold", threshold=0.6), Exclusion(rule="too_fast", threshold=900))
    assert figures.gold_threshold(make_design(exclusions=rules)) == 0.6
    assert figures.gold_threshold(make_design(exclusions=rules, minimum_gold_correct=0.8, gold=1)) == 0.8
