"""Equivalence tests: statsmodels' numbers, and how often they err on simulated pairs at the margin."""

import math
from itertools import combinations

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


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_test_by_bonferroni(p_values: list[float]) -> None:
    """A claim holds where every set of hypotheses with its own is rejected (Marcus, Peritz & Gabriel 1976)."""
    places = range(len(p_values))
    sets = [chosen for size in places for chosen in combinations(places, size + 1)]
    by_set = {chosen: min(1.0, len(chosen) * min(p_values[i] for i in chosen)) for chosen in sets}
    closed = [max(p for chosen, p in by_set.items() if place in chosen) for place in places]
    assert holm(p_values) == pytest.approx(closed, abs=1e-12)


def test_holm_is_statsmodels() -> None:
    p_values = [*np.random.default_rng(1).random(20) ** 3, 0.01, 0.01, 0.0, 1.0]
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


def too_often(simulations: int) -> float:
    """What a share that is 5% stays under in 97.5 of 100 simulations."""
    return 0.05 + 2 * math.sqrt(0.05 * 0.95 / simulations)


def errs_of_means(simulations: int, seed: int) -> float:
    """The share of pairs whose true difference is the margin, and which are called the same."""
    rng, wrong = np.random.default_rng(seed), 0
    for _ in range(simulations):
        wrong += of_values(0.3 + rng.normal(0, 0.6, 30), 0.3).within
    return wrong / simulations


N, D = 120, 4
REFERENCE = Gaussian.of_features(np.random.default_rng(1).normal(0, 1, (4000, D)))
# What two models make of what their prompts have in common, (N, D): A is far from B, near it, or more varied.
MODELS: dict[str, tuple[float, float, float]] = {"far": (1, 0.25, 0.4), "near": (1, 0.02, 0.1), "wide": (1.1, 0, 0.1)}


def _sets(rng: np.random.Generator, model: str) -> tuple[np.ndarray, np.ndarray]:
    scale, shift, own = MODELS[model]
    shared = rng.normal(0.3, 0.9, (N, D))
    return scale * shared + rng.normal(shift, own, (N, D)), shared + rng.normal(0, own, (N, D))


def errs_of_distances(simulations: int, seed: int, model: str) -> float:
    """The same of Fréchet distances, whose true difference at this n is found by drawing many."""
    rng = np.random.default_rng(seed)
    pairs = (_sets(rng, model) for _ in range(3000))
    both = [[frechet_distance(Gaussian.of_features(each), REFERENCE) for each in pair] for pair in pairs]
    margin, wrong = float(np.mean([a - b for a, b in both])), 0
    for _ in range(simulations):
        found = frechet_difference(*_sets(rng, model), REFERENCE)
        assert found.interval is not None
        half = (found.interval.high - found.interval.low) / 2
        wrong += equivalence(found.difference, half, N, margin, caution=2).within
    return wrong / simulations


def test_means_at_the_margin_are_called_the_same_in_5_of_100() -> None:
    assert errs_of_means(500, 3) <= too_often(500)


@pytest.mark.proof
def test_1000_means_at_the_margin_are_called_the_same_in_5_of_100() -> None:
    assert errs_of_means(1000, 4) <= too_often(1000)


@pytest.mark.proof
@pytest.mark.parametrize("model", MODELS)
def test_1000_distances_at_the_margin_are_called_the_same_in_5_of_100(model: str) -> None:
    share = errs_of_distances(1000, 4, model)
    print(f"{model}: {share:.3f} of 1,000 pairs at the margin are called the same")
    assert share <= too_often(1000)
