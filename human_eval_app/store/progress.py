"""How far a sitting is, from its votes alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from human_eval_app.store.records import Part
from human_eval_app.study.design import Trial


@dataclass(frozen=True)
class CastVote:
    """A vote as it is kept. answers: raw, by question. undone: whether its rater took it back."""

    id: int
    part: Part
    position: int
    sequence: int
    answers: Mapping[str, str]
    undone: bool
    submission: str = ""


@dataclass(frozen=True)
class RaterProgress:
    """What comes next. position, total: in `part`. sequence: of the next vote at this position.

    last: the last main vote that stands, which may be taken back. In part main `position == total` is the end.
    """

    part: Part
    position: int
    total: int
    sequence: int
    last: CastVote | None


def progress_of(training: Sequence[Trial], trials: Sequence[Trial], votes: Sequence[CastVote]) -> RaterProgress:
    """Where a sitting with these votes is. training, trials: what is shown in it, in order; votes: as given."""
    learnt = sum(is_right(training[vote.position], vote.answers) for vote in votes if vote.part == "training")
    standing = [vote for vote in votes if vote.part == "main" and not vote.undone]
    part: Part = "training" if learnt < len(training) else "main"
    position, total = (learnt, len(training)) if part == "training" else (len(standing), len(trials))
    sequence = sum(vote.part == part and vote.position == position for vote in votes)
    last = max(standing, key=lambda vote: vote.position, default=None)
    return RaterProgress(part, position, total, sequence, last)


def is_right(trial: Trial, answers: Mapping[str, str]) -> bool:
    """Whether every answer that the trial expects was given; true where it expects none."""
    return all(answers.get(question) == answer for question, answer in trial.expected.items())


def gold_score(trials: Sequence[Trial], votes: Sequence[CastVote]) -> tuple[int, int]:
    """Right answers, and answers with a known right one, among the gold trials' votes that stand."""
    checks = [
        vote.answers.get(question) == answer
        for vote in votes
        if vote.part == "main" and not vote.undone and trials[vote.position].kind == "gold"
        for question, answer in trials[vote.position].expected.items()
    ]
    return sum(checks), len(checks)
