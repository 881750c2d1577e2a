"""Making a database ready for a study: one transaction that brings its tables up to date and registers the design."""

from random import Random

from sqlalchemy import Connection, Engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from drawbench.errors import UserError
from human_eval_app.store.codes import add_codes
from human_eval_app.store.database.engine import BUSY_SECONDS, NOW, READ_ONLY, database_name, make_engine
from human_eval_app.store.database.faults import opening_error
from human_eval_app.store.database.migrate import migrate, require_current
from human_eval_app.store.database.schema import SeatTable, StudyTable
from human_eval_app.store.whereabouts import Terms
from human_eval_app.study.design import Design

ONE_AT_A_TIME = 0x647261776265  # the key of PostgreSQL's advisory lock: replicas that start together take turns


def open_database(url: str, terms: Terms, *, read_only: bool, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """An engine on a database that holds this very design. Raises UserError when it cannot be had."""
    engine, name = make_engine(url, read_only=read_only, busy_seconds=busy_seconds), database_name(url)
    try:
        if read_only:
            with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
                require_current(connection, name)
                _require_design(connection, terms.design, name)
        else:
            with engine.begin() as connection:
                _take_turns(connection)
                migrate(connection, name)
                _register(connection, terms, name)
                # A read-only file or a standby server would let us get this far, and then refuse the first rater.
                connection.execute(update(StudyTable).values(status=StudyTable.status))
    except (DBAPIError, PoolTimeout) as error:
        engine.dispose()
        raise opening_error(error, name) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def _take_turns(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})


def _require_design(connection: Connection, design: Design, name: str) -> bool:
    """Whether the database holds a study; raises UserError when it is not this one."""
    found = connection.execute(select(StudyTable.name, StudyTable.design_sha256)).first()
    if found is not None and found[1] != design.sha256:
        raise UserError(
            f"{name} holds the votes of another design ({found[0]}, {found[1][:12]}; this one is {design.name}, "
            f"{design.sha256[:12]}): use another database."
        )
    return found is not None


def _register(connection: Connection, terms: Terms, name: str) -> None:
    known = _require_design(connection, terms.design, name)
    add_codes(connection)
    if known:
        return
    design = terms.design
    connection.execute(
        insert(StudyTable).values(id=1, name=design.name, design_sha256=design.sha256, status="open", created_at=NOW),
        {"now": terms.now},
    )
    connection.execute(
        insert(SeatTable),
        [
            {
                "id": seat,
                "panel": design.panel_of_seat[seat].id,
                "number": number,
                "status": "free",
                "holder": None,
                "lease_until": None,
            }
            for number, seat in enumerate(_dealing_order(design))
        ],
    )


def _dealing_order(design: Design) -> list[str]:
    """Every seat, in the order in which those of panels with as many free ones are dealt.

    Each time that panels are even, their next seats stand in an order drawn at random, from the design's hash.
    """
    random = Random(design.sha256)
    left = range(max(len(panel.seats) for panel in design.panels), 0, -1)
    even = ([panel.seats[-number].id for panel in design.panels if len(panel.seats) >= number] for number in left)
    return [seat for seats in even for seat in random.sample(seats, len(seats))]
