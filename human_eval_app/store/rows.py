"""Votes as rows: one per question, with everything an analysis needs to know about the trial beside the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.engine import Row

from human_eval_app.store.database.schema import (
    RaterTable,
    SittingTable,
    StatusChangeTable,
    StudyTable,
    UndoTable,
    VoteTable,
)
from human_eval_app.store.overview import iso
from human_eval_app.store.records import VoteRow
from human_eval_app.study.design import Design, Trial

ROWS_AT_ONCE = 1000
_LAST_SEQUENCE = func.max(VoteTable.sequence).over(
    partition_by=(VoteTable.sitting_id, VoteTable.part, VoteTable.position)
)
ALL_VOTES = (
    select(
        VoteTable,
        (UndoTable.vote_id.is_not(None) | (VoteTable.sequence < _LAST_SEQUENCE)).label("superseded"),
        SittingTable.seat_id,
        SittingTable.state,
        SittingTable.language,
        SittingTable.instructions_version,
        SittingTable.rater_id,
        func.coalesce(SittingTable.instructions_at, SittingTable.consented_at).label("begun_at"),
        RaterTable.source,
    )
    .select_from(VoteTable)
    .join(SittingTable, SittingTable.id == VoteTable.sitting_id)
    .join(RaterTable, RaterTable.id == SittingTable.rater_id)
    .outerjoin(UndoTable, UndoTable.vote_id == VoteTable.id)
    .order_by(VoteTable.id)
)


def vote_rows(connection: Connection, design: Design) -> Iterator[VoteRow]:
    """Every vote ever given, in the order in which they were given, its questions in the design's order."""
    votes = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(ALL_VOTES)
    pauses = _pauses(connection)
    shown: dict[int, _Shown] = {}  # by sitting
    for vote in votes:
        screen = (vote.part, vote.position)
        before = shown.get(vote.sitting_id, _Shown(None, vote.begun_at, vote.begun_at))
        since = before.since if screen == before.screen else before.answered
        shown[vote.sitting_id] = _Shown(screen, since, vote.server_time)
        yield from _rows_of(design, vote, max(vote.server_time - since, 0), _open_ms(vote.server_time, pauses))


@dataclass(frozen=True)
class _Shown:
    """The screen that a sitting answered last, since when it could be seen, and when it was answered (milliseconds).

    Who goes back and answers a screen anew has seen it since it came up after the answer to another one.
    """

    screen: tuple[str, int] | None
    since: int
    answered: int


def _pauses(connection: Connection) -> list[tuple[int, int]]:
    """From when to when the study was not open (milliseconds), in order: first before it was made, none that lasts."""
    made = connection.scalars(select(StudyTable.created_at)).one()
    pauses, since = [(0, made)], None
    for at, status in connection.execute(
        select(StatusChangeTable.at, StatusChangeTable.status).order_by(StatusChangeTable.id)
    ):
        if status != "open":
            since = at if since is None else since
        elif since is not None:
            pauses.append((since, at))
            since = None
    return pauses


def _open_ms(at: int, pauses: Sequence[tuple[int, int]]) -> int:
    """How long the study had been open at a time (milliseconds)."""
    return at - sum(min(at, end) - min(at, start) for start, end in pauses)


def _rows_of(design: Design, vote: Row, gap_ms: int, open_ms: int) -> Iterator[VoteRow]:
    panel = design.panel_of_seat[vote.seat_id]
    main = vote.part == "main"
    trial = (design.trials_of_seat[vote.seat_id] if main else design.training)[vote.position]
    for question in design.questions:
        yield VoteRow(
            study=design.name,
            design_sha256=design.sha256,
            panel=panel.id,
            category=panel.category,
            seat=vote.seat_id,
            sitting=vote.sitting_id,
            sitting_state=vote.state,
            rater=vote.rater_id,
            source=vote.source,
            part=vote.part,
            position=vote.position,
            kind=trial.kind,
            prompt_id=trial.prompt_id,
            question=question.id,
            answer=vote.answers[question.id],
            expected=trial.expected.get(question.id, ""),
            left_model=design.sets[trial.left].model,
            right_model="" if trial.right is None else design.sets[trial.right].model,
            mirror_of_position=_mirrored_position(design, vote.seat_id, trial) if main else None,
            sequence=vote.sequence,
            superseded=vote.superseded,
            server_time=iso(vote.server_time),
            load_ms=vote.load_ms,
            dwell_ms=vote.dwell_ms,
            zooms=vote.zooms,
            client_time=vote.client_time,
            app_version=vote.app_version,
            instructions_version=vote.instructions_version,
            language=vote.language,
            gap_ms=gap_ms,
            open_ms=open_ms,
        )


def _mirrored_position(design: Design, seat: str, trial: Trial) -> int | None:
    """The position, in this seat, of the trial that this one mirrors; None when it mirrors none of this seat's."""
    if trial.mirror_of is None:
        return None
    order = next(each.order for each in design.panel_of_seat[seat].seats if each.id == seat)
    return order.index(trial.mirror_of) if trial.mirror_of in order else None
