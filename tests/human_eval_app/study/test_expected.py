"""How many raters a decision takes: against a closed form of bets, and against simulated votes."""

import numpy as np
import pytest

from human_eval_app.study.expected import detection_text, expected_row, expected_rows
from human_eval_app.study.power import ASSUMED, Assumptions, PanelSize, power, power_text
from human_eval_app.study.stopping import ERROR
from metrics.statistics.betting import BETS
from tests.human_eval_app.analysis.test_sequence_simulations import (
    MIDDLE,
    PROMPTS,
    RATERS,
    rounds_needed,
    scores,
    votes,
)
from tests.human_eval_app.designs import make_design

PAPER = [PanelSize(prompts, RATERS) for prompts in PROMPTS]
DRAWBENCH = ASSUMED["drawbench"]


def test_raters_who_all_say_the_same_decide_when_bets_on_it_have_won_enough() -> None:
    """Scores of 0.75 each: a share u of the capital grows by 1 + u / 2 with every rater."""
    alike = Assumptions(variance=1e-7, indifferent=0.0, prompt=0.0, rater=0.0, sides=1)
    row = expected_row(0.75, [PanelSize(9, 40)], alike, 0.05)
    raters = np.arange(1, 41)
    first = raters[np.mean((1 + BETS[:, None] / 2) ** raters, axis=0) >= 40][0]
    assert row.raters == pytest.approx(first, abs=0.3)
    assert (row.most, row.decided, row.seats) == (first, 1.0, 40)


def test_the_table_is_near_simulated_votes() -> None:
    """Which have the variances of MIDDLE, not the assumed ones."""
    decided = 1 - MIDDLE.shares("a", "b", "fidelity", "x")[1]
    assumed = Assumptions(0.25, 1 - decided, 0.08, 0.04, 1)
    needed = rounds_needed(scores(votes(0.5 + 0.1 * decided, MIDDLE, 200, 3)), ERROR / 2) * len(PROMPTS)
    assert expected_row(0.6, PAPER, assumed, ERROR / 2).raters == pytest.approx(needed.mean(), rel=0.15)


def test_clearer_preferences_take_fewer_raters_and_smaller_errors_more() -> None:
    few, more, most = (expected_row(each, PAPER, DRAWBENCH, 0.025).raters for each in (0.7, 0.6, 0.55))
    assert few < more < most < 275
    assert expected_row(0.6, PAPER, DRAWBENCH, 0.005).raters > more
    assert expected_row(0.6, PAPER, DRAWBENCH, 0.025).power == power(0.1 * 0.8, PAPER, DRAWBENCH)


def test_a_study_too_small_to_decide_keeps_all_its_seats() -> None:
    row = expected_row(0.55, [PanelSize(4, 3)] * 2, DRAWBENCH, 0.025)
    assert (row.raters, row.most, row.decided, row.seats) == (6, None, 0.0, 6)


def test_only_designs_with_a_stopping_rule_tell_it() -> None:
    design = make_design(raters=4)
    assert expected_rows(design) == []
    assert detection_text(design) == power_text(design)
