"""Differences of two sets of the same prompts: where all prompts agree, too."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from metrics.statistics.intervals import t_interval
from metrics.statistics.paired import AGREED, T_PAIRED, paired_means, paired_shares


@pytest.mark.parametrize(("ours", "theirs"), [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.25)])
def test_shares_that_all_prompts_agree_on_have_agresti_and_mins_interval(ours: float, theirs: float) -> None:
    n = 20
    found = paired_shares(np.full(n, ours), np.full(n, theirs))
    differences = np.array([ours - theirs] * n + [1, -1, 0, 0])  # half a prompt in each of the four cells
    weights = np.array([1.0] * n + [0.5] * 4)
    centre = np.average(differences, weights=weights)
    error = np.sqrt(np.average((differences - centre) ** 2, weights=weights) / weights.sum())
    margin = student.ppf(0.975, n - 1) * error
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (max(-1, min(ours - theirs, centre - margin)), min(1, max(ours - theirs, centre + margin)))
    )
    assert found.interval.method == AGREED


def test_shares_that_differ_somewhere_have_the_t_interval() -> None:
    a, b = np.array([1.0, 0.0, 1.0, 0.5]), np.array([0.0, 0.0, 1.0, 0.5])
    assert paired_shares(a, b) == paired_means(a, b)
    assert paired_shares(a, b).interval == t_interval(a - b, T_PAIRED)


def test_two_prompts_that_agree_have_no_interval() -> None:
    assert paired_shares(np.ones(2), np.zeros(2)).interval is None


@given(st.integers(3, 400), st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]))
def test_more_prompts_that_agree_say_more(n: int, difference: float) -> None:
    few, many = (
        paired_shares(np.full(k, max(difference, 0)), np.full(k, max(-difference, 0))).interval for k in (n, 4 * n)
    )
    assert few is not None
    assert many is not None
    assert -1 <= few.low <= difference <= few.high <= 1
    assert 0 < many.high - many.low < few.high - few.low


@pytest.mark.parametrize("rates", [(0.0, 0.0), (0.02, 0.02), (0.05, 0.0), (0.97, 0.99)])
def test_rare_misses_are_covered(rates: tuple[float, float]) -> None:
    """300 studies of 20 prompts, most of whose prompts agree: a width of nothing would miss every difference."""
    random, truth = np.random.default_rng(7), rates[0] - rates[1]
    held = 0
    for _ in range(300):
        a, b = ((random.random(20) < rate).astype(float) for rate in rates)
        interval = paired_shares(a, b).interval
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert held >= 0.93 * 300
