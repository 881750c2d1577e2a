"""What a rater does, as calls of the store."""

from collections.abc import Iterator

from human_eval_app.store.records import Identity, Part, Place, ResponseTimes
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Answer, Design, Trial

TIMING = ResponseTimes(load_ms=120, dwell_ms=3400, zooms=1, shown_at="2026-01-02T03:04:05.678Z")
VERSION = "1.2.3"


def seated(store: VoteStore, external_id: str, panel: str | None = None) -> Place:
    """A rater who consented: in stage instructions, or full."""
    place = store.enter(Identity("invite", external_id, panel))
    return store.consent(place.rater, "en", "1")


def ready(store: VoteStore, external_id: str, panel: str | None = None) -> Place:
    """A rater before their first training trial, or main trial where there is no training."""
    return store.finish_instructions(seated(store, external_id, panel).rater)


def trial_at(design: Design, place: Place) -> Trial:
    """What the rater sees."""
    assert place.seat is not None
    trials = design.training if place.stage == "training" else design.trials_of_seat[place.seat]
    return trials[place.position]


def answers(design: Design, trial: Trial, choice: int = 0, *, wrong: bool = False) -> dict[str, Answer]:
    """An answer to each question: the `choice`-th, or the expected one, or (wrong) not the expected one."""
    chosen: dict[str, Answer] = {}
    for question in design.questions:
        expected = trial.expected.get(question.id)
        others = [answer for answer in question.answers if answer != expected]
        chosen[question.id] = others[choice % len(others)] if expected is None or wrong else expected
    return chosen


def cast(
    store: VoteStore, design: Design, place: Place, choice: int = 0, *, wrong: bool = False, submission: str = ""
) -> Place:
    """Vote on the trial that the place shows."""
    assert place.sitting is not None
    given = answers(design, trial_at(design, place), choice, wrong=wrong)
    key = (place.rater, place.sitting, part_of(place), place.position, place.sequence)
    return store.vote(*key, given, TIMING, VERSION, submission)


def part_of(place: Place) -> Part:
    """The part of the sitting that the place is in."""
    return "training" if place.stage == "training" else "main"


def voting(store: VoteStore, design: Design, place: Place, *, wrong_gold: bool = False) -> Iterator[Place]:
    """Vote until nothing more is to be judged, and yield each place after a vote."""
    while place.stage in ("training", "trial"):
        wrong = wrong_gold and trial_at(design, place).kind == "gold"
        place = cast(store, design, place, place.position, wrong=wrong)
        yield place


def finish(store: VoteStore, design: Design, place: Place, *, wrong_gold: bool = False) -> Place:
    """Vote to the end."""
    return [place, *voting(store, design, place, wrong_gold=wrong_gold)][-1]
