"""Inception Score: its formula, the peer, and the jackknife by computing anew."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from metrics import inception_score
from metrics.errors import MetricInputError
from metrics.inception_score import inception_score_of_splits, inception_score_result
from metrics.statistics.prompt_units import jackknife_variance, t_around
from metrics.statistics.result import MetricResult


def _logits(seed: int, n: int = 60, classes: int = 20, spread: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, classes)) * spread


def _score(logits: np.ndarray, prompts: np.ndarray | None = None) -> MetricResult:
    return inception_score_result(logits, prompts=prompts)


def _plain(logits: np.ndarray) -> float:
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return math.exp(np.mean([entropy(row, p.mean(axis=0)) for row in p]))


def test_equals_the_plain_formula() -> None:
    logits = _logits(0)
    assert _score(logits).value == pytest.approx(_plain(logits), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_torch_fidelity_without_splits_and_with(dtype: type) -> None:
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

    logits = _logits(1, 203, 1008).astype(dtype)
    features = torch.from_numpy(logits)
    whole = isc_features_to_metric(features, splits=1, shuffle=False)
    assert _score(logits).value == pytest.approx(whole[KEY_METRIC_ISC_MEAN], rel=1e-6)
    peer = isc_features_to_metric(features)
    mean, deviation = inception_score_of_splits(logits)
    assert mean == pytest.approx(peer[KEY_METRIC_ISC_MEAN], rel=1e-6)
    assert deviation == pytest.approx(peer[KEY_METRIC_ISC_STD], rel=1e-6)
    in_order = isc_features_to_metric(features, splits=7, shuffle=False)
    assert inception_score_of_splits(logits, splits=7, seed=None)[0] == pytest.approx(
        in_order[KEY_METRIC_ISC_MEAN], rel=1e-6
    )
    assert mean < 0.9 * _score(logits).value  # the named disagreement: splits score fewer images at a time


def test_sure_logits_have_a_score_where_the_peer_gives_nan() -> None:
    """The named disagreement: the peer takes the logarithm of a mean probability that is 0 in float64."""
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

    logits = np.zeros((4, 3))
    logits[[0, 1], 0] = logits[[2, 3], 1] = 2000.0
    assert math.isnan(isc_features_to_metric(torch.from_numpy(logits), splits=1)[KEY_METRIC_ISC_MEAN])
    assert _score(logits).value == pytest.approx(2.0)


def test_its_range_ends_at_1_and_at_the_number_of_classes() -> None:
    assert _score(np.tile(_logits(2, 1), (9, 1))).value == pytest.approx(1.0)
    assert _score(np.eye(12) * 500).value == pytest.approx(12.0)


@pytest.mark.parametrize("sizes", [[1] * 9, [2, 5, 1, 4, 3]])
def test_the_interval_is_a_jackknife_over_prompts_on_the_logarithm(sizes: list[int]) -> None:
    prompts = np.random.default_rng(3).permutation(np.repeat(np.arange(len(sizes)) * 5, sizes))
    logits = _logits(3, len(prompts))
    without = np.array([math.log(_plain(logits[prompts != g])) for g in np.unique(prompts)])
    result = _score(logits, prompts)
    expected = t_around(math.log(_plain(logits)), jackknife_variance(without), len(sizes), "", low=0.0)
    assert result.interval is not None
    assert expected is not None
    assert result.interval.low == pytest.approx(math.exp(expected.low), rel=1e-9)
    assert result.interval.high == pytest.approx(math.exp(expected.high), rel=1e-9)
    bias = result.value * (len(sizes) - 1) * (without.mean() - math.log(_plain(logits)))
    assert bias < 0
    assert f"finite-sample bias about {bias:+.3g} (jackknife)" in result.note


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_order_and_block_size_change_nothing_and_the_point_is_inside(seed: int, n: int) -> None:
    logits = _logits(seed % 1000, n, 5)
    random = np.random.default_rng(seed)
    prompts, order = random.integers(0, 6, n), random.permutation(n)
    one = _score(logits, prompts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inception_score, "BLOCK", int(random.integers(1, 100)))
        other = _score(logits[order], prompts[order])
    assert other.value == pytest.approx(one.value, rel=1e-12)
    assert (one.interval is None) == (other.interval is None) == (len(set(prompts)) < 3)
    if one.interval is not None and other.interval is not None:
        assert other.interval.low == pytest.approx(one.interval.low, rel=1e-9)
        assert 1 <= one.interval.low <= one.value <= one.interval.high


def test_bad_logits_and_splits_are_refused() -> None:
    with pytest.raises(MetricInputError, match="at least 2"):
        _score(_logits(4, 1))
    with pytest.raises(MetricInputError, match="logits hold NaN or infinity in row 0"):
        _score(np.full((3, 3), np.nan))
    with pytest.raises(MetricInputError, match="choose from 1 to 60"):
        inception_score_of_splits(_logits(5), splits=61)
