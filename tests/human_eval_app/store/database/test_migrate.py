"""The migrations make the tables that the code expects, once, and no older code opens a newer database."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, Inspector, inspect, text
from sqlalchemy.exc import DBAPIError

from drawbench.errors import UserError
from human_eval_app.backup.archive import open_archive, table_file
from human_eval_app.backup.transfer import count_on, fill, make_tables, tables_of
from human_eval_app.store.database.engine import make_engine
from human_eval_app.store.database.migrate import VERSION_TABLE
from human_eval_app.store.database.schema import Base
from human_eval_app.study.design import Design
from tests.human_eval_app import postgresql
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import OpenStore
from tests.human_eval_app.store.sitting import cast, finish, ready

DESIGN = make_design()
GOLDEN = Path(__file__).parents[3] / "golden" / "data" / "study" / "backup.zip"  # made with the first tables


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """An engine on the test's database."""
    made = make_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def other_engine(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[Engine]:
    """An engine on another empty database of the same kind."""
    if url.startswith("sqlite"):
        made = make_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
    else:
        server: postgresql.Server = request.getfixturevalue("postgresql_server")
        made = make_engine(server.new_database())
    yield made
    made.dispose()


def test_the_migrations_make_exactly_the_schemas_tables(
    open_store: OpenStore, engine: Engine, other_engine: Engine
) -> None:
    open_store(DESIGN)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    with other_engine.begin() as connection:
        Base.metadata.create_all(connection)
    assert _described(inspect(engine)) == _described(inspect(other_engine))


def _described(inspector: Inspector) -> dict[str, str]:
    """Everything that the database says about its tables, checks and partial indices included."""
    return {
        table: json.dumps(
            [
                inspector.get_columns(table),
                inspector.get_pk_constraint(table),
                *(
                    sorted(found, key=str)
                    for found in (
                        inspector.get_foreign_keys(table),
                        inspector.get_unique_constraints(table),
                        inspector.get_indexes(table),
                        inspector.get_check_constraints(table),
                    )
                ),
            ],
            default=str,
            sort_keys=True,
        )
        for table in inspector.get_table_names()
        if table != VERSION_TABLE
    }


def test_opening_again_keeps_everything(open_store: OpenStore) -> None:
    place = cast(open_store(DESIGN), DESIGN, ready(open_store(DESIGN), "one"))
    again = open_store(DESIGN)
    assert again.place(place.rater) == place
    assert len(again.seats()) == len(DESIGN.panel_of_seat)


def test_an_open_study_of_the_first_tables_goes_on(open_store: OpenStore, engine: Engine) -> None:
    with open_archive(GOLDEN) as archive, engine.begin() as connection:
        make_tables(connection, "old", archive.manifest.store_version)
        assert not inspect(connection).has_table("look")
        for table in tables_of(connection):
            fill(connection, table, archive.lines(table_file(table.name)))
        count_on(connection)
        connection.execute(text("UPDATE study SET status = 'paused'"))
        design = Design.model_validate(json.loads(b"".join(archive.chunks("design.json")))["design"])
    with pytest.raises(UserError, match="start study serve once"):
        open_store(design, read_only=True)
    store = open_store(design)
    store.set_status("open")
    votes = list(store.vote_rows())
    assert len({(row.sitting, row.part, row.position, row.sequence) for row in votes}) == archive.manifest.votes
    middle = next(rater.rater for rater in store.raters() if rater.stage == "trial")
    assert finish(store, design, store.place(middle)).stage == "complete"
    assert list(store.vote_rows())[: len(votes)] == [
        dataclasses.replace(row, sitting_state="complete") if row.rater == middle else row for row in votes
    ]
    *_, before, after = [row.open_ms for row in store.vote_rows() if row.question == design.questions[0].id]
    assert after - before < 10_000  # it was made long ago, and paused since its last vote as far as anybody knows
    store.record_look("study analyse")
    assert len(store.looks()) == 1


def test_a_database_of_newer_code_is_refused(open_store: OpenStore, engine: Engine) -> None:
    open_store(DESIGN)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    for read_only in (False, True):
        with pytest.raises(UserError, match=r"newer version of this program .* update the program\.$") as caught:
            open_store(DESIGN, read_only=read_only)
        assert "secret" not in str(caught.value)


def test_the_database_itself_keeps_votes_from_being_changed(open_store: OpenStore, engine: Engine) -> None:
    design = make_design(categories={"Colors": 3})
    store = open_store(design)
    place = cast(store, design, ready(store, "one"))
    assert place.sitting is not None
    store.undo(place.rater, place.sitting, 0)
    for table in ("vote", "undo"):
        for act in (f"UPDATE {table} SET server_time = 0", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="never changed or deleted"), engine.begin() as connection:
                connection.execute(text(act))
    assert len(list(store.vote_rows())) == len(design.questions)


def test_replicas_that_start_together_make_one_study(url: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        seats = list(pool.map(_seats_of_a_replica, [url] * 3))
    assert seats == [len(DESIGN.panel_of_seat)] * 3


def _seats_of_a_replica(url: str) -> int:
    """A process of its own opens the store and counts its seats."""
    command = [sys.executable, "-c", _REPLICA, url, DESIGN.model_dump_json()]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


_REPLICA = """
import sys
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design
store = VoteStore.open(sys.argv[1], Design.model_validate_json(sys.argv[2]))
print(len(store.seats()))
store.close()
"""
