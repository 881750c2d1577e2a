"""Connections to SQLite and PostgreSQL, set up so that what is committed stays, and the database's own clock."""

import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, BigInteger, ColumnElement, Connection, Engine, bindparam, cast, create_engine, event, func
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from drawbench.errors import UserError

BUSY_SECONDS = 10  # how long a writer waits for others before it gives up
CONNECT_SECONDS = 5
POOL = 16  # connections of one process; more threads wait for their turn
READ_ONLY = "drawbench_read_only"


class DatabaseClock(FunctionElement[int]):
    """Milliseconds since 1970-01-01 UTC, read in the database: replicas with wrong clocks agree on it."""

    type = BigInteger()
    inherit_cache = True


@compiles(DatabaseClock, "sqlite")
def _sqlite_clock(element: DatabaseClock, compiler: SQLCompiler, **options: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


@compiles(DatabaseClock, "postgresql")
def _postgresql_clock(element: DatabaseClock, compiler: SQLCompiler, **options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


# The time of a statement: the parameter `now` where a test gives one, else the database's clock.
NOW: ColumnElement[int] = func.coalesce(cast(bindparam("now"), BigInteger), DatabaseClock())


def make_engine(url: str, *, read_only: bool = False, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """An engine for `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`. Nothing is connected yet.

    read_only: SQLite files are neither made nor changed. busy_seconds: how long a writer waits for others.
    Raises UserError for any other address.
    """
    address = _address(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite_engine(address, read_only, busy_seconds)
    return _postgresql_engine(address, busy_seconds)


def sqlite_url(path: Path) -> str:
    """The address of a SQLite file, whatever characters its name has."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def database_name(url: str) -> str:
    """The database as messages name it: without the password."""
    try:
        address = make_url(url)
    except ArgumentError:
        return "the database"
    if address.get_backend_name() == "sqlite":
        return str(address.database)
    return address.render_as_string(hide_password=True)


def _address(url: str) -> URL:
    wanted = "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    try:
        address = make_url(url)
    except ArgumentError:
        raise UserError(f"the database's address cannot be read: {wanted}.") from None
    if address.get_backend_name() == "sqlite":
        if not address.database or address.database == ":memory:":
            raise UserError(f"{url} names no file, and votes must be kept: {wanted}.")
        return address
    if address.get_backend_name() in ("postgresql", "postgres"):
        return address.set(drivername="postgresql+psycopg")
    raise UserError(f"{address.render_as_string(hide_password=True)} is neither SQLite nor PostgreSQL: {wanted}.")


def _sqlite_engine(address: URL, read_only: bool, busy_seconds: float) -> Engine:
    path = Path(str(address.database))
    if read_only and not path.exists():
        raise UserError(f"{path} does not exist, so no rater has come yet: start the raters' app with study serve.")
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be made because {path.parent} is not a folder: make it first.")
    file = f"file:{quote(str(path.absolute()))}?mode={'rw' if read_only else 'rwc'}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            file, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _use_write_ahead_log(connection, path, busy_seconds)
        return connection

    engine = create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=busy_seconds,
    )
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _use_write_ahead_log(connection: sqlite3.Connection, path: Path, busy_seconds: float) -> None:
    """Let readers go on while another connection writes. The file remembers it; a busy one is asked again."""
    give_up = time.monotonic() + busy_seconds
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise UserError(f"{path} is on a file system without shared memory: put it on a local disk.")
        return


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the write lock at once: a transaction that reads first and writes later could fail half way."""
    reads = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _postgresql_engine(address: URL, busy_seconds: float) -> Engine:
    patience = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 30,
        "tcp_user_timeout": round(1000 * busy_seconds),
        "application_name": "drawbench study",
    }
    given = {name: value for name, value in patience.items() if name not in address.query}
    try:
        engine = create_engine(
            address, connect_args=given, pool_size=POOL, max_overflow=0, pool_timeout=busy_seconds, pool_recycle=3600
        )
    except (ModuleNotFoundError, NoSuchModuleError):
        raise UserError(
            "PostgreSQL needs the package psycopg, which is not installed: pip install 'drawbench[postgres]'."
        ) from None
    event.listen(engine, "connect", partial(_set_up_postgresql, busy_seconds))
    return engine


def _set_up_postgresql(busy_seconds: float, connection: Any, record: object) -> None:
    """Waiting has an end, and a commit is on disk before it is acknowledged, whatever the server's defaults."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{round(1000 * busy_seconds)}ms'")
        cursor.execute("SELECT current_setting('synchronous_commit')")
        if cursor.fetchone() == ("off",):
            cursor.execute("SET synchronous_commit TO on")
    connection.commit()
