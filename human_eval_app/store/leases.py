"""Seats: dealt to one rater at a time, for a time, and free again when it is over or the rater leaves."""

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from human_eval_app.store.database.engine import NOW
from human_eval_app.store.database.schema import SeatTable, SittingTable
from human_eval_app.store.records import SittingState
from human_eval_app.store.whereabouts import AVAILABLE, Terms, Whereabouts

WANTED = bindparam("panel", type_=SeatTable.panel.type)
SEATS_LEFT = (
    select(SeatTable.panel, func.count().label("seats"))
    .where(AVAILABLE, or_(WANTED.is_(None), SeatTable.panel == WANTED))
    .group_by(SeatTable.panel)
    .subquery()
)
# The panel with most free seats first; the seats' numbers say which where two have as many. Never-used seats before
# lapsed ones, whose raters may still come back.
NEXT_SEAT = (
    select(SeatTable.id, SeatTable.holder)
    .join(SEATS_LEFT, SEATS_LEFT.c.panel == SeatTable.panel)
    .where(AVAILABLE)
    .order_by(SEATS_LEFT.c.seats.desc(), SeatTable.status, SeatTable.lease_until, SeatTable.number)
    .limit(1)
)
# Seats that other transactions hold are skipped at first. Where none is left, they are waited for: the other one may
# only be renewing a lease, or fail, and nobody is sent away while there is a seat.
NEXT_SEATS = [NEXT_SEAT.with_for_update(skip_locked=skip, of=SeatTable, key_share=True) for skip in (True, False)]
SEAT_OF_RATER = (
    select(SeatTable.id)
    .where(
        SeatTable.id
        == select(SittingTable.seat_id).where(SittingTable.rater_id == bindparam("rater")).scalar_subquery()
    )
    .with_for_update(key_share=True)
)
RENEW = (
    update(SeatTable)
    .where(SeatTable.holder == bindparam("of"), SeatTable.status == "leased")
    .values(lease_until=NOW + bindparam("lease_ms"))
)
RENEW_ALL = update(SeatTable).where(SeatTable.status == "leased").values(lease_until=NOW + bindparam("lease_ms"))


def deal(connection: Connection, terms: Terms, where: Whereabouts, language: str, instructions_version: str) -> bool:
    """Lease a free seat to the rater and open their sitting. Returns whether there was one."""
    asked = {"panel": where.wanted_panel, "now": terms.now}
    found = next(filter(None, (connection.execute(query, asked).first() for query in NEXT_SEATS)), None)
    if found is None:
        return False
    seat, lapsed_holder = found
    if lapsed_holder is not None:
        end_sitting(connection, terms, lapsed_holder, "expired")
    connection.execute(
        update(SeatTable)
        .where(SeatTable.id == seat)
        .values(status="leased", holder=where.rater, lease_until=where.now + terms.lease_ms)
    )
    connection.execute(
        insert(SittingTable).values(
            rater_id=where.rater,
            seat_id=seat,
            state="active",
            language=language,
            instructions_version=instructions_version,
            consented_at=where.now,
        )
    )
    return True


def lock_seat(connection: Connection, rater: int) -> None:
    """Let nobody else vote in, renew or deal the rater's seat before this transaction ends."""
    if connection.dialect.name != "sqlite":  # there, a transaction that writes is alone from its start
        connection.execute(SEAT_OF_RATER, {"rater": rater})


def renew(connection: Connection, terms: Terms, rater: int) -> None:
    """Start the rater's lease anew, from now; also one that is over, if nobody was given the seat since."""
    connection.execute(RENEW, {"of": rater, "lease_ms": terms.lease_ms, "now": terms.now})


def renew_all(connection: Connection, terms: Terms) -> None:
    """Start the lease of every sitting anew, from now."""
    connection.execute(RENEW_ALL, {"lease_ms": terms.lease_ms, "now": terms.now})


def complete_seat(connection: Connection, rater: int) -> None:
    """The seat's quota is filled: it is never dealt again."""
    connection.execute(update(SeatTable).where(SeatTable.holder == rater).values(status="complete", lease_until=None))


def free_seat(connection: Connection, rater: int) -> None:
    """Give the rater's seat back, for another rater to start it afresh."""
    connection.execute(
        update(SeatTable).where(SeatTable.holder == rater).values(status="free", holder=None, lease_until=None)
    )


def end_sitting(connection: Connection, terms: Terms, rater: int, state: SittingState) -> None:
    """The rater's sitting is over; its votes stay."""
    connection.execute(
        update(SittingTable)
        .where(SittingTable.rater_id == rater, SittingTable.state == "active")
        .values(state=state, ended_at=NOW),
        {"now": terms.now},
    )
