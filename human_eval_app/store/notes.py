"""What is written down beside the votes: the study's status, looks, a rule's decision, problems with screens."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from human_eval_app.store.database.engine import NOW
from human_eval_app.store.database.schema import (
    DecisionTable,
    LookTable,
    ProblemTable,
    SittingTable,
    StatusChangeTable,
    StudyTable,
)
from human_eval_app.store.overview import iso
from human_eval_app.store.records import Decision, Look, Problem, StoreRefusal, StudyStatus
from human_eval_app.store.whereabouts import Terms

MOST_PROBLEMS = 100  # of one sitting; a rater reports a few, and no more than these fill the database
COMPLETE_SITTINGS = select(func.count()).where(SittingTable.state == "complete")


def change_status(connection: Connection, terms: Terms, status: StudyStatus) -> bool:
    """Open, pause or close the study, and write down when. False, and nothing is written, when it is so already."""
    if not connection.execute(update(StudyTable).where(StudyTable.status != status).values(status=status)).rowcount:
        return False
    connection.execute(insert(StatusChangeTable).values(at=NOW), {"status": status, "now": terms.now})
    return True


def add_look(connection: Connection, terms: Terms, place: str) -> None:
    """Write down that somebody sees preferences now."""
    sittings = connection.scalar(COMPLETE_SITTINGS)
    look = {"place": place, "sittings": sittings, "now": terms.now}
    connection.execute(insert(LookTable).values(at=NOW), look)


def looks(connection: Connection) -> list[Look]:
    """Every look, in order."""
    rows = connection.execute(select(LookTable.at, LookTable.place, LookTable.sittings).order_by(LookTable.id))
    return [Look(iso(at), place, sittings) for at, place, sittings in rows]


def add_decision(connection: Connection, terms: Terms, sittings: int, outcome: Mapping[str, Any]) -> bool:
    """Write down what the stopping rule decided. False, and nothing is written, when it has decided before."""
    if decision(connection) is not None:
        return False
    row = {"id": 1, "sittings": sittings, "outcome": dict(outcome), "now": terms.now}
    connection.execute(insert(DecisionTable).values(at=NOW), row)
    return True


def decision(connection: Connection) -> Decision | None:
    """What the stopping rule decided; None while it has not."""
    row = connection.execute(select(DecisionTable.at, DecisionTable.sittings, DecisionTable.outcome)).first()
    return None if row is None else Decision(iso(row[0]), row[1], row[2])


def add_problem(connection: Connection, terms: Terms, problem: Problem) -> None:
    """Write down what a rater says about a screen, unless these very words about it are there already.

    Raises StoreRefusal when there are MOST_PROBLEMS of the sitting.
    """
    row = {
        "sitting_id": problem.sitting,
        "part": problem.part,
        "position": problem.position,
        "text": problem.text,
    }
    own = select(func.count()).where(ProblemTable.sitting_id == problem.sitting)
    if connection.scalar(own.where(*(ProblemTable.__table__.c[name] == value for name, value in row.items()))):
        return
    if (connection.scalar(own) or 0) >= MOST_PROBLEMS:
        raise StoreRefusal("too_many", "No more reports of problems are kept from you; please write to the study.")
    connection.execute(insert(ProblemTable).values(at=NOW), {**row, "now": terms.now})


def problems(connection: Connection) -> list[Problem]:
    """Every problem, in order."""
    rows = connection.execute(
        select(SittingTable.rater_id, *ProblemTable.__table__.columns)
        .join(SittingTable, SittingTable.id == ProblemTable.sitting_id)
        .order_by(ProblemTable.id)
    )
    return [Problem(row.rater_id, row.sitting_id, row.part, row.position, row.text, iso(row.at)) for row in rows]
