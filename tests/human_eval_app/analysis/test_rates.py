"""Rates, net preferences and caption scores: by hand, mirrored, and indifferent to the order of rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawbench.prompts.people import NO_PEOPLE
from drawbench.results.scores import OVERALL
from human_eval_app.analysis.analyse import analyse
from human_eval_app.analysis.records import Analysis, PairwiseComparison, Preference, Rate
from human_eval_app.analysis.votes import check_votes
from human_eval_app.simulate import Truth
from human_eval_app.study.design import Design
from tests.human_eval_app.analysis.made_up import answered, anything, preferring, rows_with, simulated
from tests.human_eval_app.designs import make_design

DESIGN = make_design(categories={"Colors": 4, "Text": 2}, raters=3, models=("a model", "b model"))


def _rows(analysis: Analysis, question: str = "fidelity") -> dict[tuple[str, str], Preference]:
    (pair,) = analysis.versions[0].comparisons
    return {(row.scope, row.average): row for row in pair.rows if row.question == question}


def _colours_a_text_b(row: Mapping[str, Any]) -> str:
    """All prefer A in Colors; in Text one rater is indifferent and the others prefer B."""
    if row["category"] == "Colors":
        return "a"
    return "indifferent" if row["seat"].endswith("1") else "b"


def test_rates_are_shares_of_the_votes_whatever_side_they_were_given_for() -> None:
    rows = _rows(analyse(DESIGN, answered(DESIGN, preferring(_colours_a_text_b))))
    micro, macro = rows[OVERALL, "micro"], rows[OVERALL, "macro"]
    assert (micro.a.value, micro.indifferent.value, micro.b.value) == pytest.approx((12 / 18, 2 / 18, 4 / 18))
    assert (macro.a.value, macro.indifferent.value, macro.b.value) == pytest.approx((1 / 2, 1 / 6, 1 / 3))
    assert micro.net.value == pytest.approx(8 / 18)
    text = rows["Text", "micro"]
    assert (text.a.value, text.indifferent.value, text.b.value) == pytest.approx((0, 1 / 3, 2 / 3))
    assert (micro.votes, micro.raters, micro.prompts, micro.categories) == (18, 6, 6, 2)
    assert (text.votes, text.raters, text.prompts, text.categories) == (6, 3, 2, 1)
    assert (micro.sign.a, micro.sign.b, micro.sign.ties) == (4, 2, 0)


def test_only_categories_are_in_holms_family() -> None:
    analysis = analyse(DESIGN, simulated(DESIGN))
    (pair,) = analysis.versions[0].comparisons
    assert {row.scope for row in pair.rows if row.p_holm is None} == {OVERALL}
    corrected = [row for row in pair.rows if row.p_holm is not None]
    assert len(corrected) == 2 * 2  # categories, questions
    smallest = min(corrected, key=lambda row: row.p or 1)
    assert smallest.p is not None
    assert smallest.p_holm == pytest.approx(min(1, 4 * smallest.p))


def test_one_category_is_overall_and_nothing_else() -> None:
    design = make_design(categories={"Only": 3}, raters=3)
    assert list(_rows(analyse(design, simulated(design)))) == [(OVERALL, "micro")]


def test_the_pooled_interval_stands_beside_and_says_what_it_is() -> None:
    design = make_design(categories={"Only": 12}, raters=12)
    row = _rows(analyse(design, simulated(design, Truth(prompt_sd=1.0))))[OVERALL, "micro"]
    assert row.pooled is not None
    assert row.a.interval != "not available"
    assert "independent" in row.pooled.method
    assert row.pooled.high - row.pooled.low < 0.8 * (row.a.interval.high - row.a.interval.low)


def test_simulated_truth_is_found_in_a_large_study() -> None:
    design = make_design(categories={"Only": 120}, raters=40, models=("a model", "b model"))
    truth = Truth(
        utility={("a model", "fidelity", "*"): 0.6, ("b model", "alignment", "*"): 0.3}, left_bias=0.3, careless=0.1
    )
    analysis = analyse(design, simulated(design, truth))
    for question in ("fidelity", "alignment"):
        row = _rows(analysis, question)[OVERALL, "micro"]
        found = (row.a.value, row.indifferent.value, row.b.value)
        assert found == pytest.approx(truth.shares("a model", "b model", question, "Only"), abs=0.04)


def _mirrored(rate: Rate, other: Rate, sign: float) -> None:
    assert rate.value == pytest.approx(sign * other.value, abs=1e-9)
    assert rate.interval != "not available"
    assert other.interval != "not available"
    ends = sorted((sign * other.interval.low, sign * other.interval.high))
    assert (rate.interval.low, rate.interval.high) == pytest.approx(ends, abs=1e-9)


def _swapped(design: Design) -> Design:
    """The same study with A and B called the other way round; what raters see is the same."""
    panels = tuple(panel.model_copy(update={"models": panel.models[::-1]}) for panel in design.panels)
    return design.model_copy(update={"panels": panels})


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_swapping_the_models_mirrors_every_number(seed: int) -> None:
    swapped = _swapped(DESIGN)
    votes = rows_with(DESIGN, anything(seed))
    one = analyse(DESIGN, check_votes(votes, DESIGN))
    renamed = [{**row, "design_sha256": swapped.sha256} for row in votes]
    other = analyse(swapped, check_votes(renamed, swapped))
    (pair,), (mirror,) = one.versions[0].comparisons, other.versions[0].comparisons
    assert (pair.model_a, pair.model_b) == (mirror.model_b, mirror.model_a)
    for row, back in zip(pair.rows, mirror.rows, strict=True):
        _mirrored(row.a, back.b, 1)
        _mirrored(row.b, back.a, 1)
        _mirrored(row.indifferent, back.indifferent, 1)
        _mirrored(row.net, back.net, -1)
        assert (row.sign.a, row.sign.b, row.sign.p) == (back.sign.b, back.sign.a, back.sign.p)
        assert (row.p, row.p_holm) == pytest.approx((back.p, back.p_holm), nan_ok=True)
    assert one.versions[0].agreement == other.versions[0].agreement
    assert one.versions[0].checks == other.versions[0].checks


def _numbers(analysis: Analysis) -> list[float]:
    """Every number of an analysis in its order."""

    def walk(value: object) -> list[float]:
        if isinstance(value, Mapping):
            return [number for each in value.values() for number in walk(each)]
        if isinstance(value, list | tuple):
            return [number for each in value for number in walk(each)]
        return [float(value)] if isinstance(value, int | float) else []

    return walk(analysis.model_dump()["versions"])


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_names_of_raters_and_the_order_of_rows_change_nothing(seed: int) -> None:
    rows = rows_with(DESIGN, anything(seed))
    random = np.random.default_rng(seed)
    raters = sorted({row["rater"] for row in rows})
    names = dict(zip(raters, map(str, random.permutation(len(raters))), strict=True))
    other = [{**rows[place], "rater": names[rows[place]["rater"]]} for place in random.permutation(len(rows))]
    before, after = (_numbers(analyse(DESIGN, check_votes(each, DESIGN))) for each in (rows, other))
    assert after == pytest.approx(before, rel=1e-9, nan_ok=True)


def test_photorealism_is_the_rate_of_the_model_over_the_photograph() -> None:
    design = make_design("coco-photorealism", categories={"batch": 4}, models=("a model",), raters=4)
    photographs_win = preferring(lambda row: "a" if row["prompt_id"].endswith("1") else "b")
    analysis = analyse(design, answered(design, photographs_win))
    (pair,) = analysis.versions[0].comparisons
    assert (pair.model_a, pair.model_b) == ("a model", "original")
    assert pair.rows[0].a.value == pytest.approx(0.25)
    assert pair.rows[0].indifferent.value == 0


def test_captions_without_people_are_told_apart_in_coco_studies_only() -> None:
    design = make_design("coco-photorealism", categories={"batch": 4, "batch 2": 4}, models=("a model",), raters=4)
    captions = {**design.captions, "batch-001": "A man and a dog", "batch-2-002": "two   ladies, one horse"}
    design = design.model_copy(update={"captions": captions})
    about_people = preferring(lambda row: "a" if row["prompt_id"] in ("batch-001", "batch-2-002") else "b")
    rows = analyse(design, answered(design, about_people)).versions[0].comparisons[0].rows
    assert [(row.scope, row.prompts, row.a.value) for row in rows] == [
        (OVERALL, 8, pytest.approx(0.25)),
        (NO_PEOPLE, 6, pytest.approx(0)),
    ]


def test_caption_scores_are_100_50_0_of_each_model_apart() -> None:
    design = make_design("coco-alignment", categories={"batch": 6}, models=("a model",), raters=5)

    def answer(row: Mapping[str, Any]) -> str:
        if row["left_model"] == "original":
            return "yes"
        return {"1": "no", "2": "somewhat"}.get(row["prompt_id"][-1], "yes")

    scores = analyse(design, answered(design, answer)).versions[0].captions
    model, original = scores
    assert (model.model, original.model) == ("a model", "original")
    assert model.score.value == pytest.approx(100 * (4 + 0.5) / 6)
    assert (model.yes.value, model.somewhat.value, model.no.value) == pytest.approx((4 / 6, 1 / 6, 1 / 6))
    assert original.score.value == 100
    assert original.over_original is None
    assert model.over_original is not None
    assert model.over_original.value == pytest.approx(-25)
    assert (model.votes, model.raters, model.prompts) == (30, 5, 6)


def test_the_same_captions_for_both_sides_narrow_the_difference() -> None:
    """Hard captions lower model and photographs alike: which captions were drawn does not blur the difference."""
    design = make_design("coco-alignment", categories={"batch": 10}, models=("a model",), raters=6)
    hard = answered(design, lambda row: "no" if int(row["prompt_id"][-1]) % 2 else "yes")
    model = analyse(design, hard).versions[0].captions[0]
    assert model.score.interval != "not available"
    assert model.over_original is not None
    assert model.over_original.interval != "not available"
    width = model.over_original.interval.high - model.over_original.interval.low
    assert width < 0.7 * (model.score.interval.high - model.score.interval.low)


def test_three_models_are_three_comparisons() -> None:
    design = make_design(models=("x", "y", "z"), raters=2)
    pairs: tuple[PairwiseComparison, ...] = analyse(design, simulated(design)).versions[0].comparisons
    assert [(pair.model_a, pair.model_b) for pair in pairs] == [("x", "y"), ("x", "z"), ("y", "z")]
