"""The Fréchet distance against closed forms, scipy's sqrtm and clean-fid, at full and at low rank."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from metrics.errors import MetricInputError
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian


def _gaussian(mean: np.ndarray, covariance: np.ndarray) -> Gaussian:
    return Gaussian(0, mean, covariance, None)


def _features(seed: int, n: int, d: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(n, d)) @ random.normal(size=(d, d)) / np.sqrt(d) + random.normal(size=d)


def _by_sqrtm(x: np.ndarray, y: np.ndarray) -> float:
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(s1 @ s2)
    return float(np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real)


def _as_covariance(x: np.ndarray) -> Gaussian:
    return _gaussian(x.mean(axis=0), np.cov(x, rowvar=False))


def test_equal_covariances_leave_the_means() -> None:
    covariance = np.cov(_features(0, 50, 6), rowvar=False)
    shift = np.arange(6.0)
    distance = frechet_distance(_gaussian(np.zeros(6), covariance), _gaussian(shift, covariance))
    assert distance == pytest.approx(float(shift @ shift), rel=1e-10)


def test_diagonal_covariances_have_a_closed_form() -> None:
    a, b = np.array([1.0, 4.0, 9.0]), np.array([16.0, 25.0, 0.25])
    expected = float(np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)) + 3.0
    distance = frechet_distance(_gaussian(np.zeros(3), np.diag(a)), _gaussian(np.ones(3), np.diag(b)))
    assert distance == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("d", [2, 16, 64])
def test_full_rank_equals_sqrtm_and_clean_fid(d: int) -> None:
    fid = pytest.importorskip("cleanfid.fid")
    x, y = _features(1, 4 * d, d), _features(2, 5 * d, d)
    ours = frechet_distance(Gaussian.of_features(x), Gaussian.of_features(y))
    assert ours == pytest.approx(_by_sqrtm(x, y), rel=1e-8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # clean-fid passes an argument that scipy 1.18 removes
        theirs = fid.frechet_distance(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    assert ours == pytest.approx(float(theirs), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(10, 12), (10, 100), (100, 10), (33, 33)])
def test_few_images_agree_with_their_full_covariances(n: int, m: int) -> None:
    """At low rank sqrtm itself is unsure, so the reference is the symmetric root of one covariance."""
    d = 32
    x, y = _features(3, n, d), _features(4, m, d)
    ours = frechet_distance(Gaussian.of_features(x), Gaussian.of_features(y))
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    values, vectors = np.linalg.eigh(s1)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    trace = np.sqrt(np.clip(np.linalg.eigvalsh(root @ s2 @ root), 0, None)).sum()
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(s1) + np.trace(s2) - 2 * trace
    assert ours == pytest.approx(float(expected), rel=1e-5)


def test_two_images_each_have_a_closed_form() -> None:
    """Covariances of rank one, u u^T and v v^T: the trace of the root is |u . v|."""
    u, v = np.array([3.0, 0.0, 4.0]), np.array([1.0, 2.0, 2.0])
    x, y = np.stack([u, -u]) / np.sqrt(2), np.stack([v, -v]) / np.sqrt(2)
    distance = frechet_distance(Gaussian.of_features(x), Gaussian.of_features(y))
    assert distance == pytest.approx(u @ u + v @ v - 2 * abs(u @ v), rel=1e-12)


def test_singular_covariances_warn_and_stay_exact() -> None:
    x, y = _features(5, 10, 24), _features(6, 12, 24)
    exact = frechet_distance(Gaussian.of_features(x), Gaussian.of_features(y))
    with pytest.warns(UserWarning, match="singular"):
        distance = frechet_distance(_zero_padded(x), _zero_padded(y))
    assert distance == pytest.approx(exact, rel=1e-5)


def _zero_padded(x: np.ndarray) -> Gaussian:
    """A dimension that never varies makes the covariance exactly singular."""
    return _as_covariance(np.column_stack([x, np.zeros(len(x))]))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31), n=st.integers(2, 30), m=st.integers(2, 30), d=st.integers(1, 12))
def test_never_negative_symmetric_and_zero_on_equal_sets(seed: int, n: int, m: int, d: int) -> None:
    a, b = Gaussian.of_features(_features(seed, n, d)), Gaussian.of_features(_features(seed + 1, m, d))
    scale = a.total_variance + b.total_variance
    forward, backward = frechet_distance(a, b), frechet_distance(b, a)
    assert forward >= 0
    assert forward == pytest.approx(backward, rel=1e-6, abs=1e-6 * scale)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6 * scale)


def test_statistics_of_another_network_are_refused() -> None:
    with pytest.raises(MetricInputError, match="another network"):
        frechet_distance(_gaussian(np.zeros(2), np.eye(2)), _gaussian(np.zeros(3), np.eye(3)))
