"""How connections are set up: nothing that was committed is lost in a crash, and the clock is the database's."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from drawbench.errors import UserError
from human_eval_app.store.database.engine import NOW, database_name, make_engine, sqlite_url
from tests.human_eval_app import postgresql


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine on the test's database."""
    made = make_engine(url)
    yield made
    made.dispose()


def test_sqlite_writes_through_to_the_disk(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'votes.sqlite'}")
    with engine.connect() as connection:
        found = {name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}
        assert found == {"journal_mode": "wal", "synchronous": 2}
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()


def test_postgresql_writes_through_to_the_disk_whatever_its_default(postgresql_server: postgresql.Server) -> None:
    url = postgresql_server.new_database()
    postgresql_server.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")
    engine = make_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"
    engine.dispose()


def test_the_clock_is_in_milliseconds_since_1970(engine: Engine) -> None:
    with engine.connect() as connection:
        before = 1000 * time.time()
        now = connection.scalar(select(NOW), {"now": None})
        after = 1000 * time.time()
        assert now is not None
        assert before - 2 <= now <= after + 2
        assert connection.scalar(select(NOW), {"now": 7}) == 7


def test_the_clock_is_not_this_process(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000 * time.time()
    with engine.connect() as connection:
        monkeypatch.setattr("time.time", lambda: 0.0)
        assert abs(connection.scalars(select(NOW), {"now": None}).one() - now) < 60_000


@pytest.mark.parametrize("name", ["votes #1?.sqlite", "100% votes & more.sqlite", "Stimmen für ä.sqlite"])
def test_a_sqlite_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    engine = make_engine(sqlite_url(tmp_path / name))
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE t (x INT)"))
        connection.commit()
    engine.dispose()
    assert (tmp_path / name).stat().st_size > 0


def test_any_spelling_of_postgresql_will_do() -> None:
    pytest.importorskip("psycopg")
    for scheme in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2"):
        assert make_engine(f"{scheme}://user@host/votes").dialect.driver == "psycopg"


def test_a_database_is_named_without_its_password() -> None:
    assert database_name("postgresql://user:hidden@host:5432/votes") == "postgresql://user:***@host:5432/votes"
    assert database_name("sqlite:////data/votes.sqlite") == "/data/votes.sqlite"
    assert "hidden" not in database_name("hidden")


def test_an_option_that_libpq_does_not_know_is_a_sentence() -> None:
    from human_eval_app.store.store import VoteStore
    from tests.human_eval_app.designs import make_design

    pytest.importorskip("psycopg")
    with pytest.raises(UserError, match=r"nonsense.*check the address, or use an empty database\.$"):
        VoteStore.open("postgresql://user@127.0.0.1:1/votes?nonsense=1", make_design())
