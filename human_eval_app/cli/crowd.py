"""Simulated raters who come to an open study, so that a newcomer sees it alive: arrivals, quotas, a decision."""

from dataclasses import dataclass
from typing import get_args

import numpy as np

from human_eval_app.simulate import DWELL_SPREAD, LOAD_MS, Truth, simulate_votes
from human_eval_app.store.records import Identity, Part, Place, ResponseTimes
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Answer, Design

BETWEEN, ON_SCREEN = 1.5, 3.0  # seconds from one arrival to the next, and for a screen, on the average
LEAVE = 0.06  # the share of raters who go away in the middle, half of them without a word
ANSWERS: dict[str, Answer] = {each: each for each in get_args(Answer)}


@dataclass
class _Sitter:
    """A rater at work: where they are, when they act next (in seconds), and before which screen they leave, if any."""

    place: Place
    next_at: float
    leaves_at: int | None


class Crowd:
    """Raters who take seats one after another, until as many are left as there are panels, for people who want to try.

    All chance comes from `seed`; when they act, from the clock that `step` is told.
    """

    def __init__(self, design: Design, store: VoteStore, truth: Truth, seed: int) -> None:
        self._design, self._store = design, store
        self._random = np.random.default_rng(seed)
        self._answers: dict[tuple[str, int], dict[str, Answer]] = {}
        for row in simulate_votes(design, truth, seed):
            self._answers.setdefault((row.seat, row.position), {})[row.question] = ANSWERS[row.answer]
        self._sitters: list[_Sitter] = []
        self._came = sum(rater.source == "simulated" for rater in store.raters())
        self._next_at = 0.0
        self._seats_left = True

    def step(self, now: float) -> bool:
        """Do all that is due at `now` (seconds); whether anything is left to do later. Raises StoreRefusal."""
        status = self._store.status()
        if status != "open":
            return status == "paused"
        if self._seats_left and now >= self._next_at:
            free = sum(seat.status == "free" for seat in self._store.seats())
            self._seats_left = free > len(self._design.panels)
            if self._seats_left:
                self._arrive(now)
        for sitter in [each for each in self._sitters if each.next_at <= now]:
            self._act(sitter, now)
        return self._seats_left or bool(self._sitters)

    def _arrive(self, now: float) -> None:
        self._came += 1
        self._next_at = now + BETWEEN * self._random.exponential()
        place = self._store.enter(Identity("simulated", f"simulated {self._came}"))
        place = self._store.consent(place.rater, "en", self._design.instructions_version)
        if place.seat is not None:
            place = self._store.finish_instructions(place.rater)
            leaves = self._random.random() < LEAVE
            screens = len(self._design.trials_of_seat[place.seat or ""])
            self._sitters.append(
                _Sitter(place, now + self._seconds(), int(self._random.integers(screens)) if leaves else None)
            )

    def _act(self, sitter: _Sitter, now: float) -> None:
        place = sitter.place
        assert place.seat is not None
        assert place.sitting is not None
        if place.stage == "trial" and place.position == sitter.leaves_at:
            if self._random.random() < 0.5:
                self._store.withdraw(place.rater)
            self._sitters.remove(sitter)
            return
        part: Part = "main" if place.stage == "trial" else "training"
        given = self._answers[place.seat, place.position] if part == "main" else self._practice(place.position)
        timing = ResponseTimes(LOAD_MS, round(1000 * self._seconds()), 0, "")
        key = (place.rater, place.sitting, part, place.position, place.sequence)
        sitter.place, sitter.next_at = self._store.vote(*key, given, timing, "simulated"), now + self._seconds()
        if sitter.place.stage not in ("training", "trial"):
            self._sitters.remove(sitter)

    def _practice(self, position: int) -> dict[str, Answer]:
        """The right answers to a training trial, and any to what has none."""
        expected = self._design.training[position].expected
        return {each.id: expected.get(each.id, each.answers[0]) for each in self._design.questions}

    def _seconds(self) -> float:
        return ON_SCREEN * float(np.exp(DWELL_SPREAD * self._random.standard_normal()))
