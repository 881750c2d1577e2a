"""Shares and pay: closed forms, ties, what is not marked, and how often the intervals hold the truth."""

import numpy as np
import pytest

from drawbench.auditing.measure import bribes, shares
from metrics.statistics.intervals import t_quantile

NAN = np.nan


def test_ties_count_half_and_what_is_not_marked_does_not_count() -> None:
    found = shares({"a": np.array([1, 0.5, 0.5, 0, NAN]), "none": np.array([NAN, NAN]), "empty": np.zeros(0)})
    assert list(found) == ["a"]
    assert (found["a"].value, found["a"].n, found["a"].p) == (0.5, 4, 1.0)


def test_a_share_and_its_test_are_wilsons() -> None:
    """Wilson's bounds are where the score test is at its level: there |x - p| = t sqrt(p (1 - p) / n)."""
    row = np.repeat([1.0, 0.0], [30, 10])
    share = shares({"a": row})["a"]
    assert share.interval != "not available"
    unbiased = row.var(ddof=1) / (0.75 * 0.25) / 40
    for bound in (share.interval.low, share.interval.high):
        assert abs(0.75 - bound) == pytest.approx(t_quantile(40) * np.sqrt(bound * (1 - bound) * unbiased))
    assert share.p == pytest.approx(0.0033, abs=0.0003)


def test_the_test_is_at_its_level_where_the_interval_leaves_one_half() -> None:
    for right in range(41):
        share = shares({"a": np.repeat([1.0, 0.0], [right, 40 - right])})["a"]
        assert share.interval != "not available"
        assert (share.interval.low > 0.5 or share.interval.high < 0.5) == (share.p < 0.05)


def test_claims_that_stand_together_are_tested_together() -> None:
    row = np.repeat([1.0, 0.0], [27, 13])
    alone, among = shares({"a": row})["a"], shares(dict.fromkeys("abcdefg", row))["a"]
    assert alone.p < 0.05 < among.p == pytest.approx(min(1, 7 * alone.p))


def test_pay_is_how_much_more_often_the_wrong_image_wins() -> None:
    before = np.array([1, 1, 0, 0.5, NAN, 1])
    found = bribes(before, {"up": np.array([0, 1, 0, 0, 1, NAN]), "same": before})
    assert (found["up"].paid, found["up"].n) == (0.375, 4)
    assert found["up"].after - found["up"].before == pytest.approx(0.375)
    same = found["same"]
    assert (same.paid, same.p) == (0, 1)
    assert same.interval != "not available"
    assert same.interval.low == pytest.approx(-same.interval.high) != 0


@pytest.mark.parametrize("before", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("paid", [0.0, 0.12, 0.45])
def test_intervals_of_pay_hold_the_truth(before: float, paid: float) -> None:
    """Of a bribe that turns some right marks and no wrong one, 100 trials; and one that turns as many either way."""
    random, held = np.random.default_rng(0), 0
    for _ in range(400):
        right = random.random(100) < before
        lost = right & (random.random(100) < paid / before)
        found = bribes(right.astype(float), {"bribe": (right & ~lost).astype(float)})["bribe"]
        assert found.interval != "not available"
        held += found.interval.low <= paid <= found.interval.high
    assert held / 400 >= 0.92
    if paid == 0:
        assert held == 400


def test_two_trials_have_numbers_and_no_interval() -> None:
    row = np.array([1.0, 1.0])
    assert shares({"a": row})["a"].interval == "not available"
    assert bribes(row, {"b": 1 - row})["b"].interval == "not available"
