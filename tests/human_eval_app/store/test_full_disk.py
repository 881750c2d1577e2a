"""The disk is full: a vote is refused in one sentence and not acknowledged, and goes in when there is room again."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from drawbench.errors import UserError
from human_eval_app.store.records import Place, StoreRefusal
from human_eval_app.store.store import VoteStore
from tests.human_eval_app import postgresql
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.invariants import check
from tests.human_eval_app.store.sitting import cast, ready

DESIGN = make_design(categories={"Colors": 400}, raters=1)
UNLIMITED = 2**31
SENTENCE = "The vote database's disk is full; nothing was recorded, please tell the organisers."


class Room:
    """How many pages SQLite may use, as a full disk would have it."""

    def __init__(self) -> None:
        self.pages = UNLIMITED

    def limit(self, connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {self.pages}")


def vote_until_refused(store: VoteStore, place: Place) -> Place:
    """Vote until the store says that its disk is full; the place before the vote that was refused."""
    for _ in range(400):
        try:
            place = cast(store, DESIGN, place)
        except StoreRefusal as refusal:
            if refusal.sentence != SENTENCE:
                raise
            return place
    raise AssertionError("the disk never got full")


def room_again(store: VoteStore, stuck: Place) -> None:
    """Every acknowledged vote is there, and the one that was refused goes in now."""
    assert store.place(stuck.rater) == stuck
    assert len(check(store, DESIGN)) == stuck.position
    assert cast(store, DESIGN, stuck).position == stuck.position + 1
    assert len(check(store, DESIGN)) == stuck.position + 1


def test_sqlite_that_may_not_grow(tmp_path: Path) -> None:
    path, room = tmp_path / "votes.sqlite", Room()
    event.listen(Pool, "checkout", room.limit)
    try:
        store = VoteStore.open(f"sqlite:///{path}", DESIGN)
        place = ready(store, "one")
        with sqlite3.connect(path) as connection:
            (room.pages,) = connection.execute("PRAGMA page_count").fetchone()
        stuck = vote_until_refused(store, place)
        room.pages = UNLIMITED
        room_again(store, stuck)
        store.close()
    finally:
        event.remove(Pool, "checkout", room.limit)


@pytest.fixture
def small_disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of 24 MB, or of the parameter's size, that other users may look into."""
    size = getattr(request, "param", "24m")
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(folder)]
    try:
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small file system cannot be mounted here: that takes root")
        yield folder
        subprocess.run(["umount", "-l", str(folder)], check=True)
    finally:
        folder.rmdir()


def fill(folder: Path) -> Path:
    """A file that takes all the room that is left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**16, 2**12, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue
    return ballast


def test_sqlite_on_a_full_disk(small_disk: Path) -> None:
    store = VoteStore.open(f"sqlite:///{small_disk / 'votes.sqlite'}", DESIGN)
    place = ready(store, "one")
    ballast = fill(small_disk)
    stuck = vote_until_refused(store, place)
    with pytest.raises(UserError, match=r"(is full: make room|readable and writable)\.$"):
        VoteStore.open(f"sqlite:///{small_disk / 'other.sqlite'}", DESIGN)
    ballast.unlink()
    room_again(store, stuck)
    store.close()


def test_postgresql_on_a_full_disk(small_disk: Path, postgresql_server: postgresql.Server) -> None:
    tables = small_disk / "tables"
    tables.mkdir()
    if (user := postgresql.server_user()) is not None:
        shutil.chown(tables, user)
    postgresql_server.execute(f"CREATE TABLESPACE small LOCATION '{tables}'")
    url = postgresql_server.new_database("TABLESPACE small")
    store = VoteStore.open(url, DESIGN)
    place = ready(store, "one")
    ballast = fill(small_disk)
    stuck = vote_until_refused(store, place)
    ballast.unlink()
    room_again(store, stuck)
    store.close()
    postgresql_server.execute(f"DROP DATABASE {url.rpartition('/')[2]}")
    postgresql_server.execute("DROP TABLESPACE small")


@pytest.mark.proof
@pytest.mark.parametrize("small_disk", ["96m"], indirect=True)
def test_postgresql_that_cannot_even_write_its_log(small_disk: Path) -> None:
    """The server then stops itself; with room, and started again, it has every acknowledged vote."""
    reason = postgresql.missing()
    if reason is not None:
        pytest.skip(reason)
    import psycopg

    cluster = small_disk / "cluster"
    cluster.mkdir()
    with postgresql.server(cluster, (*postgresql.QUICK, "max_wal_size=2MB", "min_wal_size=2MB")) as server:
        store = VoteStore.open(server.new_database(), DESIGN, patience_seconds=1.0)
        place = cast(store, DESIGN, ready(store, "one"))
        ballast = fill(small_disk)
        much = "pg_logical_emit_message(false, 'fill', repeat('x', 500000))"
        with pytest.raises(psycopg.Error):
            server.execute(f"SELECT count({much}) FROM generate_series(1, 400)")
        with pytest.raises(StoreRefusal) as caught:
            cast(store, DESIGN, place)
        assert caught.value.reason == "unavailable"
        ballast.unlink()
        server.restart()
        room_again(store, place)
        store.close()
