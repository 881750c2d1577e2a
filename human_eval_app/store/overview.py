"""The whole study at a glance: every seat and every rater, as they are now."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, and_, func, select
from sqlalchemy.engine import Row

from human_eval_app.store.database.schema import ArrivalTable, RaterTable, SeatTable, SittingTable, UndoTable, VoteTable
from human_eval_app.store.progress import CastVote, gold_score
from human_eval_app.store.records import RaterState, SeatState, SeatStatus, Source
from human_eval_app.store.whereabouts import (
    ALL_WHEREABOUTS,
    AVAILABLE,
    CAST_VOTE_COLUMNS,
    WHEREABOUTS_COLUMNS,
    Terms,
    Whereabouts,
    place_in_seat,
    place_without_seat,
)

STANDING_VOTES = (
    select(VoteTable.sitting_id, func.count().label("votes"))
    .outerjoin(UndoTable, UndoTable.vote_id == VoteTable.id)
    .where(VoteTable.part == "main", UndoTable.vote_id.is_(None))
    .group_by(VoteTable.sitting_id)
    .subquery()
)
ALL_SEATS = (
    select(
        SeatTable.id,
        SeatTable.status,
        AVAILABLE,
        SeatTable.holder,
        SittingTable.id,
        SeatTable.lease_until,
        func.coalesce(STANDING_VOTES.c.votes, 0),
    )
    .select_from(SeatTable)
    .outerjoin(SittingTable, and_(SittingTable.rater_id == SeatTable.holder, SittingTable.seat_id == SeatTable.id))
    .outerjoin(STANDING_VOTES, STANDING_VOTES.c.sitting_id == SittingTable.id)
)
ALL_RATERS = ALL_WHEREABOUTS.add_columns(
    RaterTable.source,
    RaterTable.external_id,
    SittingTable.instructions_version,
    RaterTable.entered_at,
    SittingTable.consented_at,
    SittingTable.instructions_at,
    func.coalesce(SittingTable.ended_at, RaterTable.withdrawn_at),
).order_by(RaterTable.id)
ALL_VOTES = (
    select(VoteTable.sitting_id, VoteTable.server_time, *CAST_VOTE_COLUMNS)
    .outerjoin(UndoTable, UndoTable.vote_id == VoteTable.id)
    .order_by(VoteTable.id)
)


@dataclass(frozen=True)
class _Facts:
    """A rater's row beyond their whereabouts. Times in milliseconds."""

    source: Source
    external_id: str
    instructions_version: str | None
    entered_at: int
    consented_at: int | None
    instructions_at: int | None
    ended_at: int | None


@dataclass(frozen=True)
class _Votes:
    """The votes of one sitting, and when the last one came (milliseconds)."""

    cast: Sequence[CastVote] = ()
    last_at: int | None = None


def seats(connection: Connection, terms: Terms) -> list[SeatState]:
    """Every seat in the design's order."""
    rows = {row[0]: row for row in connection.execute(ALL_SEATS, {"now": terms.now})}
    return [_seat_state(terms, *rows[seat]) for seat in terms.design.panel_of_seat]


def raters(connection: Connection, terms: Terms) -> list[RaterState]:
    """Every rater in the order of their arrival."""
    now = {"now": terms.now}
    votes = _votes_by_sitting(connection.execute(ALL_VOTES))
    sessions = defaultdict(list)
    for arrival in connection.execute(select(ArrivalTable).order_by(ArrivalTable.id)):
        sessions[arrival.rater_id].append(arrival.session)
    free = set(connection.scalars(select(SeatTable.panel).where(AVAILABLE).distinct(), now))
    found = []
    for row in connection.execute(ALL_RATERS, now):
        where = Whereabouts(*row[: len(WHEREABOUTS_COLUMNS)])
        facts = _Facts(*row[len(WHEREABOUTS_COLUMNS) :])
        own = votes.get(where.sitting, _Votes()) if where.sitting is not None else _Votes()
        found.append(_rater_state(terms, where, facts, own, tuple(sessions[where.rater]), free))
    return found


def iso(milliseconds: int) -> str:
    """A time of the database as ISO 8601 UTC with milliseconds, ending in Z."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{milliseconds % 1000:03d}Z"


def _seat_state(
    terms: Terms,
    seat: str,
    status: SeatStatus,
    available: bool,
    holder: int | None,
    sitting: int | None,
    lease_until: int | None,
    votes: int,
) -> SeatState:
    shown: SeatStatus = "lapsed" if status == "leased" and available else status
    panel, total = terms.design.panel_of_seat[seat].id, len(terms.design.trials_of_seat[seat])
    return SeatState(panel, seat, shown, holder, sitting, _iso(lease_until), votes, total)


def _rater_state(
    terms: Terms, where: Whereabouts, facts: _Facts, own: _Votes, sessions: tuple[str, ...], free: set[str]
) -> RaterState:
    if where.seat is None:
        place = place_without_seat(where, where.wanted_panel in free if where.wanted_panel else bool(free))
    else:
        place = place_in_seat(terms.design, where, own.cast)
    trials = () if where.seat is None else terms.design.trials_of_seat[where.seat]
    main = [vote for vote in own.cast if vote.part == "main"]
    gold_right, gold_answers = gold_score(trials, own.cast)
    return RaterState(
        rater=where.rater,
        source=facts.source,
        external_id=facts.external_id,
        sessions=sessions,
        stage=place.stage,
        panel=place.panel,
        seat=where.seat,
        sitting=where.sitting,
        sitting_state=where.state,
        language=where.language,
        instructions_version=facts.instructions_version,
        entered_at=iso(facts.entered_at),
        consented_at=_iso(facts.consented_at),
        instructions_at=_iso(facts.instructions_at),
        last_vote_at=_iso(own.last_at),
        ended_at=_iso(facts.ended_at),
        votes=sum(not vote.undone for vote in main),
        total=len(trials),
        undone=sum(vote.undone for vote in main),
        training_tries=len(own.cast) - len(main),
        gold_right=gold_right,
        gold_answers=gold_answers,
    )


def _votes_by_sitting(rows: Iterable[Row]) -> dict[int, _Votes]:
    cast: dict[int, list[CastVote]] = defaultdict(list)
    last_at: dict[int, int] = {}
    for sitting, server_time, *vote in rows:
        cast[sitting].append(CastVote(*vote))
        last_at[sitting] = server_time
    return {sitting: _Votes(votes, last_at[sitting]) for sitting, votes in cast.items()}


def _iso(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso(milliseconds)
