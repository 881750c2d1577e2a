"""Both databases for every test of the store, and a clock that tests can turn."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design
from tests.human_eval_app import postgresql

OpenStore = Callable[..., VoteStore]


class Clock:
    """Seconds since 1970 that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += 60 * minutes


@contextmanager
def not_waiting_for_the_disk() -> Iterator[None]:
    """For tests in which nothing crashes: commits to SQLite files return before the disk has them."""
    event.listen(Pool, "connect", _do_not_wait)
    try:
        yield
    finally:
        event.remove(Pool, "connect", _do_not_wait)


def _do_not_wait(connection: object, *_: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'votes.sqlite'}"
    server: postgresql.Server = request.getfixturevalue("postgresql_server")
    return server.new_database()


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


@pytest.fixture
def open_store(url: str) -> Iterator[OpenStore]:
    """Opens stores on `url`, as often as a test likes, and closes them at its end."""
    opened: list[VoteStore] = []

    def open_one(design: Design, **options: Any) -> VoteStore:
        opened.append(VoteStore.open(url, design, **options))
        return opened[-1]

    with not_waiting_for_the_disk():
        yield open_one
    for store in opened:
        store.close()
