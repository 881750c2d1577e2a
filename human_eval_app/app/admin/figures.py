"""How the study goes, from the store's states: pure functions of seats and raters. Nothing here tells models apart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Literal

from human_eval_app.store.records import RaterState, SeatState
from human_eval_app.study.design import Design, Exclusion

Situation = Literal[
    "in progress",
    "away",  # the lease ran out and nobody took the seat yet: they may come back
    "complete",
    "screened out",
    "timed out",  # the seat went to another rater
    "withdrawn",
    "not started",  # opened the link, and gave no consent
    "no seat left",
]
GONE: tuple[Situation, ...] = ("timed out", "withdrawn")
QUARTERS = ("first quarter of the screens", "second quarter", "third quarter", "last quarter")
STOPS = ("before consent", "instructions", "practice", *QUARTERS)


@dataclass(frozen=True)
class Totals:
    """The whole study in numbers. minutes: median from consent to the end of complete sittings; None without any."""

    seats: int
    complete: int
    in_progress: int
    away: int
    free: int
    gone: int
    screened_out: int
    minutes: float | None


@dataclass(frozen=True)
class Stop:
    """One stage of a sitting: how many raters left for good there, and how many are away there now."""

    where: str
    gone: int
    away: int


@dataclass(frozen=True)
class GoldTally:
    """Right answers to trials of known answer, of one panel. passed: raters at or above the threshold, of `raters`."""

    panel: str
    category: str
    right: int
    answers: int
    passed: int
    raters: int


def totals(seats: Sequence[SeatState], raters: Sequence[RaterState]) -> Totals:
    """Seats and raters of all panels together."""
    status = Counter(seat.status for seat in seats)
    states = Counter(situations(seats, raters).values())
    done = [rater for rater in raters if rater.sitting_state == "complete"]
    minutes = [
        (moment(rater.ended_at) - moment(rater.consented_at)).total_seconds() / 60
        for rater in done
        if rater.ended_at and rater.consented_at
    ]
    return Totals(
        seats=len(seats),
        complete=status["complete"],
        in_progress=status["leased"],
        away=status["lapsed"],
        free=status["free"],
        gone=sum(states[each] for each in GONE),
        screened_out=states["screened out"],
        minutes=median(minutes) if minutes else None,
    )


def situations(seats: Sequence[SeatState], raters: Sequence[RaterState]) -> dict[int, Situation]:
    """Rater -> how things stand with them."""
    lapsed = {seat.rater for seat in seats if seat.status == "lapsed"}
    return {rater.rater: _situation(rater, rater.rater in lapsed) for rater in raters}


def completions(raters: Sequence[RaterState]) -> list[tuple[datetime, int]]:
    """When each complete sitting ended (UTC), with how many were complete then."""
    ended = sorted(moment(rater.ended_at) for rater in raters if rater.sitting_state == "complete" and rater.ended_at)
    return [(at, number) for number, at in enumerate(ended, start=1)]


def stops(
    design: Design, seats: Sequence[SeatState], raters: Sequence[RaterState], now: datetime, patience: timedelta
) -> list[Stop]:
    """Where raters left, stage by stage in the order of a sitting; all stages, also those where nobody did.

    now: when the states were taken. patience: after so long without consent, who opened the link counts as away.
    """
    gone, away = Counter[str](), Counter[str]()
    standing = situations(seats, raters)
    for rater in raters:
        situation = standing[rater.rater]
        if situation in GONE:
            gone[stop_of(rater)] += 1
        elif situation == "away" or (situation == "not started" and now - moment(rater.entered_at) > patience):
            away[stop_of(rater)] += 1
    shown = [where for where in STOPS if where != "practice" or design.training]
    return [Stop(where, gone[where], away[where]) for where in shown]


def stop_of(rater: RaterState) -> str:
    """The stage that a rater's sitting has reached, one of STOPS. After practice, nobody is past it without a vote."""
    if rater.consented_at is None:
        return "before consent"
    if rater.instructions_at is None:
        return "instructions"
    if rater.votes == 0 and rater.training_tries:
        return "practice"
    return QUARTERS[min(4 * rater.votes // max(rater.total, 1), 3)]


def gold_tallies(design: Design, raters: Sequence[RaterState]) -> list[GoldTally]:
    """Right answers of raters who gave any, by panel; empty where the design has no gold trials."""
    threshold = gold_threshold(design)
    tallies = []
    for panel in design.panels:
        tried = [rater for rater in raters if rater.panel == panel.id and rater.gold_answers]
        right, answers = sum(rater.gold_right for rater in tried), sum(rater.gold_answers for rater in tried)
        passed = sum(rater.gold_right / rater.gold_answers >= threshold for rater in tried)
        if answers:
            tallies.append(GoldTally(panel.id, panel.category, right, answers, passed, len(tried)))
    return tallies


def gold_threshold(design: Design) -> float:
    """The share of gold trials that a rater must answer right to stay in the study, else to be counted; or 0."""
    if design.controls.minimum_gold_correct is not None:
        return design.controls.minimum_gold_correct
    return max((rule.threshold for rule in design.exclusions if rule.rule == "gold"), default=0.0)


def rule_text(rule: Exclusion) -> str:
    """Whom an exclusion leaves out."""
    share = f"{100 * rule.threshold:g}%"
    return {
        "gold": f"Gold: fewer than {share} of control trials right",
        "too_fast": f"Too fast: median under {rule.threshold / 1000:g} s",
        "straight_lining": f"Straight lining: one answer in more than {share} of all",
    }[rule.rule]


def moment(time: str | None) -> datetime:
    """A time of the store. Raises TypeError for None: ask first."""
    if time is None:
        raise TypeError("there is no time")
    return datetime.fromisoformat(time)


def _situation(rater: RaterState, lapsed: bool) -> Situation:
    if rater.sitting_state is None:
        if rater.stage == "withdrawn":
            return "withdrawn"
        return "no seat left" if rater.stage == "full" else "not started"
    if rater.sitting_state == "active":
        return "away" if lapsed else "in progress"
    ended: dict[str, Situation] = {
        "complete": "complete",
        "screened_out": "screened out",
        "expired": "timed out",
        "withdrawn": "withdrawn",
    }
    return ended[rater.sitting_state]
