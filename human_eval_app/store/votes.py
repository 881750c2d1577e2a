"""Votes: checked, appended, and taken back by another row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, insert

from human_eval_app.store.database.engine import NOW
from human_eval_app.store.database.schema import LARGEST_INTEGER, UndoTable, VoteTable
from human_eval_app.store.leases import complete_seat, end_sitting, free_seat, lock_seat, renew
from human_eval_app.store.progress import CastVote, gold_score, progress_of
from human_eval_app.store.records import Part, Place, ResponseTimes, SittingState, StoreRefusal
from human_eval_app.store.whereabouts import Terms, Whereabouts, find, place_in_seat, votes_of
from human_eval_app.study.design import Answer, Design

APPEND_VOTE = insert(VoteTable).values(server_time=NOW).returning(VoteTable.id)
APPEND_UNDO = insert(UndoTable).values(server_time=NOW)


@dataclass(frozen=True)
class Ballot:
    """One vote as it is handed in; (sitting, part, position, sequence) is its key.

    submission: names the press of the button, however often its message arrives; empty where it is not known.
    """

    rater: int
    sitting: int
    part: Part
    position: int
    sequence: int
    answers: Mapping[str, Answer]
    timing: ResponseTimes
    app_version: str
    submission: str = ""


def cast_vote(connection: Connection, terms: Terms, ballot: Ballot) -> Place:
    """Append the ballot and return the rater's place after it.

    A ballot that was handed in before changes nothing. Another answer to a screen that has one takes its place, as long
    as that one could be taken back; later it is refused, and the refusal says which answer stands.
    """
    lock_seat(connection, ballot.rater)
    where = own_sitting(connection, terms, ballot.rater, ballot.sitting)
    votes = votes_of(connection, ballot.sitting)
    if _known(votes, ballot):
        return place_in_seat(terms.design, where, votes)
    if any((v.part, v.position, v.sequence) == (ballot.part, ballot.position, ballot.sequence) for v in votes):
        ballot, votes = _in_place_of(connection, terms, where, votes, ballot)
    _check_turn(terms.design, where, votes, ballot)
    _check_answers(terms.design, ballot.answers)
    vote = _append(connection, terms, ballot)
    votes.append(vote)
    if _is_last(terms.design, where, votes):
        state = _verdict(terms.design, where, votes)
        _finish(connection, terms, ballot.rater, state)
        where = replace(where, state=state)
    else:
        renew(connection, terms, ballot.rater)
    return place_in_seat(terms.design, where, votes)


def _known(votes: Sequence[CastVote], ballot: Ballot) -> bool:
    """Whether the ballot adds nothing: it was handed in before, or its answers stand already.

    A ballot whose submission is not known is taken for the one that has its key and its answers.
    """
    same = [vote for vote in votes if (vote.part, vote.position) == (ballot.part, ballot.position)]
    if ballot.submission and any(vote.submission == ballot.submission for vote in same):
        return True
    return any(
        vote.answers == ballot.answers
        and vote.sequence >= ballot.sequence
        and (not vote.undone or not ballot.submission)
        for vote in same
    )


def _in_place_of(
    connection: Connection, terms: Terms, where: Whereabouts, votes: list[CastVote], ballot: Ballot
) -> tuple[Ballot, list[CastVote]]:
    """The ballot with a key of its own, and the votes without the one that it replaces, which is taken back.

    Raises StoreRefusal when the rater has gone on since, or their sitting has ended.
    """
    assert where.seat is not None
    earlier = [vote for vote in votes if (vote.part, vote.position) == (ballot.part, ballot.position)]
    now = progress_of(terms.design.training, terms.design.trials_of_seat[where.seat], votes)
    again = replace(ballot, sequence=len(earlier))
    if where.state == "active" and (ballot.part, ballot.position) == (now.part, now.position):
        return again, votes
    standing = next((vote for vote in reversed(earlier) if not vote.undone), None)
    if standing is None:
        return ballot, votes
    if where.state != "active" or now.last is None or now.last.id != standing.id:
        raise StoreRefusal("answered", "This screen was answered before; that answer stands.", standing.answers)
    connection.execute(APPEND_UNDO, {"vote_id": standing.id, "now": terms.now})
    return again, [replace(vote, undone=vote.undone or vote.id == standing.id) for vote in votes]


def last_vote_at(connection: Connection, terms: Terms, rater: int, sitting: int, position: int) -> int | None:
    """The id of the last standing main vote if it is at `position` and may be taken back, else None."""
    lock_seat(connection, rater)
    where = own_sitting(connection, terms, rater, sitting)
    assert where.seat is not None
    votes = votes_of(connection, sitting)
    last = progress_of(terms.design.training, terms.design.trials_of_seat[where.seat], votes).last
    if last is None or last.position != position or not place_in_seat(terms.design, where, votes).can_undo:
        return None
    return last.id


def take_back(connection: Connection, terms: Terms, rater: int, vote: int) -> None:
    """Append the row that supersedes a vote, and renew the rater's lease."""
    connection.execute(APPEND_UNDO, {"vote_id": vote, "now": terms.now})
    renew(connection, terms, rater)


def own_sitting(connection: Connection, terms: Terms, rater: int, sitting: int) -> Whereabouts:
    """Where the rater is. Raises StoreRefusal unless the sitting is theirs."""
    where = find(connection, terms, rater)
    if where.sitting is None or where.sitting != sitting:
        raise StoreRefusal("not_yours", "This answer belongs to another rater's sitting; please reload the page.")
    return where


def _check_turn(design: Design, where: Whereabouts, votes: Sequence[CastVote], ballot: Ballot) -> None:
    """Raise StoreRefusal unless the rater may answer this very trial now."""
    if where.state != "active":
        raise StoreRefusal(
            "lease_gone", "Your sitting has ended, so this answer was not recorded; please reload the page."
        )
    if where.status == "paused":
        raise StoreRefusal("paused", "The study is paused, so this answer was not recorded; please come back later.")
    if where.status == "closed":
        raise StoreRefusal("closed", "The study is closed, so this answer was not recorded.")
    now = place_in_seat(design, where, votes)
    part = {"training": "training", "trial": "main"}.get(now.stage)
    if ballot.part != part:
        raise StoreRefusal("not_ready", "This part of the study is not what comes next; please reload the page.")
    if (ballot.position, ballot.sequence) != (now.position, now.sequence):
        raise StoreRefusal("out_of_order", "This is not the trial that comes next; please reload the page.")


def _check_answers(design: Design, answers: Mapping[str, str]) -> None:
    allowed = {question.id: question.answers for question in design.questions}
    if answers.keys() != allowed.keys() or any(answers[question] not in allowed[question] for question in allowed):
        raise StoreRefusal("bad_answers", "These are not answers to the questions asked; please reload the page.")


def _append(connection: Connection, terms: Terms, ballot: Ballot) -> CastVote:
    timing, answers = ballot.timing, dict(ballot.answers)
    row = {
        "sitting_id": ballot.sitting,
        "part": ballot.part,
        "position": ballot.position,
        "sequence": ballot.sequence,
        "answers": answers,
        "load_ms": _bounded(timing.load_ms),
        "dwell_ms": _bounded(timing.dwell_ms),
        "zooms": _bounded(timing.zooms),
        "client_time": timing.shown_at,
        "app_version": ballot.app_version,
        "submission": ballot.submission,
        "now": terms.now,
    }
    number = connection.execute(APPEND_VOTE, row).scalar_one()
    return CastVote(number, ballot.part, ballot.position, ballot.sequence, answers, False, ballot.submission)


def _bounded(number: int) -> int:
    """A browser may send anything; a number out of range must not cost a vote."""
    return min(max(int(number), 0), LARGEST_INTEGER)


def _is_last(design: Design, where: Whereabouts, votes: Sequence[CastVote]) -> bool:
    assert where.seat is not None
    progress = progress_of(design.training, design.trials_of_seat[where.seat], votes)
    return progress.part == "main" and progress.position == progress.total


def _verdict(design: Design, where: Whereabouts, votes: Sequence[CastVote]) -> SittingState:
    assert where.seat is not None
    minimum = design.controls.minimum_gold_correct
    right, answers = gold_score(design.trials_of_seat[where.seat], votes)
    return "screened_out" if minimum is not None and answers and right / answers < minimum else "complete"


def _finish(connection: Connection, terms: Terms, rater: int, state: SittingState) -> None:
    end_sitting(connection, terms, rater, state)
    if state == "complete":
        complete_seat(connection, rater)
    else:
        free_seat(connection, rater)
