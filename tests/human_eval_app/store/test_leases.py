"""Who gets which seat, for how long, and what becomes of it afterwards."""

import time
from collections import Counter
from pathlib import Path

import pytest

from human_eval_app.store.records import Identity, StoreRefusal
from human_eval_app.store.store import VoteStore
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import Clock, OpenStore
from tests.human_eval_app.store.sitting import cast, finish, ready, seated

ONE_SEAT = make_design(categories={"Colors": 3}, raters=1)
TWO_SEATS = make_design(categories={"Colors": 3}, raters=2)


def test_seats_are_dealt_once_and_then_the_study_is_full(open_store: OpenStore) -> None:
    design = make_design(raters=2)
    store = open_store(design)
    places = [seated(store, f"rater {n}") for n in range(6)]
    assert [place.stage for place in places] == ["instructions"] * 4 + ["full"] * 2
    assert sorted(str(place.seat) for place in places[:4]) == sorted(design.panel_of_seat)
    assert store.place(places[5].rater).stage == "full"
    assert store.enter(Identity("invite", "late")).stage == "full"


def test_the_panel_with_most_free_seats_is_dealt_first(open_store: OpenStore) -> None:
    store = open_store(make_design(raters=3))
    seated(store, "invited", panel="counting")
    dealt = [seated(store, f"rater {n}").panel for n in range(5)]
    assert dealt[0] == "colors"  # 3 free against 2
    assert set(dealt[1:3]) == set(dealt[3:]) == {"colors", "counting"}


def test_panels_that_are_even_are_dealt_in_an_order_of_chance_that_the_design_fixes(
    open_store: OpenStore, tmp_path: Path
) -> None:
    categories = {"Colors": 1, "Counting": 1, "Text": 1, "Reddit": 1}
    design = make_design(categories=categories, raters=24)
    orders = []
    for store in (open_store(design), VoteStore.open(f"sqlite:///{tmp_path / 'other.sqlite'}", design)):
        panels = [str(seated(store, f"rater {n}").panel) for n in range(4 * 24)]
        orders.append([tuple(panels[first : first + 4]) for first in range(0, len(panels), 4)])
        assert [seat.seat for seat in store.seats()] == list(design.panel_of_seat)
    assert orders[0] == orders[1]
    assert all(set(order) == {panel.id for panel in design.panels} for order in orders[0])
    assert len(set(orders[0])) > 8  # of 24 that there are, in 24 rounds: 15 are expected
    assert {order[0] for order in orders[0]} == {panel.id for panel in design.panels}


def test_an_invitation_for_a_panel_is_kept_to(open_store: OpenStore) -> None:
    store = open_store(make_design(raters=1))
    assert seated(store, "one", panel="counting").panel == "counting"
    assert store.enter(Identity("invite", "two", panel="counting")).stage == "full"
    assert seated(store, "two", panel="counting").stage == "full"
    assert seated(store, "three", panel="colors").panel == "colors"


def test_a_lapsed_seat_goes_to_who_comes_and_its_votes_stay(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(ONE_SEAT, lease_minutes=30, clock=clock)
    slow = cast(store, ONE_SEAT, ready(store, "slow"))
    clock.pass_minutes(29)
    assert seated(store, "early").stage == "full"
    clock.pass_minutes(2)
    assert [seat.status for seat in store.seats()] == ["lapsed"]
    other = ready(store, "other")
    assert (other.seat, other.position, other.sequence) == (slow.seat, 0, 0)
    assert other.sitting != slow.sitting
    assert store.place(slow.rater).stage == "timed_out"
    with pytest.raises(StoreRefusal) as caught:
        cast(store, ONE_SEAT, slow)
    assert caught.value.reason == "lease_gone"
    assert finish(store, ONE_SEAT, other).stage == "complete"
    states = Counter(row.sitting_state for row in store.vote_rows() if row.question == "fidelity")
    assert states == {"expired": 1, "complete": 3}


def test_who_was_timed_out_has_seen_the_trials_and_gets_no_other_seat(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(TWO_SEATS, lease_minutes=30, clock=clock)
    slow = ready(store, "slow")
    ready(store, "second")
    clock.pass_minutes(31)
    assert seated(store, "third").seat == slow.seat
    assert store.enter(Identity("invite", "slow")).stage == "timed_out"
    assert store.consent(slow.rater, "en", "1").stage == "timed_out"
    assert store.finish_instructions(slow.rater).stage == "timed_out"
    assert store.withdraw(slow.rater).stage == "timed_out"


def test_a_late_vote_counts_and_renews_when_nobody_took_the_seat(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(ONE_SEAT, lease_minutes=30, clock=clock)
    place = ready(store, "slow")
    clock.pass_minutes(500)
    place = cast(store, ONE_SEAT, place)
    assert (place.stage, place.position) == ("trial", 1)
    assert [seat.status for seat in store.seats()] == ["leased"]
    clock.pass_minutes(29)
    assert seated(store, "other").stage == "full"


@pytest.mark.parametrize("deed", ["enter", "instructions", "vote", "undo", "nothing"])
def test_what_a_rater_does_renews_their_lease(open_store: OpenStore, clock: Clock, deed: str) -> None:
    store = open_store(ONE_SEAT, lease_minutes=30, clock=clock)
    place = seated(store, "one")
    if deed in ("vote", "undo"):
        place = store.finish_instructions(place.rater)
    if deed == "undo":
        place = cast(store, ONE_SEAT, place)
    clock.pass_minutes(20)
    assert place.sitting is not None
    if deed == "enter":
        store.enter(Identity("invite", "one"))
    elif deed == "instructions":
        store.finish_instructions(place.rater)
    elif deed == "vote":
        cast(store, ONE_SEAT, place)
    elif deed == "undo":
        store.undo(place.rater, place.sitting, 0)
    clock.pass_minutes(20)
    store.place(place.rater)
    assert seated(store, "other").stage == ("instructions" if deed == "nothing" else "full")


def test_free_seats_are_dealt_before_lapsed_ones(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(TWO_SEATS, lease_minutes=30, clock=clock)
    away = ready(store, "away")
    clock.pass_minutes(31)
    assert seated(store, "new").seat != away.seat
    assert cast(store, TWO_SEATS, away).stage == "trial"


def test_the_seat_that_lapsed_first_is_dealt_first(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(TWO_SEATS, lease_minutes=30, clock=clock)
    first = ready(store, "first")
    clock.pass_minutes(1)
    second = ready(store, "second")
    cast(store, TWO_SEATS, first)  # renews its lease at the same time, then leaves it for the other to be the older
    clock.pass_minutes(1)
    cast(store, TWO_SEATS, second)
    clock.pass_minutes(40)
    assert seated(store, "new").seat == first.seat


def test_a_complete_seat_is_never_dealt_again(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(ONE_SEAT, clock=clock)
    finish(store, ONE_SEAT, ready(store, "one"))
    clock.pass_minutes(10_000)
    assert seated(store, "two").stage == "full"


def test_leases_go_by_the_databases_clock(open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose own clock is years off neither takes a seat away nor keeps one for ever."""
    store = open_store(ONE_SEAT, lease_minutes=30)
    skewed = open_store(ONE_SEAT, lease_minutes=30)
    place = ready(store, "one")
    for wrong in (0.0, 4e9):
        monkeypatch.setattr("time.time", lambda wrong=wrong: wrong)
        assert seated(skewed, f"other {wrong}").stage == "full"
        place = cast(skewed, ONE_SEAT, place)
    assert place.position == 2
    brief = open_store(ONE_SEAT, lease_minutes=0)
    brief.place(place.rater)
    brief.enter(Identity("invite", "one"))  # a lease of no length, which is over at once by the database's clock
    time.sleep(0.01)
    assert [seat.status for seat in store.seats()] == ["lapsed"]


def test_however_long_a_pause_was_raters_keep_their_seats_after_it(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(ONE_SEAT, lease_minutes=30, clock=clock)
    place = cast(store, ONE_SEAT, ready(store, "one"))
    store.set_status("paused")
    clock.pass_minutes(600)
    store.set_status("open")
    assert [seat.status for seat in store.seats()] == ["leased"]
    clock.pass_minutes(29)
    assert seated(store, "early").stage == "full"
    assert store.place(place.rater) == place
    clock.pass_minutes(2)
    assert seated(store, "late").seat == place.seat


def test_opening_a_study_that_is_open_renews_no_lease(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(TWO_SEATS, lease_minutes=30, clock=clock)
    finish(store, TWO_SEATS, ready(store, "done"))
    ready(store, "away")
    clock.pass_minutes(31)
    store.set_status("open")
    assert sorted(seat.status for seat in store.seats()) == ["complete", "lapsed"]
    store.set_status("paused")
    assert sorted(seat.status for seat in store.seats()) == ["complete", "lapsed"]
    store.set_status("open")
    assert sorted(seat.status for seat in store.seats()) == ["complete", "leased"]
