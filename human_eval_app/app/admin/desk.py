"""What the admins of one server process share: the study, wrong passwords so far, and figures taken a moment ago."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from threading import Lock
from typing import Generic, TypeVar

from human_eval_app.app.admin.aside import aside
from human_eval_app.app.admin.known import Known
from human_eval_app.app.admin.passwords import Tries
from human_eval_app.app.admin.quality import Quality
from human_eval_app.app.admin.results import Results
from human_eval_app.app.service import Service
from human_eval_app.store.records import Problem, RaterState, SeatState

T = TypeVar("T")
LEAST_SECONDS = 3.0  # between two looks at the database
SHARE, SHARE_ASIDE = 0.05, 0.25  # of the time, that may go into taking figures: in this process, in another


@dataclass(frozen=True)
class Taken(Generic[T]):
    """A value and when it was taken (UTC)."""

    value: T
    at: datetime


class Kept(Generic[T]):
    """A value that costs time to make, made again on demand, but only for a small share of the time.

    One thread makes it, however many admins look: if that took s seconds, it is made again s / share seconds later at
    the earliest, and at the earliest after LEAST_SECONDS.
    """

    def __init__(self, take: Callable[[], T], share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._take, self._share, self._clock = take, share, clock
        self._lock = Lock()
        self._taken: Taken[T] | None = None
        self._again_at = 0.0

    def value(self) -> Taken[T]:
        """The value, a short while old at most. Raises what taking it raises; then the next call takes it anew."""
        with self._lock:
            start = self._clock()
            if self._taken is None or start >= self._again_at:
                taken = Taken(self._take(), datetime.now(UTC))
                end = self._clock()
                self._taken, self._again_at = taken, end + max((end - start) / self._share, LEAST_SECONDS)
            return self._taken


@dataclass(frozen=True)
class States:
    """Seats and raters as they are, and the problems that raters reported."""

    seats: list[SeatState]
    raters: list[RaterState]
    problems: list[Problem]


@dataclass(frozen=True)
class Desk:
    """One per process."""

    service: Service
    tries: Tries

    @cached_property
    def states(self) -> Kept[States]:
        """Seats, raters and problems, read in this process: cheap, and bounded."""
        store = self.service.store
        return Kept(lambda: States(store.seats(), store.raters(), store.problems()), SHARE)

    @cached_property
    def quality(self) -> Kept[Quality]:
        """How good the votes are; read in a process of its own."""
        return Kept(lambda: Quality.model_validate_json(aside(self.service, "quality")), SHARE_ASIDE)

    @cached_property
    def known(self) -> Kept[Known]:
        """What a study that may stop at a decision knows; read in a process of its own."""
        return Kept(lambda: Known.model_validate_json(aside(self.service, "known")), SHARE_ASIDE)

    @cached_property
    def results(self) -> Kept[Results]:
        """Which model won; read in a process of its own."""
        return Kept(lambda: Results.model_validate_json(aside(self.service, "results")), SHARE_ASIDE)


_lock = Lock()
_current: list[Desk] = []


def desk_of(service: Service) -> Desk:
    """The desk of the service; another service, as in tests, gets another desk."""
    with _lock:
        if not _current or _current[0].service is not service:
            _current[:] = [Desk(service, Tries())]
        return _current[0]
