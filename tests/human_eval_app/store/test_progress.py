"""How far a sitting is, from its votes."""

from collections.abc import Mapping

from human_eval_app.store.progress import CastVote, gold_score, is_right, progress_of
from human_eval_app.store.records import Part
from human_eval_app.study.design import Answer, Trial

RIGHT: dict[str, Answer] = {"fidelity": "left"}


def trial(kind: str = "main", expected: Mapping[str, Answer] | None = None) -> Trial:
    return Trial.model_validate({"prompt_id": "p", "kind": kind, "left": "a", "right": "b", "expected": expected or {}})


def vote(part: Part, position: int, sequence: int = 0, answer: str = "left", undone: bool = False) -> CastVote:
    return CastVote(0, part, position, sequence, {"fidelity": answer, "alignment": "left"}, undone)


TRAINING = [trial("training", RIGHT), trial("training", RIGHT)]
TRIALS = [trial("gold", RIGHT), trial(), trial("gold", RIGHT)]


def test_a_sitting_starts_with_its_training() -> None:
    start = progress_of(TRAINING, TRIALS, [])
    assert (start.part, start.position, start.total, start.sequence, start.last) == ("training", 0, 2, 0, None)


def test_without_training_it_starts_with_the_first_trial() -> None:
    start = progress_of([], TRIALS, [])
    assert (start.part, start.position, start.total) == ("main", 0, 3)


def test_a_wrong_answer_in_training_is_tried_again_at_the_same_place() -> None:
    again = progress_of(TRAINING, TRIALS, [vote("training", 0, answer="right")])
    assert (again.part, again.position, again.sequence) == ("training", 0, 1)
    passed = progress_of(TRAINING, TRIALS, [vote("training", 0, answer="right"), vote("training", 0, 1)])
    assert (passed.part, passed.position, passed.sequence) == ("training", 1, 0)


def test_training_leads_to_the_trials() -> None:
    begun = progress_of(TRAINING, TRIALS, [vote("training", 0), vote("training", 1)])
    assert (begun.part, begun.position, begun.total, begun.last) == ("main", 0, 3, None)


def test_an_undone_vote_is_asked_for_again_with_the_next_number() -> None:
    votes = [vote("main", 0), vote("main", 1, undone=True)]
    back = progress_of([], TRIALS, votes)
    assert (back.position, back.sequence) == (1, 1)
    assert back.last == votes[0]


def test_the_end_is_a_position_behind_the_last_trial() -> None:
    end = progress_of([], TRIALS, [vote("main", position) for position in range(3)])
    assert (end.position, end.total) == (3, 3)


def test_only_expected_answers_make_a_trial_right() -> None:
    assert is_right(trial("training", RIGHT), {"fidelity": "left", "alignment": "right"})
    assert not is_right(trial("training", RIGHT), {"fidelity": "indifferent", "alignment": "right"})
    assert is_right(trial("training"), {"fidelity": "right"})


def test_gold_counts_expected_answers_of_votes_that_stand() -> None:
    votes = [
        vote("main", 0, answer="right", undone=True),
        vote("main", 0, 1, answer="left"),
        vote("main", 1, answer="right"),
        vote("main", 2, answer="right"),
        vote("training", 0, answer="right"),
    ]
    assert gold_score(TRIALS, votes) == (1, 2)
