"""Writers wait in line, and not for ever."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from human_eval_app.store.database import engine
from human_eval_app.store.database.transactions import WaitingLine
from human_eval_app.store.records import StoreRefusal
from human_eval_app.store.store import VoteStore
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import cast, ready

DESIGN = make_design(categories={"Colors": 3}, raters=1)


def test_turns_are_taken_in_the_order_of_arrival() -> None:
    line, order, threads = WaitingLine(), [], []

    def work(number: int) -> None:
        with line.turn(30):
            order.append(number)

    with line.turn(1):
        for number in range(8):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            while len(line._waiters) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join(30)
    assert order == list(range(8))


def test_only_one_has_the_turn() -> None:
    line, inside, most = WaitingLine(), [0], [0]

    def work() -> None:
        for _ in range(200):
            with line.turn(30):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0)
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (inside, most) == ([0], [1])


def test_who_waited_too_long_leaves_the_line_to_the_others() -> None:
    line = WaitingLine()
    with line.turn(1), pytest.raises(StoreRefusal) as caught, line.turn(0.01):
        pass
    assert caught.value.reason == "busy"
    with line.turn(0.01):
        pass


def test_an_error_ends_the_turn() -> None:
    line = WaitingLine()
    with pytest.raises(ZeroDivisionError), line.turn(1):
        _ = 1 / 0
    with line.turn(0.01):
        pass


def test_a_database_that_others_hold_is_a_sentence(url: str) -> None:
    store = VoteStore.open(url, DESIGN, patience_seconds=1)
    place = ready(store, "one")
    with held(url):
        with pytest.raises(StoreRefusal, match=r"^The vote database is busy; nothing was recorded.*\.$") as caught:
            cast(store, DESIGN, place)
        assert caught.value.reason == "busy"
        assert store.place(place.rater) == place, "reading goes on"
    assert cast(store, DESIGN, place).position == 1
    store.close()


@contextmanager
def held(url: str) -> Iterator[None]:
    """Somebody else has every seat locked."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(Path(url.removeprefix("sqlite:///")), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
        connection.close()
        return
    other = engine.make_engine(url)
    with other.connect() as held:
        held.execute(text("SELECT id FROM seat FOR UPDATE"))
        yield
    other.dispose()
