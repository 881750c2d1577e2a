"""The t interval: scipy's own, and honest about single values."""

import numpy as np
import pytest
from scipy import stats

from metrics.statistics.intervals import t_interval


def test_equals_scipys_t_interval() -> None:
    values = np.random.default_rng(0).normal(size=7)
    interval = t_interval(values)
    assert interval is not None
    low, high = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx((low, high))
    assert interval.low <= values.mean() <= interval.high
    assert interval.method == "t over prompts"


@pytest.mark.parametrize("n", [7, 38])
def test_covers_the_mean_as_often_as_it_says(n: int) -> None:
    random = np.random.default_rng(1)
    trials = 4000
    hits = 0
    for values in random.normal(0.3, 0.05, (trials, n)):
        interval = t_interval(values)
        assert interval is not None
        hits += interval.low <= 0.3 <= interval.high
    assert hits / trials == pytest.approx(0.95, abs=0.014)  # 4 standard errors of 4000 trials


def test_one_value_has_no_interval_and_equal_values_a_point() -> None:
    assert t_interval(np.array([0.3])) is None
    interval = t_interval(np.full(5, 0.1))
    assert interval is not None
    assert interval.low <= np.full(5, 0.1).mean() <= interval.high
