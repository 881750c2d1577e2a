"""Power: what the closed form says against studies simulated and analysed, and against what is known of the paper's."""

import math

import numpy as np
import pandas as pd
import pytest

from human_eval_app.analysis.intervals import net_p_values
from human_eval_app.analysis.two_way import Crossing
from human_eval_app.study.power import (
    ASSUMED,
    Assumptions,
    PanelSize,
    power,
    power_row,
    power_table,
    power_text,
    variance_of_mean,
)
from tests.human_eval_app.designs import make_design

COUNTS = [25, 10, 19, 20, 20, 10, 10, 20, 7, 38, 21]  # prompts of DrawBench's categories
PAPER = [PanelSize(count, 25) for count in COUNTS]
DRAWBENCH = ASSUMED["drawbench"]
CUT = 0.2533  # a standard normal is within it of zero in 20% of cases


def simulated_power(blocks: list[PanelSize], shift: float, studies: int, seed: int) -> tuple[float, Assumptions]:
    """The share of simulated studies whose analysis finds a net preference, and what their votes were like.

    A vote is a, b or neither as a normal variable is above CUT, below -CUT or between; its variance of one is 12% the
    prompt's, 6% the rater's and the rest the vote's own.
    """
    random = np.random.default_rng(seed)
    frames, latent = [], []
    for number, block in enumerate(blocks):
        shape = (block.prompts, block.raters, studies)
        prompt = random.normal(0, math.sqrt(0.12), (block.prompts, 1, studies))
        rater = random.normal(0, math.sqrt(0.06), (1, block.raters, studies))
        latent.append((shift + prompt + rater + random.normal(0, math.sqrt(0.82), shape)).reshape(-1, studies))
        prompts, raters = np.indices(shape[:2]).reshape(2, -1)
        ids = pd.DataFrame({"prompt_id": prompts, "rater": raters}) + 1000 * number
        frames.append(ids.assign(panel=number, category=number))
    values = np.concatenate(latent)
    votes = np.where(values > CUT, 1.0, np.where(values < -CUT, -1.0, 0.0))
    found = net_p_values(Crossing.of(pd.concat(frames, ignore_index=True), "micro").mean(votes)) < 0.05
    return float(found.mean()), _likeness(votes / 2, blocks[0])


def _likeness(votes: np.ndarray, block: PanelSize) -> Assumptions:
    """The components of the first block's votes, read off how alike pairs of votes are; votes of -1/2, 0 and 1/2."""
    table = votes[: block.prompts * block.raters].reshape(block.prompts, block.raters, -1)
    table = table - table.mean()
    total, indifferent = float((table**2).mean()), float((votes == 0).mean())
    of_prompt = float((table[:, 0::2][:, : block.raters // 2] * table[:, 1::2]).mean()) / total
    of_rater = float((table[0::2][: block.prompts // 2] * table[1::2]).mean()) / total
    return Assumptions(total / (1 - indifferent), indifferent, of_prompt, of_rater, sides=1)


@pytest.mark.parametrize(
    ("blocks", "shift", "studies"),
    [
        ([PanelSize(12, 12)], 0.30, 500),
        ([PanelSize(8, 10)] * 4, 0.22, 500),
        pytest.param([PanelSize(18, 24)] * 11, 0.11, 2000, marks=pytest.mark.proof),
        pytest.param([PanelSize(18, 24)], 0.30, 4000, marks=pytest.mark.proof),
    ],
)
def test_the_closed_form_is_the_power_of_the_analysis(blocks: list[PanelSize], shift: float, studies: int) -> None:
    share, assumed = simulated_power(blocks, shift, studies, seed=7)
    above, below = 0.5 * math.erfc((CUT - shift) / math.sqrt(2)), 0.5 * math.erfc((CUT + shift) / math.sqrt(2))
    expected = power((above - below) / 2, blocks, assumed)
    assert 0.3 < expected < 0.95, "a power near 0 or 1 would prove little"
    assert share == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / studies) + 0.02)


def test_without_a_difference_power_is_the_level() -> None:
    assert power(0.0, PAPER, DRAWBENCH) == pytest.approx(0.05, abs=1e-6)


def test_the_papers_study_finds_55_to_45_overall_and_hardly_in_one_category() -> None:
    """81 to 87% and about 20%, as was found for a study of 11 categories with 25 raters."""
    overall = power_row("overall", PAPER, "drawbench")
    assert (overall.prompts, overall.raters, overall.votes) == (200, 275, 5000)
    assert 0.81 < overall.powers[0] < 0.87
    single = [power_row("one", [block], "drawbench").powers[0] for block in PAPER]
    assert 0.05 < min(single) < max(single) < 0.25


def test_the_assumptions_make_pooled_intervals_as_wrong_as_they_were_found_to_be() -> None:
    """31 to 38% of studies of equal models were significant when all votes were taken as independent."""
    blocks = [PanelSize(18, 25)] * 11
    variance, _ = variance_of_mean(blocks, DRAWBENCH)
    pooled = DRAWBENCH.variance * (1 - DRAWBENCH.indifferent) / (11 * 18 * 25)
    assert 0.31 < math.erfc(1.96 * math.sqrt(pooled / variance) / math.sqrt(2)) < 0.38


def test_the_detectable_difference_has_80_percent_power() -> None:
    row = power_row("overall", PAPER, "drawbench")
    assert row.detectable is not None
    assert power(row.detectable * (1 - DRAWBENCH.indifferent), PAPER, DRAWBENCH) == pytest.approx(0.8, abs=0.005)


def test_more_raters_help_less_and_less() -> None:
    found = [power_row("overall", [PanelSize(18, raters)] * 11, "drawbench").detectable or 1 for raters in (5, 25, 500)]
    assert found[0] > found[1] > found[2]
    prompts_only = Assumptions(DRAWBENCH.variance, DRAWBENCH.indifferent, DRAWBENCH.prompt, 0, 1)
    floor, _ = variance_of_mean([PanelSize(18, 10**6)] * 11, prompts_only)
    assert variance_of_mean([PanelSize(18, 500)] * 11, DRAWBENCH)[0] > floor


@pytest.mark.parametrize("block", [PanelSize(1, 25), PanelSize(25, 1)])
def test_one_prompt_or_one_rater_tell_nothing(block: PanelSize) -> None:
    row = power_row("one", [block], "drawbench")
    assert row.detectable is None
    assert all(math.isnan(value) for value in row.powers)


def test_the_table_has_a_row_for_every_category_and_one_pair() -> None:
    design = make_design(models=("a", "b", "c"), raters=4)
    assert [(row.scope, row.prompts, row.raters) for row in power_table(design)] == [
        ("overall", 5, 8),
        ("Colors", 2, 4),
        ("Counting", 3, 4),
    ]
    assert "Each of the 3 pairs" in power_text(design)


def test_a_caption_study_subtracts_two_panels() -> None:
    design = make_design("coco-alignment", categories={"": 6}, models=("a",), raters=4)
    (row,) = power_table(design)
    assert (row.prompts, row.raters, row.votes) == (6, 8, 48)
    one, degrees = variance_of_mean([PanelSize(6, 4)], Assumptions(0.0625, 0, 0.1, 0.05, 1))
    two, degrees_of_two = variance_of_mean([PanelSize(6, 4)], ASSUMED["coco-alignment"])
    assert two == pytest.approx(2 * one)
    assert degrees_of_two == pytest.approx(2 * degrees)
    assert "power at 1 point " in power_text(design)
