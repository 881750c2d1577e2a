"""PostgreSQL goes away: stopped, crashed, or gone in the very moment of a commit."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from human_eval_app.store.records import Identity, Place, StoreRefusal, VoteRow
from human_eval_app.store.store import VoteStore
from tests.human_eval_app import postgresql
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.crowd import Notes, rate
from tests.human_eval_app.store.invariants import check
from tests.human_eval_app.store.sitting import TIMING, VERSION, answers, cast, ready, trial_at

DESIGN = make_design(categories={"Colors": 4}, raters=3)


@pytest.fixture(scope="module")
def own_server() -> Iterator[postgresql.Server]:
    """A server that these tests may harm."""
    with postgresql.server_or_skip() as running:
        yield running


def vote_through_restarts(server: postgresql.Server, notes_path: Path, restarts: int, raters: int) -> None:
    """Four raters at a time vote in one server process while the database crashes and is stopped in turn."""
    design = make_design(categories={"Colors": 12, "Counting": 9}, raters=raters, training=1, gold=2)
    store, notes = VoteStore.open(server.new_database(), design), Notes(notes_path)
    failures, stop = [], threading.Event()

    def work(number: int) -> None:
        random = Random(number)
        try:
            for turn in range(10_000):
                if stop.is_set() or rate(store, design, f"{number} {turn}", notes, random).stage == "full":
                    return
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    random = Random(20_260_102)
    for count in range(restarts):
        time.sleep(random.uniform(0.05, 0.4))
        server.stop("immediate" if count % 2 == 0 else "fast")
        server.start()
    wanted = len(notes.read()) + 10
    give_up = time.monotonic() + 30
    while len(notes.read()) < wanted and any(thread.is_alive() for thread in threads) and time.monotonic() < give_up:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert failures == []
    votes, acknowledged = check(store, design), notes.read()
    assert len({vote.key for vote in acknowledged}) == len(acknowledged)
    assert {vote.key: vote.answers for vote in acknowledged} == votes, "every vote was acknowledged, and is there"
    store.close()


def test_votes_go_on_when_the_database_is_restarted(own_server: postgresql.Server, tmp_path: Path) -> None:
    vote_through_restarts(own_server, tmp_path / "notes", restarts=2, raters=6)


@pytest.mark.proof
def test_votes_go_on_through_twenty_restarts(own_server: postgresql.Server, tmp_path: Path) -> None:
    vote_through_restarts(own_server, tmp_path / "notes", restarts=20, raters=120)


def test_a_database_that_stays_away_is_a_sentence(own_server: postgresql.Server) -> None:
    store = VoteStore.open(own_server.new_database(), DESIGN, patience_seconds=0.2)
    place = ready(store, "one")
    own_server.stop()
    try:
        for call in (partial(cast, store, DESIGN, place), partial(store.place, place.rater)):
            with pytest.raises(StoreRefusal, match=r"^The vote database cannot be reached; .*\.$") as caught:
                call()
            assert caught.value.reason == "unavailable"
    finally:
        own_server.start()
    assert store.place(place.rater) == place
    assert cast(store, DESIGN, place).position == 1
    own_server.stop("fast")
    own_server.start()
    assert len(list(store.vote_rows())) == len(DESIGN.questions)
    store.close()


def steps(store: VoteStore) -> Iterator[Callable[[], Place]]:
    """Every kind of writing that there is, one after another; each leads somewhere that a second run would change."""
    yield partial(store.enter, Identity("prolific", "one", session="s"))
    rater = store.raters()[0].rater
    yield partial(store.consent, rater, "en", "1")
    yield partial(store.finish_instructions, rater)
    for _ in range(2):
        place = store.place(rater)
        given = answers(DESIGN, trial_at(DESIGN, place))
        assert place.sitting is not None
        yield partial(store.vote, rater, place.sitting, "main", place.position, 0, given, TIMING, VERSION)
    assert place.sitting is not None
    yield partial(store.undo, rater, place.sitting, 1)
    yield partial(store.withdraw, rater)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_whose_outcome_is_unknown_counts_once(
    own_server: postgresql.Server, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The connection is lost just before or just after each commit: what is done is what an undisturbed store does."""
    disturbed = VoteStore.open(own_server.new_database(), DESIGN)
    undisturbed = VoteStore.open(own_server.new_database(), DESIGN)
    lost = 0
    for step, undisturbed_step in zip(steps(disturbed), steps(undisturbed), strict=True):
        expected = undisturbed_step()
        with monkeypatch.context() as patch:
            breaks = _break_one_commit(patch, moment)
            assert unnumbered(step()) == unnumbered(expected)
        lost += next(breaks)
        assert [unnumbered(row) for row in disturbed.vote_rows()] == [
            unnumbered(row) for row in undisturbed.vote_rows()
        ]
    assert lost == 7
    assert disturbed.raters()[0].sessions == ("s",)
    check(disturbed, DESIGN)
    disturbed.close()
    undisturbed.close()


def test_an_undo_that_is_tried_again_takes_back_no_other_vote(
    own_server: postgresql.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The undo was committed, and the rater voted again from another window, before the first window knew."""
    url = own_server.new_database()
    store, window = VoteStore.open(url, DESIGN), VoteStore.open(url, DESIGN)
    place = cast(store, DESIGN, ready(store, "one"))
    sitting = place.sitting
    assert sitting is not None
    with monkeypatch.context() as patch:
        breaks = _break_one_commit(patch, "after", lambda: cast(window, DESIGN, window.place(place.rater)))
        after = store.undo(place.rater, sitting, 0)
    assert next(breaks) == 1
    assert (after.position, after.sequence) == (1, 0)
    assert [row.superseded for row in store.vote_rows()] == [True, True, False, False]
    store.close()
    window.close()


def unnumbered(record: Place | VoteRow) -> dict[str, Any]:
    """Without what differs when a transaction was undone: times, and PostgreSQL's numbers, which are not used again."""
    differs = ("rater", "sitting", "server_time", "gap_ms", "open_ms")
    return {name: value for name, value in vars(record).items() if name not in differs}


def _break_one_commit(
    patch: pytest.MonkeyPatch, moment: str, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[int]:
    """Lose the connection at the next commit, and do something before it is back. Yields how often that happened."""
    import psycopg
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

    commit = PGDialect_psycopg.do_commit
    done: list[str] = []

    def break_commit(dialect: PGDialect_psycopg, connection: Any) -> None:
        if done:
            return commit(dialect, connection)
        done.append(moment)
        if moment == "after":
            commit(dialect, connection)
        connection.driver_connection.close()
        meanwhile()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    patch.setattr(PGDialect_psycopg, "do_commit", break_commit)
    return iter(lambda: len(done), -1)
