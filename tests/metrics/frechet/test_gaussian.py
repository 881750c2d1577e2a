"""Gaussians from features and files: batches change nothing, damaged input is refused."""

from pathlib import Path

import numpy as np
import pytest

from metrics.errors import MetricInputError
from metrics.frechet.gaussian import SLICE, FeatureStream, Gaussian, read_statistics, write_statistics
from metrics.frechet.moments import Moments


def _streamed(features: np.ndarray, batch: int) -> Gaussian:
    stream = FeatureStream(features.shape[1])
    for start in range(0, len(features), batch):
        stream.add(features[start : start + batch])
    return stream.gaussian()


@pytest.mark.parametrize("n", [2, 8, 9, SLICE - 1, SLICE, 2 * SLICE + 3])
def test_batches_of_any_size_give_the_same_bits(n: int) -> None:
    features = np.random.default_rng(n).random((n, 8)).astype(np.float32)
    whole = _streamed(features, n)
    for batch in (1, 7, SLICE + 1):
        part = _streamed(features, batch)
        assert part.n == n
        assert part.mean.tobytes() == whole.mean.tobytes()
        for mine, other in ((part.covariance, whole.covariance), (part.factor, whole.factor)):
            assert (mine is None) == (other is None)
            if mine is not None and other is not None:
                assert mine.tobytes() == other.tobytes()


@pytest.mark.parametrize("n", [5, 50])
def test_covariance_is_numpys_by_either_form(n: int) -> None:
    features = np.random.default_rng(1).random((n, 8))
    gaussian = Gaussian.of_features(features)
    assert (gaussian.factor is not None) == (n <= 8)
    covariance = gaussian.covariance if gaussian.factor is None else gaussian.factor @ gaussian.factor.T
    np.testing.assert_allclose(covariance, np.cov(features, rowvar=False), rtol=1e-10, atol=1e-12)
    assert gaussian.total_variance == pytest.approx(np.trace(np.cov(features, rowvar=False)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(MetricInputError, match="NaN or infinity"):
        FeatureStream(2).add(np.array([[0.0, bad]]))


def test_one_image_has_no_covariance() -> None:
    with pytest.raises(MetricInputError, match="at least 2 images"):
        Gaussian.of_features(np.ones((1, 3)))


def test_statistics_survive_a_file(tmp_path: Path) -> None:
    moments = Moments.of(np.random.default_rng(2).random((20, 4)))
    write_statistics(tmp_path / "stats.npz", moments)
    read = read_statistics(tmp_path / "stats.npz")
    assert read.n == 0
    assert read.covariance is not None
    np.testing.assert_array_equal(read.mean, moments.mean)
    np.testing.assert_array_equal(read.covariance, moments.covariance)


def test_files_that_hold_no_statistics_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros((3, 3)))  # one array, not the statistics' archive
    with pytest.raises(MetricInputError, match="`mu` and `sigma`"):
        read_statistics(path)
    cases: list[tuple[dict[str, np.ndarray], str]] = [
        ({"mu": np.zeros(3)}, "mu. and .sigma"),
        ({"mu": np.zeros(3), "sigma": np.eye(2)}, "shape"),
        ({"mu": np.zeros(2), "sigma": np.array([[1.0, 0.5], [0.0, 1.0]])}, "not symmetric"),
        ({"mu": np.array([0.0, np.nan]), "sigma": np.eye(2)}, "NaN"),
    ]
    for arrays, message in cases:
        np.savez(path, **arrays)  # type: ignore[arg-type]
        with pytest.raises(MetricInputError, match=message):
            read_statistics(path)
    for content in (b"", b"not a zip file", path.read_bytes()[:100]):
        path.write_bytes(content)
        with pytest.raises(MetricInputError, match=r"bad\.npz"):
            read_statistics(path)
