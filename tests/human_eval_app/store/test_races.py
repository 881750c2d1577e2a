"""Many at once: the last slot, the same vote, the same click, leases that run out all the time."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from human_eval_app.store.database.engine import make_engine
from human_eval_app.store.records import Identity, Place, StoreRefusal
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design
from tests.human_eval_app import postgresql
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import OpenStore
from tests.human_eval_app.store.crowd import FORK, Notes, start_crowd
from tests.human_eval_app.store.invariants import check
from tests.human_eval_app.store.sitting import TIMING, VERSION, answers, cast, ready, trial_at

DESIGN = make_design(categories={"Colors": 3}, raters=2)


def at_once(calls: list[Callable[[], Place]]) -> list[Place]:
    """What the calls return when threads make them at the same moment."""
    barrier, results, failures = threading.Barrier(len(calls)), [], []

    def make(call: Callable[[], Place]) -> None:
        barrier.wait()
        try:
            results.append(call())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=make, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return results


def test_threads_race_for_the_last_slots(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    raters = [store.enter(Identity("invite", f"rater {n}")).rater for n in range(12)]
    places = at_once([partial(store.consent, rater, "en", "1") for rater in raters])
    assert Counter(place.stage for place in places) == {"instructions": 2, "full": 10}
    check(store, DESIGN)


def test_processes_race_for_the_last_slot(url: str) -> None:
    design = make_design(categories={"Colors": 3}, raters=1)
    VoteStore.open(url, design).close()
    barrier, stages = FORK.Barrier(4, timeout=30), FORK.Queue()
    args = [(url, design, f"rater {n}", barrier, stages) for n in range(4)]
    processes = [FORK.Process(target=_take_a_seat, args=each, daemon=True) for each in args]
    for process in processes:
        process.start()
    assert Counter(stages.get(timeout=60) for _ in processes) == {"instructions": 1, "full": 3}
    for process in processes:
        process.join()


def _take_a_seat(url: str, design: Design, name: str, barrier: Barrier, stages: Any) -> None:
    store = VoteStore.open(url, design)
    rater = store.enter(Identity("invite", name)).rater
    barrier.wait()
    stages.put(store.consent(rater, "en", "1").stage)


def test_a_double_click_on_consent_takes_one_seat(open_store: OpenStore) -> None:
    stores = [open_store(DESIGN), open_store(DESIGN)]
    rater = stores[0].enter(Identity("invite", "one")).rater
    places = at_once([partial(stores[n % 2].consent, rater, "en", "1") for n in range(8)])
    assert len(set(places)) == 1
    assert [seat.status for seat in stores[0].seats()].count("leased") == 1


def test_one_link_opened_often_is_one_rater(open_store: OpenStore) -> None:
    stores = [open_store(DESIGN), open_store(DESIGN)]
    identity = Identity("prolific", "one", session="s")
    places = at_once([partial(stores[n % 2].enter, identity) for n in range(8)])
    assert len(set(places)) == 1
    (rater,) = stores[0].raters()
    assert rater.sessions == ("s",)


def test_a_vote_submitted_often_counts_once(open_store: OpenStore) -> None:
    stores = [open_store(DESIGN), open_store(DESIGN)]
    place = ready(stores[0], "one")

    def submit(place: Place, n: int) -> Place:
        key = (place.rater, place.sitting, "main", place.position, place.sequence)
        given = answers(DESIGN, trial_at(DESIGN, place), place.position)
        return stores[n % 2].vote(*key, given, TIMING, VERSION, f"submission {n % 3}")  # type: ignore[arg-type]

    while place.stage == "trial":
        places = at_once([partial(submit, place, n) for n in range(6)])
        assert len(set(places)) == 1
        place = places[0]
    assert place.stage == "complete"
    assert len(check(stores[0], DESIGN)) == 3


def test_of_different_answers_to_one_screen_at_once_one_stands_and_none_is_lost(open_store: OpenStore) -> None:
    stores = [open_store(DESIGN), open_store(DESIGN)]
    place = ready(stores[0], "one")
    windows = [partial(cast, stores[n % 2], DESIGN, place, n, submission=f"window {n}") for n in range(3)]
    assert {(each.position, each.sequence) for each in at_once(windows)} == {(1, 0)}
    votes = [row for row in stores[0].vote_rows() if row.question == "fidelity"]
    assert [row.superseded for row in votes] == [True, True, False]
    assert {row.answer for row in votes} == {"left", "indifferent", "right"}
    assert check(stores[0], DESIGN)


def test_an_undo_clicked_often_takes_back_one_vote(open_store: OpenStore) -> None:
    stores = [open_store(DESIGN), open_store(DESIGN)]
    place = cast(stores[0], DESIGN, cast(stores[0], DESIGN, ready(stores[0], "one")))
    sitting = place.sitting
    assert sitting is not None
    places = at_once([partial(stores[n % 2].undo, place.rater, sitting, 1) for n in range(6)])
    assert {(each.position, each.sequence) for each in places} == {(1, 1)}


@contextmanager
def under_way(url: str, *statements: str) -> Iterator[Connection]:
    """A transaction of another server process that has done this much and is not committed yet."""
    engine = make_engine(url)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
        yield connection
    engine.dispose()


@pytest.fixture
def shared_url(postgresql_server: postgresql.Server) -> str:
    """A database in which transactions can be under way at the same time."""
    return postgresql_server.new_database()


def waits(call: Callable[[], object]) -> Callable[[], object]:
    """Start a call that cannot go on yet; the result gives what it returned, or the refusal, when it can."""
    results: list[object] = []

    def work() -> None:
        try:
            results.append(call())
        except StoreRefusal as refusal:
            results.append(refusal.reason)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()

    def result() -> object:
        thread.join(30)
        return results[0]

    return result


def test_nobody_is_sent_away_while_the_last_slot_is_undecided(shared_url: str) -> None:
    """A server that holds the last slot may still fail: the next rater waits for what becomes of it."""
    design = make_design(categories={"Colors": 3}, raters=1)
    store = VoteStore.open(shared_url, design)
    rater = store.enter(Identity("invite", "one")).rater
    with under_way(shared_url, "SELECT id FROM seat FOR UPDATE") as failing:
        consent = waits(partial(store.consent, rater, "en", "1"))
        failing.rollback()
    place = consent()
    assert isinstance(place, Place)
    assert place.stage == "instructions"
    store.close()


def test_a_vote_waits_for_a_newcomer_who_is_being_given_the_seat(shared_url: str) -> None:
    store = VoteStore.open(shared_url, DESIGN)
    place, newcomer = ready(store, "one"), store.enter(Identity("invite", "two")).rater
    with under_way(
        shared_url,
        f"UPDATE seat SET holder = {newcomer} WHERE holder = {place.rater}",
        f"UPDATE sitting SET state = 'expired', ended_at = 1 WHERE rater_id = {place.rater}",
    ) as dealing:
        vote = waits(partial(cast, store, DESIGN, place))
        dealing.commit()
    assert vote() == "lease_gone"
    assert list(store.vote_rows()) == []
    store.close()


def test_who_is_withdrawing_is_given_no_seat(shared_url: str) -> None:
    store = VoteStore.open(shared_url, DESIGN)
    rater = store.enter(Identity("invite", "one")).rater
    with under_way(shared_url, f"UPDATE rater SET withdrawn_at = 1 WHERE id = {rater}") as withdrawing:
        consent = waits(partial(store.consent, rater, "en", "1"))
        withdrawing.commit()
    assert consent() == store.place(rater)
    assert store.place(rater).stage == "withdrawn"
    assert all(seat.status == "free" for seat in store.seats())
    store.close()


def test_a_vote_and_a_newcomer_race_for_a_lapsed_seat(open_store: OpenStore) -> None:
    """Whoever is first, the seat has one rater, and a vote is there exactly when it was acknowledged."""
    design = make_design(categories={"Colors": 40}, raters=1)
    store = open_store(design, lease_minutes=0)
    holder, outcomes = ready(store, "first"), Counter[str]()
    for n in range(15):
        newcomer = store.enter(Identity("invite", f"newcomer {n}")).rater
        before = len(check(store, design))
        time.sleep(0.002)
        after = at_once([partial(vote_or_stay, store, design, holder), partial(store.consent, newcomer, "en", "1")])
        voted = any(place.stage == "trial" and place.position == holder.position + 1 for place in after)
        seated_now = store.place(newcomer).stage == "instructions"
        assert len(check(store, design)) - before == voted
        assert voted or seated_now
        outcomes[f"voted: {voted}, seated: {seated_now}"] += 1
        holder = store.finish_instructions(newcomer) if seated_now else store.place(holder.rater)
    assert sum(outcomes.values()) == 15


def vote_or_stay(store: VoteStore, design: Design, place: Place) -> Place:
    """The place after a vote, or the one before it if the vote was refused because the seat is gone."""
    try:
        return cast(store, design, place)
    except StoreRefusal as refusal:
        if refusal.reason != "lease_gone":
            raise
        return place


@pytest.mark.proof
def test_leases_that_run_out_all_the_time(url: str, tmp_path: Path) -> None:
    churn(url, tmp_path / "notes", raters=80)


def test_leases_that_run_out_now_and_then(url: str, tmp_path: Path) -> None:
    churn(url, tmp_path / "notes", raters=15)


def churn(url: str, notes_path: Path, raters: int) -> None:
    """Two processes of four raters each, and few seats whose leases end before the rater's next vote, often."""
    design = make_design(categories={"Colors": 6, "Counting": 6}, raters=3, training=1, gold=1)
    VoteStore.open(url, design).close()
    names = [[f"{thread} {number}" for number in range(raters)] for thread in range(8)]
    running = [start_crowd(url, design, names[4 * n : 4 * n + 4], notes_path, n, 1e-4) for n in range(2)]
    for process in running:
        process.join(120)
        assert process.exitcode == 0
    store = VoteStore.open(url, design)
    votes = check(store, design)
    acknowledged = Notes(notes_path).read()
    assert len({vote.key for vote in acknowledged}) == len(acknowledged)
    assert {vote.key: vote.answers for vote in acknowledged} == votes
    stages = Counter(rater.stage for rater in store.raters())
    assert stages["timed_out"] > 0
    assert stages["complete"] == 6 or "trial" in stages
    store.close()
