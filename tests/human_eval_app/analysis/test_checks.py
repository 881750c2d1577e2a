"""Sides, repeats, control trials and times, by hand."""

from collections.abc import Mapping
from typing import Any

import pytest

from human_eval_app.analysis.checks import checks, gold_by_rater, gold_share, left_shares, mirror_shares, times
from human_eval_app.analysis.votes import check_votes, main_votes
from human_eval_app.simulate import Truth
from tests.human_eval_app.analysis.made_up import answered, preferring, rows_with, simulated
from tests.human_eval_app.designs import make_design

DESIGN = make_design(categories={"Colors": 6, "Text": 4}, raters=4, gold=2, mirrored=3)


def test_the_left_share_is_of_votes_that_chose_a_side() -> None:
    def answer(row: Mapping[str, Any]) -> str:
        if row["position"] % 2:
            return "indifferent"
        return "left" if row["question"] == "fidelity" else "right"

    fidelity, alignment = left_shares(main_votes(answered(DESIGN, answer).table))
    assert (fidelity.share.value, alignment.share.value) == (1, 0)
    assert fidelity.votes < len(main_votes(answered(DESIGN, answer).table)) / 2
    assert fidelity.p is not None
    assert fidelity.p < 0.05


def test_nobody_left_is_no_share_of_sides() -> None:
    assert left_shares(main_votes(answered(DESIGN, lambda row: "indifferent").table)) == ()


def test_a_left_bias_is_found_and_a_strong_model_is_none() -> None:
    design = make_design(categories={"Only": 40}, raters=20, models=("x", "y"))
    biased, fair = (
        left_shares(main_votes(simulated(design, truth).table))[0]
        for truth in (Truth(left_bias=0.3), Truth(utility={("x", "*", "*"): 2.0}))
    )
    assert biased.p is not None
    assert fair.p is not None
    assert biased.share.value > 0.55
    assert biased.p < 0.001
    assert fair.p > 0.05


def test_who_prefers_a_model_answers_a_mirrored_trial_consistently() -> None:
    steady = mirror_shares(answered(DESIGN, preferring(lambda row: "b")).table)
    assert [(each.share.value, each.pairs) for each in steady] == [(1, 24), (1, 24)]
    one_sided = mirror_shares(answered(DESIGN, lambda row: "left").table)
    assert [each.share.value for each in one_sided] == [0, 0]
    without = make_design(raters=2)
    assert mirror_shares(simulated(without).table) == ()


def _right_in(share: str) -> Any:
    """The right answer to control trials on seats whose id ends in the digit, the wrong one on others."""

    def answer(row: Mapping[str, Any]) -> str:
        if row["expected"] and row["seat"].endswith(share):
            return str(row["expected"])
        return "indifferent"

    return answer


def test_gold_counts_only_questions_with_a_known_answer() -> None:
    table = answered(DESIGN, _right_in("1")).table
    gold = gold_share(table)
    assert gold is not None
    assert (gold.answers, gold.raters) == (2 * 8, 8)  # fidelity alone is known in these trials
    assert (gold.share, gold.lowest, gold.median) == (0.25, 0, 0)
    assert sorted(gold_by_rater(table)) == [0] * 6 + [1] * 2
    assert gold_share(simulated(make_design(raters=2)).table) is None


def test_times_are_of_screens_not_of_questions() -> None:
    rows = rows_with(DESIGN, lambda row: "left")
    timed = [{**row, "dwell_ms": 1000 * (1 + row["position"]), "load_ms": 50} for row in rows]
    found = times(check_votes(timed, DESIGN).table)
    assert found.screens == len(timed) / 2
    assert (found.load_50, found.load_95) == (50, 50)
    assert 1000 <= found.dwell_10 < found.dwell_50 < found.dwell_90 <= 11000


def test_all_checks_come_together() -> None:
    found = checks(simulated(DESIGN).table)
    assert len(found.left) == len(found.mirrored) == 2
    assert found.gold is not None
    assert found.gold.share > 0.8
    assert found.times.dwell_50 == pytest.approx(6000, rel=0.3)
