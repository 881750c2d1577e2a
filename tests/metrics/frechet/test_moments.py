"""Moments: equal to numpy's, whatever the slices and their order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.errors import MetricInputError
from metrics.frechet.moments import Moments, merge_all


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(1, 39), max_size=5, unique=True),
    offset=st.floats(-1e4, 1e4),
)
def test_slices_merge_to_the_moments_of_the_whole(seed: int, cuts: list[int], offset: float) -> None:
    features = np.random.default_rng(seed).normal(offset, 1.0, (40, 5))
    slices = [Moments.of(part) for part in np.split(features, sorted(cuts))]
    merged = merge_all(slices)
    assert merged.n == 40
    np.testing.assert_allclose(merged.mean, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(merged.covariance, np.cov(features, rowvar=False), rtol=1e-9, atol=1e-10)
    backwards = merge_all(slices[::-1])
    np.testing.assert_allclose(backwards.covariance, merged.covariance, rtol=1e-9, atol=1e-10)


def test_the_same_slices_in_the_same_order_give_the_same_bits() -> None:
    parts = [Moments.of(part) for part in np.random.default_rng(0).random((6, 7, 4))]
    assert merge_all(parts).scatter.tobytes() == merge_all(parts).scatter.tobytes()


def test_float32_features_are_summed_in_float64() -> None:
    features = np.full((3, 1), 16777217.0) + np.array([[0.0], [1.0], [2.0]])
    assert Moments.of(features).covariance[0, 0] == pytest.approx(1.0)


def test_nothing_and_too_little_are_refused() -> None:
    with pytest.raises(MetricInputError, match="no features"):
        merge_all([])
    with pytest.raises(MetricInputError, match="at least one row"):
        Moments.of(np.empty((0, 3)))
    with pytest.raises(MetricInputError, match="at least 2"):
        _ = Moments.of(np.ones((1, 3))).covariance
