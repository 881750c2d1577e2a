"""Random interleavings of everything raters and admins do, beside a model of a study that fits on a page."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from human_eval_app.store.records import Identity, Part, Place, StoreRefusal, StudyStatus
from human_eval_app.store.store import VoteStore
from tests.human_eval_app import postgresql
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import Clock, not_waiting_for_the_disk
from tests.human_eval_app.store.invariants import Key, check
from tests.human_eval_app.store.sitting import TIMING, VERSION, answers

DESIGN = make_design(categories={"A": 2, "B": 1}, raters=1, training=1, gold=1, minimum_gold_correct=1.0)
LEASE = 30
NAMES = ["ann", "bob", "cyd", "dee", "eve", "fay", "gus"]
PANEL_OF_NAME = {"bob": "b"}  # the others are for any panel
names = st.sampled_from(NAMES)
waits = st.sampled_from([0, 0, 0, 20, 31])


@dataclass
class Rater:
    """What the model knows about a rater. ended: the stage that nothing leads out of. tries: votes by key."""

    number: int
    seat: str | None = None
    sitting: int | None = None
    instructed: bool = False
    ended: str | None = None
    lease_until: float = 0.0
    learnt: int = 0
    standing: list[Key] = field(default_factory=list)
    votes: dict[Key, dict[str, str]] = field(default_factory=dict)

    def tries(self, part: Part, position: int) -> int:
        return sum(key[1:3] == (part, position) for key in self.votes)


class Study(RuleBasedStateMachine):
    """The store and the model, side by side. `new_url` gives the address of an empty database."""

    new_url: ClassVar[Callable[[], str]]

    @initialize()
    def open(self) -> None:
        self.clock = Clock()
        self.status: StudyStatus = "open"
        self.raters: dict[str, Rater] = {}
        self.address = type(self).new_url()
        self.store = VoteStore.open(self.address, DESIGN, LEASE, clock=self.clock)

    # The model

    def holder(self, seat: str) -> Rater | None:
        return next((r for r in self.raters.values() if r.seat == seat and r.ended in (None, "complete")), None)

    def available(self, name: str) -> list[str]:
        """Seats that the rater may be given, of the panels with most of them."""
        free: dict[str, list[str]] = {}
        for panel in DESIGN.panels:
            if PANEL_OF_NAME.get(name, panel.id) == panel.id:
                holders = {seat.id: self.holder(seat.id) for seat in panel.seats}
                free[panel.id] = [
                    seat
                    for seat, rater in holders.items()
                    if rater is None or (rater.ended is None and rater.lease_until < self.clock.now)
                ]
        most = max(map(len, free.values()))
        return [seat for seats in free.values() if len(seats) == most for seat in seats]

    def stage(self, name: str) -> str:
        rater = self.raters[name]
        if rater.ended is not None:
            return rater.ended
        if self.status != "open":
            return self.status
        if rater.seat is None:
            return "consent" if self.available(name) else "full"
        if not rater.instructed:
            return "instructions"
        return "training" if rater.learnt < len(DESIGN.training) else "trial"

    def agrees(self, name: str, place: Place) -> None:
        """The store's place is the model's."""
        rater, stage = self.raters[name], self.stage(name)
        assert (place.rater, place.stage, place.seat, place.sitting) == (rater.number, stage, rater.seat, rater.sitting)
        position = sequence = total = 0
        if stage == "training":
            position, total = rater.learnt, len(DESIGN.training)
            sequence = rater.tries("training", position)
        elif stage == "trial":
            position, total = len(rater.standing), len(DESIGN.trials_of_seat[str(rater.seat)])
            sequence = rater.tries("main", position)
        assert (place.position, place.total, place.sequence) == (position, total, sequence)
        assert place.can_undo == (stage == "trial" and position > 0)

    def seated(self) -> list[str]:
        """Who has, or had, a seat."""
        return sorted(name for name, rater in self.raters.items() if rater.sitting)

    # What happens

    @rule(name=names, wait=waits, wrong=st.booleans(), choice=st.integers(0, 2), steps=st.integers(1, 8))
    def somebody_goes_on(self, name: str, wait: int, wrong: bool, choice: int, steps: int) -> None:
        """After a while, a rater does what comes next, a few times."""
        self.clock.pass_minutes(wait)
        for step in range(steps):
            stage = self.stage(name) if name in self.raters else "outside"
            if stage == "outside":
                self.enters(name)
            elif stage in ("training", "trial"):
                self.votes_next(name, choice, wrong and step == 0)
            else:
                self.consents(name)
                self.reads_the_instructions(name)

    @precondition(lambda self: self.seated())
    @rule(data=st.data(), wait=waits, wrong=st.booleans(), choice=st.integers(0, 2), steps=st.integers(1, 4))
    def a_seated_one_goes_on(self, data: st.DataObject, wait: int, wrong: bool, choice: int, steps: int) -> None:
        self.somebody_goes_on(data.draw(st.sampled_from(self.seated())), wait, wrong, choice, steps)

    @rule(name=names)
    def enters(self, name: str) -> None:
        place = self.store.enter(Identity("invite", name, PANEL_OF_NAME.get(name)))
        rater = self.raters.setdefault(name, Rater(place.rater))
        rater.lease_until = self.clock.now + 60 * LEASE
        self.agrees(name, place)

    def consents(self, name: str) -> None:
        rater, may = self.raters[name], self.available(name)
        wants = self.stage(name) == "consent"
        place = self.store.consent(rater.number, "en", "1")
        if wants:
            assert place.seat in may
            for other in self.raters.values():
                if other.seat == place.seat and other.ended is None:
                    other.ended = "timed_out"
            rater.seat, rater.sitting = place.seat, place.sitting
            rater.lease_until = self.clock.now + 60 * LEASE
        self.agrees(name, place)

    def reads_the_instructions(self, name: str) -> None:
        if self.stage(name) == "instructions":
            self.raters[name].instructed = True
            self.raters[name].lease_until = self.clock.now + 60 * LEASE
        self.agrees(name, self.store.finish_instructions(self.raters[name].number))

    def votes_next(self, name: str, choice: int, wrong: bool) -> None:
        rater = self.raters[name]
        part: Part = "training" if self.stage(name) == "training" else "main"
        position = rater.learnt if part == "training" else len(rater.standing)
        self.votes_on(name, part, position, rater.tries(part, position), choice, wrong)

    @precondition(lambda self: self.seated())
    @rule(data=st.data(), part=st.sampled_from(["training", "main"]), position=st.integers(0, 3), n=st.integers(0, 2))
    def votes_out_of_turn(self, data: st.DataObject, part: Part, position: int, n: int) -> None:
        name = data.draw(st.sampled_from(self.seated()))
        self.votes_on(name, part, position, n, data.draw(st.integers(0, 2)), False)

    def votes_on(self, name: str, part: Part, position: int, sequence: int, choice: int, wrong: bool) -> None:
        """A vote, on the next trial or any other."""
        rater, stage = self.raters[name], self.stage(name)
        assert rater.sitting is not None
        trials = DESIGN.training if part == "training" else DESIGN.trials_of_seat[str(rater.seat)]
        trial = trials[min(position, len(trials) - 1)]
        given = answers(DESIGN, trial, choice, wrong=wrong)
        cast = (rater.number, rater.sitting, part, position, sequence, given, TIMING, VERSION)
        if self.is_known(rater, part, position, sequence, given):
            self.agrees(name, self.store.vote(*cast))
            return
        learning = rater.learnt < len(DESIGN.training)
        now = ("training", rater.learnt) if learning else ("main", len(rater.standing))
        last = rater.standing[-1] if rater.standing and not learning else None
        due = stage in ("training", "trial") and (part, position) == now and sequence <= rater.tries(part, position)
        replaces = stage == "trial" and last is not None and last[1:3] == (part, position) and sequence <= last[3]
        if not due and not replaces:
            with pytest.raises(StoreRefusal):
                self.store.vote(*cast)
            return
        if replaces:
            rater.standing.pop()
        key: Key = (rater.sitting, part, position, rater.tries(part, position))
        rater.votes[key] = {**given}
        rater.lease_until = self.clock.now + 60 * LEASE
        if part == "training":
            rater.learnt += all(given[question] == answer for question, answer in trial.expected.items())
        else:
            rater.standing.append(key)
            if len(rater.standing) == len(trials):
                rater.ended = "complete" if self.gold_is_right(rater) else "screened_out"
        self.agrees(name, self.store.vote(*cast))

    def is_known(self, rater: Rater, part: Part, position: int, sequence: int, given: Mapping[str, str]) -> bool:
        """Whether these answers were given to this very screen before."""
        return any(
            vote[1:3] == (part, position) and vote[3] >= sequence and answers == given
            for vote, answers in rater.votes.items()
        )

    def gold_is_right(self, rater: Rater) -> bool:
        trials = DESIGN.trials_of_seat[str(rater.seat)]
        gold = [(trials[key[2]], rater.votes[key]) for key in rater.standing if trials[key[2]].kind == "gold"]
        return all(given[question] == answer for trial, given in gold for question, answer in trial.expected.items())

    @precondition(lambda self: self.seated())
    @rule(data=st.data(), elsewhere=st.sampled_from([0, 0, 0, 1, -1]))
    def takes_back(self, data: st.DataObject, elsewhere: int) -> None:
        name = data.draw(st.sampled_from(self.seated()))
        rater = self.raters[name]
        assert rater.sitting is not None
        position = len(rater.standing) - 1 + elsewhere
        if self.stage(name) == "trial" and 0 <= position == len(rater.standing) - 1:
            rater.standing.pop()
            rater.lease_until = self.clock.now + 60 * LEASE
        self.agrees(name, self.store.undo(rater.number, rater.sitting, position))

    @precondition(lambda self: len(self.raters) > 3)
    @rule(data=st.data())
    def withdraws(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.raters)))
        self.raters[name].ended = self.raters[name].ended or "withdrawn"
        self.agrees(name, self.store.withdraw(self.raters[name].number))

    @precondition(lambda self: len(self.seated()) > 1)
    @rule(data=st.data())
    def meddles(self, data: st.DataObject) -> None:
        name, victim = data.draw(st.permutations(self.seated()))[:2]
        sitting = self.raters[victim].sitting
        assert sitting is not None
        given = answers(DESIGN, DESIGN.training[0])
        for call in (
            lambda: self.store.vote(self.raters[name].number, sitting, "main", 0, 0, given, TIMING, VERSION),
            lambda: self.store.undo(self.raters[name].number, sitting, 0),
        ):
            with pytest.raises(StoreRefusal, match="another rater's"):
                call()

    @precondition(lambda self: self.seated())
    @rule(data=st.data(), status=st.sampled_from(["paused", "closed"]))
    def the_admin_stops_it_for_a_while(self, data: st.DataObject, status: StudyStatus) -> None:
        self.status = status
        self.store.set_status(status)
        self.takes_back(data, 0)
        for name in sorted(self.raters):
            self.consents(name)
            self.reads_the_instructions(name)
            if self.raters[name].sitting:
                self.votes_next(name, 0, False)
        self.status = "open"
        self.store.set_status("open")
        for rater in self.raters.values():
            rater.lease_until = self.clock.now + 60 * LEASE

    @rule()
    def the_server_restarts(self) -> None:
        self.store.close()
        self.store = VoteStore.open(self.address, DESIGN, LEASE, clock=self.clock)

    @invariant()
    def everyone_is_where_they_should_be(self) -> None:
        for name, rater in self.raters.items():
            self.agrees(name, self.store.place(rater.number))

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        votes = {key: given for rater in self.raters.values() for key, given in rater.votes.items()}
        assert check(self.store, DESIGN) == votes
        assert {rater.external_id: rater.stage for rater in self.store.raters()} == {
            name: self.stage(name) for name in self.raters
        }
        self.store.close()


def interleave(new_url: Callable[[], str], examples: int, steps: int) -> None:
    """Run so many random studies of so many steps, the same ones every time."""

    class Here(Study):
        pass

    Here.new_url = staticmethod(new_url)
    chosen = settings(max_examples=examples, stateful_step_count=steps, derandomize=True, database=None)
    run_state_machine_as_test(Here, settings=settings(chosen, suppress_health_check=list(HealthCheck), deadline=None))


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Gives the address of an empty database on every call."""
    if request.param == "sqlite":
        with not_waiting_for_the_disk():
            yield lambda: f"sqlite:///{Path(tempfile.mkdtemp(dir=tmp_path)) / 'votes.sqlite'}"
    else:
        server: postgresql.Server = request.getfixturevalue("postgresql_server")
        yield server.new_database


def test_the_store_does_what_the_model_does(new_url: Callable[[], str]) -> None:
    interleave(new_url, examples=6, steps=30)


@pytest.mark.proof
def test_the_store_does_what_the_model_does_for_long(new_url: Callable[[], str]) -> None:
    interleave(new_url, examples=120, steps=50)
