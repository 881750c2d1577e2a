"""The vote store: raters enter, take a seat and vote; every answer is on disk before the call returns."""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

from human_eval_app.store.records import (
    Identity,
    Part,
    Place,
    RaterState,
    SeatState,
    StudyStatus,
    Timing,
    VoteRow,
)
from human_eval_app.study.design import Answer, Design

Clock = Callable[[], float]  # seconds since 1970, in place of the database's clock; for tests


class VoteStore:
    """One study's raters, seats and votes in one database. Safe to use from many threads and many processes.

    Methods raise StoreRefusal, with nothing written, when a rater may not do what they ask or the database fails.
    """

    @classmethod
    def open(
        cls,
        url: str,
        design: Design,
        lease_minutes: float = 30.0,
        *,
        read_only: bool = False,
        clock: Clock | None = None,
    ) -> Self:
        """Connect, migrate the database to this version, and register the design with all its seats.

        read_only: nothing is made, migrated or written; for status, export and analysis.
        Raises UserError when the database holds another design, is newer than this code, or cannot be used.
        """
        raise NotImplementedError

    def enter(self, identity: Identity) -> Place:
        """Register a rater, or let one come back; a lease that is still theirs is renewed."""
        raise NotImplementedError

    def place(self, rater: int) -> Place:
        """Where the rater is now."""
        raise NotImplementedError

    def consent(self, rater: int, language: str, instructions_version: str) -> Place:
        """Lease a free seat to the rater. Stage `full` when there is none; a second call changes nothing."""
        raise NotImplementedError

    def finish_instructions(self, rater: int) -> Place:
        """The rater has read the instructions."""
        raise NotImplementedError

    def vote(
        self,
        rater: int,
        sitting: int,
        part: Part,
        position: int,
        sequence: int,
        answers: Mapping[str, Answer],
        timing: Timing,
        app_version: str,
    ) -> Place:
        """Record the answers to one trial, durably, and return the place after it.

        The same key (sitting, part, position, sequence) again changes nothing, whatever its answers.
        """
        raise NotImplementedError

    def undo(self, rater: int, sitting: int, position: int) -> Place:
        """Take back the last main vote, which is at `position`. Changes nothing when it is not the last standing one."""
        raise NotImplementedError

    def withdraw(self, rater: int) -> Place:
        """The rater stops for good and their seat is free again. Changes nothing after the end of a sitting."""
        raise NotImplementedError

    def set_status(self, status: StudyStatus) -> None:
        """Open, pause or close the study. Paused and closed: nobody is seated and no vote is taken."""
        raise NotImplementedError

    def status(self) -> StudyStatus:
        """Whether the study is open, paused or closed."""
        raise NotImplementedError

    def seats(self) -> list[SeatState]:
        """Every seat in the design's order."""
        raise NotImplementedError

    def raters(self) -> list[RaterState]:
        """Every rater in the order of their arrival."""
        raise NotImplementedError

    def vote_rows(self) -> Iterator[VoteRow]:
        """Every vote ever given, one row per question, in the order in which they were given."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back the connections."""
        raise NotImplementedError
