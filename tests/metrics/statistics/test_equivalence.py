"""Equivalence tests: statsmodels' numbers, and how often they err on simulated pairs at the margin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from metrics.frechet.difference import frechet_difference
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.statistics.equivalence import Equivalence, equivalence, holm, units_that_decide
from metrics.statistics.intervals import t_interval

PAIRS = np.random.default_rng(0).normal(0.1, 1.0, (40, 2))


def of_values(values: np.ndarray, margin: float) -> Equivalence:
    interval = t_interval(values)
    assert interval is not None
    return equivalence(float(values.mean()), (interval.high - interval.low) / 2, len(values), margin)


@pytest.mark.parametrize("margin", [0.1, 0.4, 1.0])
def test_the_p_value_is_statsmodels(margin: float) -> None:
    expected, _, _ = ttost_paired(PAIRS[:, 0], PAIRS[:, 1], -margin, margin)
    found = of_values(PAIRS[:, 0] - PAIRS[:, 1], margin)
    assert found.p_within == pytest.approx(expected, rel=1e-6)
    assert found.within == (-margin < found.low and found.high < margin)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-12)


def test_pairs_without_any_spread_are_decided_by_their_difference() -> None:
    assert equivalence(0.0, 0.0, 10, 0.1).within
    assert not equivalence(0.2, 0.0, 10, 0.1).within
    assert (equivalence(0.0, 0.0, 10, 0.1).p_zero, equivalence(0.2, 0.0, 10, 0.1).p_zero) == (1.0, 0.0)


@given(st.floats(-2, 2), st.floats(0.01, 1), st.integers(3, 500), st.floats(0.01, 1))
def test_so_many_units_would_decide(difference: float, half: float, units: int, margin: float) -> None:
    found = equivalence(difference, half, units, margin)
    needed = units_that_decide(found)
    if found.within or found.p_zero <= 0.05 or needed is None:
        return
    more = equivalence(difference, half * math.sqrt(units / needed), units, margin)  # the same quantiles
    assert more.within or more.p_zero <= 0.05 + 1e-6


def errs(simulations: int, seed: int, kind: str) -> float:
    """The share of pairs whose true difference is the margin, and which are called the same."""
    rng, wrong = np.random.default_rng(seed), 0
    margin = _true_difference() if kind == "frechet" else 0.3
    for _ in range(simulations):
        if kind == "mean":
            shared = rng.normal(0, 1, 30)
            values = 0.3 + shared - (shared + rng.normal(0, 0.6, 30))
            wrong += of_values(values, margin).within
        else:
            found = frechet_difference(*_sets(rng), REFERENCE)
            assert found.interval is not None
            half = (found.interval.high - found.interval.low) / 2
            wrong += equivalence(found.difference, half, N, margin).within
    return wrong / simulations


N, D = 120, 4
REFERENCE = Gaussian.of_features(np.random.default_rng(1).normal(0, 1, (4000, D)))


def _sets(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features of two models on the same prompts: what is hard for one is hard for both."""
    shared = rng.normal(0.3, 0.9, (N, D))
    return shared + rng.normal(0.25, 0.4, (N, D)), shared + rng.normal(0, 0.4, (N, D))


def _true_difference() -> float:
    """That is expected at this n, from many pairs of sets."""
    rng = np.random.default_rng(2)
    found = [
        frechet_distance(Gaussian.of_features(a), REFERENCE) - frechet_distance(Gaussian.of_features(b), REFERENCE)
        for a, b in (_sets(rng) for _ in range(3000))
    ]
    return float(np.mean(found))


def test_pairs_at_the_margin_are_called_the_same_in_5_of_100() -> None:
    assert errs(300, 3, "mean") <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["mean", "frechet"])
def test_1000_pairs_at_the_margin_are_called_the_same_in_5_of_100(kind: str) -> None:
    share = errs(1000, 4, kind)
    print(f"{kind}: {share:.3f} of 1,000 pairs at the margin are called the same")
    assert share <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1000)
