"""How far a study is: its seats by panel, its raters by stage."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import Field

from drawbench.records import Record
from human_eval_app.store.records import Decision, Ending, Look, RaterState, SeatState, SeatStatus, Stage, StudyStatus
from human_eval_app.study.design import Design


class PanelStanding(Record):
    """One panel. The four counts of seats add up to `seats`; `votes` are main votes that stand in seats in use."""

    panel: str
    category: str
    models: tuple[str, ...]
    seats: int
    complete: int
    leased: int
    lapsed: int
    free: int
    votes: int


class Standing(Record):
    """A study as it is now. raters: how many are in each stage; stages without any are left out.

    problems: how many raters have reported.
    looks: at preferences before the study was closed. decision: of its stopping rule. codes: by ending.
    """

    study: str
    design_sha256: str
    type: str
    raters_are: Literal["human", "simulated"]
    status: StudyStatus
    panels: tuple[PanelStanding, ...]
    raters: dict[Stage, int]
    last_vote_at: str | None
    problems: int
    looks: tuple[Look, ...] = ()
    decision: Decision | None = None
    codes: dict[Ending, str] = Field(default_factory=dict)


def standing_of(
    design: Design, status: StudyStatus, seats: Sequence[SeatState], raters: Sequence[RaterState], problems: int
) -> Standing:
    """Put together what a store says, but for what is kept beside the votes."""
    stages = Counter(rater.stage for rater in raters)
    return Standing(
        study=design.name,
        design_sha256=design.sha256,
        type=design.type,
        raters_are=design.raters,
        status=status,
        panels=tuple(
            _panel_standing(design, panel.id, [seat for seat in seats if seat.panel == panel.id])
            for panel in design.panels
        ),
        raters={stage: stages[stage] for stage in get_args(Stage) if stages[stage]},
        last_vote_at=max((rater.last_vote_at for rater in raters if rater.last_vote_at is not None), default=None),
        problems=problems,
    )


def _panel_standing(design: Design, panel_id: str, seats: Sequence[SeatState]) -> PanelStanding:
    panel = design.panel_by_id[panel_id]
    counts: Counter[SeatStatus] = Counter(seat.status for seat in seats)
    return PanelStanding(
        panel=panel.id,
        category=panel.category,
        models=panel.models,
        seats=len(seats),
        complete=counts["complete"],
        leased=counts["leased"],
        lapsed=counts["lapsed"],
        free=counts["free"],
        votes=sum(seat.votes for seat in seats),
    )
