"""The vote store: raters enter, take a seat and vote; every answer is on disk before the call returns."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from sqlalchemy import Connection, select

from human_eval_app.store import codes as ending_codes
from human_eval_app.store import notes
from human_eval_app.store.database.engine import BUSY_SECONDS
from human_eval_app.store.database.schema import StudyTable
from human_eval_app.store.database.transactions import PATIENCE_SECONDS, Transactions
from human_eval_app.store.leases import deal, end_sitting, free_seat, lock_seat, renew, renew_all
from human_eval_app.store.opening import open_database
from human_eval_app.store.overview import raters, seats
from human_eval_app.store.raters import (
    check_identity,
    check_pace,
    check_texts,
    finish_instructions,
    lock_rater,
    mark_withdrawn,
    register,
)
from human_eval_app.store.records import (
    Decision,
    Ending,
    Identity,
    Look,
    Part,
    Place,
    Problem,
    RaterState,
    ResponseTimes,
    SeatState,
    StudyStatus,
    VoteRow,
)
from human_eval_app.store.rows import vote_rows
from human_eval_app.store.votes import Ballot, cast_vote, last_vote_at, own_sitting, take_back
from human_eval_app.store.whereabouts import Terms, check_number, find, place, place_without_seat
from human_eval_app.study.design import Answer, Design


class VoteStore:
    """One study's raters, seats and votes in one database. Safe to use from many threads and many processes.

    Methods raise StoreRefusal, with nothing written, when a rater may not do what they ask or the database fails.
    Every method may be called again after any failure: what was done is not done twice.
    """

    def __init__(self, transactions: Transactions, terms: Terms) -> None:
        self._transactions = transactions
        self._terms = terms

    @classmethod
    def open(
        cls,
        url: str,
        design: Design,
        lease_minutes: float = 30.0,
        *,
        read_only: bool = False,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> Self:
        """Connect, migrate the database to this version, and register the design with all its seats.

        read_only: nothing is made, migrated or written; for status, export and analysis.
        patience_seconds: how long a database that went away is waited for before a call is refused; one that others
        keep busy no longer than that, and no longer than BUSY_SECONDS.
        clock: seconds since 1970 in place of the database's clock, for tests.
        Raises UserError when the database holds another design, is newer than this code, or cannot be used.
        """
        terms = Terms(design, round(60_000 * lease_minutes), clock)
        busy_seconds = min(patience_seconds, BUSY_SECONDS)
        engine = open_database(url, terms, read_only=read_only, busy_seconds=busy_seconds)
        return cls(Transactions(engine, patience_seconds, busy_seconds), terms)

    def enter(self, identity: Identity) -> Place:
        """Register a rater, or let one come back; a lease that nobody else was given is renewed."""
        check_identity(self._terms, identity)

        def work(connection: Connection) -> Place:
            rater = register(connection, self._terms, identity)
            renew(connection, self._terms, rater)
            return place(connection, self._terms, rater)

        return self._transactions.write(work)

    def place(self, rater: int) -> Place:
        """Where the rater is now."""
        check_number(rater)
        return self._transactions.read(lambda connection: place(connection, self._terms, rater))

    def consent(self, rater: int, language: str, instructions_version: str, new_per_minute: int | None = None) -> Place:
        """Lease a free seat to the rater. Stage `full` when there is none; a second call changes nothing.

        new_per_minute: of raters who came by one recruitment link; beyond it the rater is to come back in a minute.
        """
        check_texts(language, instructions_version)

        def work(connection: Connection) -> Place:
            lock_rater(connection, rater)
            where = find(connection, self._terms, rater)
            wants_seat = where.sitting is None and not where.withdrawn and where.status == "open"
            if wants_seat and new_per_minute is not None:
                check_pace(connection, self._terms, rater, new_per_minute)
            if wants_seat and not deal(connection, self._terms, where, language, instructions_version):
                return place_without_seat(where, seats_left=False)
            return place(connection, self._terms, rater)

        return self._write_for(rater, work)

    def finish_instructions(self, rater: int) -> Place:
        """The rater has read the instructions. Changes nothing unless they were to be read now."""

        def work(connection: Connection) -> Place:
            lock_seat(connection, rater)
            if place(connection, self._terms, rater).stage == "instructions":
                finish_instructions(connection, self._terms, rater)
                renew(connection, self._terms, rater)
            return place(connection, self._terms, rater)

        return self._write_for(rater, work)

    def vote(
        self,
        rater: int,
        sitting: int,
        part: Part,
        position: int,
        sequence: int,
        answers: Mapping[str, Answer],
        timing: ResponseTimes,
        app_version: str,
        submission: str = "",
    ) -> Place:
        """Record the answers to one trial, durably, and return the place after it.

        The same submission again changes nothing; where none is named, the same key (sitting, part, position, sequence)
        with the same answers. The same key with other answers supersedes the last vote, as an undo and a new vote
        would; an older vote, or one of a sitting that has ended, stands, and the refusal says so.
        """
        check_texts(app_version, timing.shown_at, submission)
        ballot = Ballot(rater, sitting, part, position, sequence, answers, timing, app_version, submission)
        return self._write_for(rater, lambda connection: cast_vote(connection, self._terms, ballot))

    def undo(self, rater: int, sitting: int, position: int) -> Place:
        """Take back the last main vote, which is at `position`; changes nothing when it is not, or at the end."""
        meant: list[int | None] = []  # the vote that is last at the first try: a second try must not take back another

        def work(connection: Connection) -> Place:
            last = last_vote_at(connection, self._terms, rater, sitting, position)
            if not meant:
                meant.append(last)
            if last is not None and last == meant[0]:
                take_back(connection, self._terms, rater, last)
            return place(connection, self._terms, rater)

        return self._write_for(rater, work)

    def withdraw(self, rater: int) -> Place:
        """The rater stops for good and their seat is free again. Changes nothing after the end of a sitting."""

        def work(connection: Connection) -> Place:
            lock_rater(connection, rater)
            lock_seat(connection, rater)
            where = find(connection, self._terms, rater)
            if where.sitting is None or where.state == "active":
                mark_withdrawn(connection, self._terms, rater)
                end_sitting(connection, self._terms, rater, "withdrawn")
                free_seat(connection, rater)
            return place(connection, self._terms, rater)

        return self._write_for(rater, work)

    def set_status(self, status: StudyStatus) -> None:
        """Open, pause or close the study. Paused and closed: nobody is seated and no vote is taken.

        Opening it again renews every lease: the time in which nobody could vote counts against nobody.
        """

        def work(connection: Connection) -> None:
            if notes.change_status(connection, self._terms, status) and status == "open":
                renew_all(connection, self._terms)

        self._transactions.write(work)

    def status(self) -> StudyStatus:
        """Whether the study is open, paused or closed."""
        return self._transactions.read(lambda connection: connection.scalars(select(StudyTable.status)).one())

    def codes(self) -> dict[Ending, str]:
        """The code of every ending; empty in a database that was restored and not opened for raters since."""
        return self._transactions.read(ending_codes.codes)

    def set_codes(self, codes: Mapping[Ending, str]) -> None:
        """Replace the codes of some endings. Raters who have seen an older one are not told."""
        check_texts(*codes.values())
        self._transactions.write(lambda connection: ending_codes.set_codes(connection, codes))

    def record_look(self, place: str) -> None:
        """Write down, for good, that somebody sees preferences now. place: the command or page."""
        check_texts(place)
        self._transactions.write(lambda connection: notes.add_look(connection, self._terms, place))

    def looks(self) -> list[Look]:
        """Every look at preferences while the study was not closed, in order."""
        return self._transactions.read(notes.looks)

    def decide(self, sittings: int, outcome: Mapping[str, Any]) -> None:
        """Write down what the stopping rule decided, and close the study. Changes nothing if it has decided before."""

        def work(connection: Connection) -> None:
            if notes.add_decision(connection, self._terms, sittings, outcome):
                notes.change_status(connection, self._terms, "closed")

        self._transactions.write(work)

    def decision(self) -> Decision | None:
        """What the stopping rule decided; None while it has not."""
        return self._transactions.read(notes.decision)

    def report_problem(self, rater: int, sitting: int, part: Part, position: int, text: str) -> None:
        """Keep what a rater writes about a screen of their own sitting; the same words again change nothing."""
        check_number(rater)
        check_texts(text)

        def work(connection: Connection) -> None:
            lock_seat(connection, rater)
            own_sitting(connection, self._terms, rater, sitting)
            notes.add_problem(connection, self._terms, Problem(rater, sitting, part, position, text, at=""))

        self._transactions.write(work)

    def problems(self) -> list[Problem]:
        """What raters wrote about screens, in order."""
        return self._transactions.read(notes.problems)

    def seats(self) -> list[SeatState]:
        """Every seat in the design's order."""
        return self._transactions.read(lambda connection: seats(connection, self._terms))

    def raters(self) -> list[RaterState]:
        """Every rater in the order of their arrival."""
        return self._transactions.read(lambda connection: raters(connection, self._terms))

    def vote_rows(self) -> Iterator[VoteRow]:
        """Every vote ever given, one row per question, in the order in which they were given: one snapshot."""
        with self._transactions.snapshot() as connection:
            yield from vote_rows(connection, self._terms.design)

    def close(self) -> None:
        """Give back the connections."""
        self._transactions.close()

    def _write_for(self, rater: int, work: Callable[[Connection], Place]) -> Place:
        check_number(rater)
        return self._transactions.write(work)
