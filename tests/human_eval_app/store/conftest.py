"""Both databases for every test of the store, and a clock that tests can turn."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """One PostgreSQL for all tests that do not harm it."""
    reason = postgresql.missing()
    if reason is not None:
        pytest.skip(reason)
    with postgresql.server() as running:
        yield running


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

    yield open_one
    for store in opened:
        store.close()
