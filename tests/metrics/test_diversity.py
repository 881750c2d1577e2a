"""Diversity over the samples of a prompt: definitions, limits, and the t interval over prompts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.linalg import logm

from metrics.diversity import diversity_results, pairwise_distance, vendi_score
from metrics.errors import MetricInputError
from metrics.statistics.result import MetricResult


def _results(features: np.ndarray, prompts: object) -> tuple[MetricResult, MetricResult]:
    found = diversity_results(features, np.asarray(prompts))
    assert list(found) == ["pairwise_distance", "vendi_score"]
    return found["pairwise_distance"], found["vendi_score"]


def _samples(seed: int, m: int, d: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(m, d)) + 1


def _cosines(samples: np.ndarray) -> np.ndarray:
    rows = samples / np.linalg.norm(samples, axis=1, keepdims=True)
    return rows @ rows.T


@pytest.mark.parametrize("m", [2, 5, 9])
def test_pairwise_distance_is_the_mean_over_pairs(m: int) -> None:
    samples = _samples(0, m)
    distance, _ = _results(samples, [4] * m)
    assert distance.value == pytest.approx(1 - _cosines(samples)[np.triu_indices(m, 1)].mean(), rel=1e-12)


@pytest.mark.parametrize("m", [2, 4])
def test_vendi_is_the_exponential_of_the_von_neumann_entropy(m: int) -> None:
    """By the definition as a trace, -tr(K/m log K/m), with a matrix logarithm instead of eigenvalues."""
    samples = _samples(1, m)
    k = _cosines(samples) / m
    _, vendi = _results(samples, [0] * m)
    assert vendi.value == pytest.approx(float(np.exp(-np.trace(k @ logm(k)).real)), rel=1e-9)


def test_vendi_counts_the_different_samples() -> None:
    """Friedman & Dieng's reading: m copies count as 1, m orthogonal samples as m, two equal clusters as 2."""
    copies, different, clusters = np.ones((6, 6)), np.eye(6), np.eye(6)[[0, 0, 0, 1, 1, 1]]
    for samples, vendi_expected, distance_expected in ((copies, 1, 0), (different, 6, 1), (clusters, 2, 0.6)):
        distance, vendi = _results(samples, [0] * 6)
        assert vendi.value == pytest.approx(vendi_expected, abs=1e-9)
        assert distance.value == pytest.approx(distance_expected, abs=1e-12)


def test_opposite_samples_are_at_distance_2() -> None:
    assert _results(np.array([[1.0, 2.0], [-2.0, -4.0]]), [0, 0])[0].value == pytest.approx(2.0)


def test_means_and_intervals_are_over_prompts() -> None:
    sizes = [2, 5, 3, 8]
    parts = [_samples(seed, m) for seed, m in enumerate(sizes)]
    joined, prompts = np.concatenate(parts), np.repeat([9, 3, 7, 1], sizes)
    for column, result in enumerate(_results(joined, prompts)):
        each = np.array([_results(part, [0] * len(part))[column].value for part in parts])
        low, high = stats.t.interval(0.95, 3, loc=each.mean(), scale=stats.sem(each))
        assert result.value == pytest.approx(each.mean())
        assert result.n == 4
        assert result.interval is not None
        assert result.interval.low == pytest.approx(max(low, column))  # their ranges begin at 0 and 1
        assert result.interval.high == pytest.approx(high)


def test_one_prompt_has_no_interval() -> None:
    assert all(result.interval is None for result in _results(_samples(2, 4), [0] * 4))


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 6))
def test_order_scale_and_limits(seed: int, count: int, m: int) -> None:
    random = np.random.default_rng(seed)
    features = random.normal(size=(count * m, 4))
    prompts, order = np.repeat(np.arange(count), m), random.permutation(count * m)
    scales = random.uniform(0.1, 10, size=(count * m, 1))
    results = _results(features, prompts), _results((features * scales)[order], prompts[order])
    ranges = ((0.0, 2.0), (1.0, float(m)))
    for one, other, (lowest, highest) in zip(*results, ranges, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-9)
        assert lowest <= one.value <= highest
        if one.interval is not None:
            assert one.interval.low <= one.value <= one.interval.high


def test_prompts_with_one_sample_and_bad_rows_are_refused() -> None:
    with pytest.raises(MetricInputError, match="1 of 2 prompts have fewer than 2 samples"):
        _results(_samples(3, 3), [0, 0, 1])
    with pytest.raises(MetricInputError, match="NaN"):
        _results(np.full((2, 2), np.nan), [0, 0])
    with pytest.raises(MetricInputError, match="zero"):
        _results(np.zeros((2, 2)), [0, 0])


def test_rows_that_are_not_of_length_1_are_refused() -> None:
    for samples in (np.eye(3) * 2, np.eye(3)[:1], np.eye(3)[0]):
        for measure in (pairwise_distance, vendi_score):
            with pytest.raises(MetricInputError, match=r"2 or more rows of length 1"):
                measure(samples)
