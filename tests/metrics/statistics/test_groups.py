"""Means over groups' means: closed forms, what they cover, and what is not known."""

import numpy as np
import pytest
from scipy.stats import t as student

from metrics.statistics.groups import SINGLE, grouped_share, paired_grouped_shares


def test_two_groups_are_two_independent_means() -> None:
    """The difference of two groups' means has Welch's standard error and degrees of freedom; half their sum too."""
    random = np.random.default_rng(0)
    first, second = random.random(12), random.random(30) ** 2
    groups = np.repeat([7, 2], [12, 30])
    found = paired_grouped_shares(np.concatenate([first, second]), np.zeros(42), groups)
    parts = [each.var(ddof=1) / len(each) for each in (first, second)]
    free = sum(parts) ** 2 / (parts[0] ** 2 / 11 + parts[1] ** 2 / 29)
    margin = student.ppf(0.975, free) * np.sqrt(sum(parts)) / 2
    assert found.a == pytest.approx((first.mean() + second.mean()) / 2)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((found.a - margin, found.a + margin))


@pytest.mark.parametrize(
    ("sizes", "rates"),
    [
        ((80, 5), (0.5, 0.9)),  # the few are often all right, and then show no spread
        ((5,) * 10, (0.9,) * 10),
        ((10, 10), (0.5, 0.5)),
        ((2,) * 10, (0.5,) * 10),
        ((80,) * 6, (0.95, 0.9, 0.7, 0.5, 0.2, 0.1)),
    ],
)
def test_intervals_hold_the_truth_and_equal_models_are_not_called_different(
    sizes: tuple[int, ...], rates: tuple[float, ...]
) -> None:
    random, groups = np.random.default_rng(1), np.repeat(np.arange(len(sizes)), sizes)
    missed = apart = 0
    for _ in range(400):
        a, b = ((random.random(len(groups)) < np.array(rates)[groups]).astype(float) for _ in range(2))
        own, difference = grouped_share(a, groups).interval, paired_grouped_shares(a, b, groups).interval
        assert own is not None
        assert difference is not None
        missed += not own.low <= np.mean(rates) <= own.high
        apart += not difference.low <= 0 <= difference.high
    assert max(missed, apart) <= 0.08 * 400


def test_a_group_of_one_prompt_leaves_no_interval() -> None:
    groups = np.array([1] * 80 + [2])
    ones, mixed = np.ones(81), np.arange(81) % 2.0
    for found in (grouped_share(mixed, groups), paired_grouped_shares(mixed, ones, groups)):
        assert found.interval is None
        assert found.note == SINGLE


@pytest.mark.parametrize("value", [0.0, 1 / 3, 1.0])
def test_groups_whose_prompts_all_agree_have_a_width(value: float) -> None:
    groups = np.repeat([1, 2, 3], 8)
    for interval in (
        grouped_share(np.full(24, value), groups).interval,
        paired_grouped_shares(np.full(24, value), np.full(24, value), groups).interval,
    ):
        assert interval is not None
        assert 0.05 < interval.high - interval.low < 0.5
