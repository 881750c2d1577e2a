"""Where a rater is: two queries, and the rules that turn their answer into a place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, exists, or_, select, true

from human_eval_app.store.database.engine import NOW
from human_eval_app.store.database.schema import (
    LARGEST_INTEGER,
    RaterTable,
    SeatTable,
    SittingTable,
    StudyTable,
    UndoTable,
    VoteTable,
)
from human_eval_app.store.progress import CastVote, RaterProgress, progress_of
from human_eval_app.store.records import Place, SittingState, Stage, StoreRefusal, StudyStatus
from human_eval_app.study.design import Design


@dataclass(frozen=True)
class Terms:
    """What a store was opened with. clock: seconds since 1970 in place of the database's clock, or None."""

    design: Design
    lease_ms: int
    clock: Callable[[], float] | None

    @property
    def now(self) -> int | None:
        """The value of the parameter `now` of a statement; None: by the database's clock."""
        return None if self.clock is None else round(1000 * self.clock())


@dataclass(frozen=True)
class Whereabouts:
    """One rater's row, with their sitting's and their seat's where they have one. Times in milliseconds."""

    now: int
    status: StudyStatus
    rater: int
    wanted_panel: str | None
    withdrawn: bool
    sitting: int | None
    state: SittingState | None
    language: str | None
    instructed: bool
    seat: str | None


AVAILABLE = or_(SeatTable.status == "free", (SeatTable.status == "leased") & (SeatTable.lease_until < NOW))
WHEREABOUTS_COLUMNS = (
    NOW.label("now"),
    StudyTable.status,
    RaterTable.id,
    RaterTable.panel,
    RaterTable.withdrawn_at.is_not(None),
    SittingTable.id,
    SittingTable.state,
    SittingTable.language,
    SittingTable.instructions_at.is_not(None),
    SittingTable.seat_id,
)
ALL_WHEREABOUTS = (
    select(*WHEREABOUTS_COLUMNS)
    .select_from(RaterTable)
    .join(StudyTable, true())
    .outerjoin(SittingTable, SittingTable.rater_id == RaterTable.id)
)
ONE_WHEREABOUTS = ALL_WHEREABOUTS.where(RaterTable.id == bindparam("rater"))
CAST_VOTE_COLUMNS = (
    VoteTable.id,
    VoteTable.part,
    VoteTable.position,
    VoteTable.sequence,
    VoteTable.answers,
    UndoTable.vote_id.is_not(None),
    VoteTable.submission,
)
VOTES_OF_SITTING = (
    select(*CAST_VOTE_COLUMNS)
    .outerjoin(UndoTable, UndoTable.vote_id == VoteTable.id)
    .where(VoteTable.sitting_id == bindparam("sitting"))
    .order_by(VoteTable.id)
)
ANY_FREE_SEAT = select(
    exists()
    .where(or_(bindparam("panel", type_=SeatTable.panel.type).is_(None), SeatTable.panel == bindparam("panel")))
    .where(AVAILABLE)
)


def find(connection: Connection, terms: Terms, rater: int) -> Whereabouts:
    """The rater's rows. Raises StoreRefusal when there is no such rater."""
    row = connection.execute(ONE_WHEREABOUTS, {"rater": rater, "now": terms.now}).first()
    if row is None:
        raise _unknown_rater()
    return Whereabouts(*tuple(row))


def check_number(rater: int) -> None:
    """Raise StoreRefusal for a number that no rater can have, and that a database may choke on."""
    if not 0 < rater <= LARGEST_INTEGER:
        raise _unknown_rater()


def votes_of(connection: Connection, sitting: int) -> list[CastVote]:
    """The sitting's votes in the order in which they were given."""
    return [CastVote(*row) for row in connection.execute(VOTES_OF_SITTING, {"sitting": sitting})]


def place(connection: Connection, terms: Terms, rater: int) -> Place:
    """Where the rater is. Raises StoreRefusal when there is no such rater."""
    where = find(connection, terms, rater)
    if where.sitting is None:
        asked = {"panel": where.wanted_panel, "now": terms.now}
        return place_without_seat(where, seats_left=bool(connection.scalar(ANY_FREE_SEAT, asked)))
    votes = votes_of(connection, where.sitting) if where.state == "active" else []
    return place_in_seat(terms.design, where, votes)


def place_without_seat(where: Whereabouts, seats_left: bool) -> Place:
    """The place of a rater who has no seat yet. seats_left: whether there is one for them."""
    stage: Stage = "consent" if seats_left else "full"
    if where.withdrawn:
        stage = "withdrawn"
    elif where.status != "open":
        stage = where.status
    return Place(where.rater, stage, None, where.wanted_panel, None, None, 0, 0, 0, False)


def place_in_seat(design: Design, where: Whereabouts, votes: Sequence[CastVote]) -> Place:
    """The place of a rater who has, or had, a seat. votes: those of their sitting; none are needed after its end."""
    assert where.seat is not None
    progress = progress_of(design.training, design.trials_of_seat[where.seat], votes)
    stage = _stage_in_seat(where, progress)
    working = stage in ("training", "trial")
    return Place(
        rater=where.rater,
        stage=stage,
        language=where.language,
        panel=design.panel_of_seat[where.seat].id,
        seat=where.seat,
        sitting=where.sitting,
        position=progress.position if working else 0,
        total=progress.total if working else 0,
        sequence=progress.sequence if working else 0,
        can_undo=stage == "trial" and progress.last is not None,
    )


def _unknown_rater() -> StoreRefusal:
    return StoreRefusal("unknown_rater", "This study does not know you; please open your invitation link again.")


def _stage_in_seat(where: Whereabouts, progress: RaterProgress) -> Stage:
    if where.state == "expired":
        return "timed_out"
    if where.state is not None and where.state != "active":
        return where.state
    if where.status != "open":
        return where.status
    if not where.instructed:
        return "instructions"
    return "training" if progress.part == "training" else "trial"
