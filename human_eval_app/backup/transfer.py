"""All rows of all tables as lines of JSON, and back into an empty database of either kind."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select

from drawbench.errors import UserError
from human_eval_app.store.database.migrate import VERSION_TABLE, migrate
from human_eval_app.store.database.schema import Base

TABLES: tuple[Table, ...] = tuple(Base.metadata.sorted_tables)  # each after those that its rows refer to
ROWS_AT_ONCE = 1000


def tables_of(connection: Connection) -> list[Table]:
    """The tables as this database has them, which may be older than `TABLES`, in the same order."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSION_TABLE]


def lines_of(connection: Connection, table: Table) -> Iterator[bytes]:
    """One line of JSON per row, in the order of the primary key; equal rows give equal lines from every database."""
    # As one stream: a study may have more votes than there is memory for, and raters are waiting.
    query = select(table).order_by(*table.primary_key)
    rows = connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    for row in rows.mappings():
        yield json.dumps(dict(row), sort_keys=True).encode() + b"\n"


def make_tables(connection: Connection, name: str, version: str) -> None:
    """The tables of a known version, without a row. Raises UserError when the database `name` holds any table."""
    if inspect(connection).get_table_names():
        raise UserError(f"{name} holds tables already, and a study is restored into an empty database only: make one.")
    migrate(connection, name, version)


def fill(connection: Connection, table: Table, lines: Iterable[bytes]) -> None:
    """Insert the rows that `lines_of` gave. Raises ValueError for lines that are no rows of the table."""
    rows = (_row(table, line) for line in lines)
    while some := list(islice(rows, ROWS_AT_ONCE)):
        connection.execute(insert(table), some)


def count_on(connection: Connection) -> None:
    """Let numbers of new rows follow those of the rows that were inserted with theirs."""
    if connection.dialect.name == "sqlite":  # takes the number after the largest
        return
    for table in tables_of(connection):
        for column in table.primary_key:
            sequence = func.pg_get_serial_sequence(table.name, column.name)  # null where numbers are not given out
            last = connection.scalar(select(func.max(column)).where(sequence.is_not(None)))
            if last is not None:
                connection.execute(select(func.setval(sequence, last)))


def tables_version(connection: Connection) -> str:
    """The migration that the database's tables are at."""
    return str(MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision())


def _row(table: Table, line: bytes) -> dict[str, object]:
    row = json.loads(line)
    if not isinstance(row, dict) or row.keys() != set(table.columns.keys()):
        raise ValueError(f"not a row of {table.name}")
    return row
