"""Simulated raters: what they say has the truth they were given, and they never pass for people."""

import numpy as np
import pytest

from human_eval_app.analysis.layout import layout
from human_eval_app.analysis.votes import rows_of
from human_eval_app.simulate import Truth, draw, simulate_votes
from human_eval_app.store.records import VoteRow
from tests.human_eval_app.analysis.made_up import question_layout, simulated
from tests.human_eval_app.designs import make_design


def _shares(answers: np.ndarray) -> list[float]:
    return [float((answers == code).mean()) for code in (1, 0, -1)]


@pytest.mark.parametrize(
    "truth",
    [
        Truth(utility={("model one", "fidelity", "Only"): 0.5}),
        Truth(utility={("model two", "*", "*"): 0.8}, prompt_sd=1.0, rater_sd=0.8, indifference_sd=1.0),
        Truth(utility={("model one", "*", "*"): 0.4}, left_bias=0.6, careless=0.3),
        Truth(prompt_sd=0.0, rater_sd=0.0, indifference=0.0),
    ],
)
def test_shares_converge_to_the_truth(truth: Truth) -> None:
    rows = question_layout(make_design(categories={"Only": 6}, raters=6), "fidelity")
    flip = np.where(rows["left_model"] == "model one", 1, -1)[:, None]
    answers = draw(rows, truth, 2000, np.random.default_rng(0))[0] * flip
    assert _shares(answers) == pytest.approx(truth.shares("model one", "model two", "fidelity", "Only"), abs=0.015)


def test_shares_of_captions_and_of_forced_choices_converge_too() -> None:
    truth = Truth(utility={("model one", "*", "*"): -0.5}, careless=0.1)
    captions = question_layout(make_design("coco-alignment", raters=6), "caption")
    of_model = captions[captions["left_model"] == "model one"].reset_index(drop=True)
    answers = draw(of_model, truth, 2000, np.random.default_rng(0))[0]
    assert _shares(answers) == pytest.approx(truth.caption_shares("model one", "caption", "Colors"), abs=0.02)
    pairs = question_layout(make_design("coco-photorealism", models=("model one",), raters=6), "photorealism")
    flip = np.where(pairs["left_model"] == "model one", 1, -1)[:, None]
    chosen = draw(pairs, truth, 2000, np.random.default_rng(0))[0] * flip
    assert 0 not in chosen
    assert _shares(chosen) == pytest.approx(truth.shares("model one", "original", "photorealism", "Colors"), abs=0.02)


def test_votes_of_one_prompt_and_of_one_rater_are_alike() -> None:
    rows = question_layout(make_design(categories={"Only": 8}, raters=8), "fidelity")
    flip = np.where(rows["left_model"] == "model one", 1, -1)[:, None]

    def correlation(truth: Truth, shared: str, other: str) -> float:
        answers = draw(rows, truth, 3000, np.random.default_rng(1))[0] * flip
        one, two = (rows[shared] == rows[shared].iloc[0]).to_numpy().nonzero()[0][:2]
        assert rows[other].iloc[one] != rows[other].iloc[two]
        return float(np.corrcoef(answers[one], answers[two])[0, 1])

    only_prompts, only_raters = Truth(prompt_sd=1, rater_sd=0), Truth(prompt_sd=0, rater_sd=1)
    assert correlation(only_prompts, "prompt_id", "seat") > 0.2
    assert abs(correlation(only_raters, "prompt_id", "seat")) < 0.1
    assert correlation(only_raters, "seat", "prompt_id") > 0.2


def test_utilities_are_found_from_the_most_special_to_the_most_general() -> None:
    truth = Truth(utility={("x", "*", "*"): 1.0, ("x", "fidelity", "*"): 2.0, ("x", "fidelity", "Text"): 3.0})
    assert [truth.of("x", *what) for what in (("fidelity", "Text"), ("fidelity", "Colors"), ("alignment", "Text"))] == [
        3.0,
        2.0,
        1.0,
    ]
    assert truth.of("y", "fidelity", "Text") == 0.0


def test_a_study_is_complete_and_every_row_is_marked_as_simulated() -> None:
    design = make_design(raters=2, gold=2, mirrored=1)
    votes = simulate_votes(design, Truth(), 0)
    assert len(votes) == len(layout(design))
    assert {vote.source for vote in votes} == {"simulated"}
    assert all(isinstance(vote, VoteRow) for vote in votes)
    assert simulated(design).simulated  # which also checks every row against the design


def test_equal_seeds_give_equal_votes() -> None:
    design = make_design(raters=2)
    first, again, other = (rows_of(simulate_votes(design, Truth(), seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_careful_raters_pass_control_trials_and_careless_ones_are_fast_and_random() -> None:
    design = make_design(categories={"Only": 6}, raters=30, gold=4)
    careful, careless = (
        [vote for vote in simulate_votes(design, Truth(careless=share, attention=1.0), 0) if vote.kind == "gold"]
        for share in (0.0, 1.0)
    )
    right = [
        np.mean([vote.answer == vote.expected for vote in votes if vote.expected]) for votes in (careful, careless)
    ]
    assert right[0] == 1
    assert right[1] == pytest.approx(1 / 3, abs=0.15)
    assert np.median([vote.dwell_ms for vote in careless]) < 0.3 * np.median([vote.dwell_ms for vote in careful])


def test_both_questions_of_a_screen_have_one_time() -> None:
    votes = simulate_votes(make_design(raters=2), Truth(), 0)
    for one, other in zip(votes[::2], votes[1::2], strict=True):
        assert (one.seat, one.position, one.dwell_ms) == (other.seat, other.position, other.dwell_ms)
