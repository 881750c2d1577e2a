"""Gaussians from features and files: batches change nothing, damaged input is refused."""

from pathlib import Path

import numpy as np
import pytest

from metrics.errors import MetricInputError
from metrics.frechet.distance import frechet_distance
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
    for n in (0, 1, -3, 2.5, [5, 5]):
        np.savez(path, mu=np.zeros(2), sigma=np.eye(2), n=np.asarray(n))
        with pytest.raises(MetricInputError, match="at least 2 images"):
            read_statistics(path)
    for content in (b"", b"not a zip file", path.read_bytes()[:100]):
        path.write_bytes(content)
        with pytest.raises(MetricInputError, match=r"bad\.npz"):
            read_statistics(path)


def _rank_deficient(dtype: type, n: int = 20, d: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of fewer images than dimensions, rounded to `dtype`."""
    features = np.random.default_rng(3).random((n, d))
    return features.mean(axis=0).astype(dtype), np.cov(features, rowvar=False).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_rounding_leaves_below_zero_passes(dtype: type, tmp_path: Path) -> None:
    mean, covariance = _rank_deficient(dtype)
    assert np.linalg.eigvalsh(covariance.astype(np.float64))[0] < 0
    np.savez(tmp_path / "x.npz", mu=mean, sigma=covariance, n=20)
    read = read_statistics(tmp_path / "x.npz")
    assert read.n == 20
    features = np.random.default_rng(4).random((90, 64))
    ours, exact = Gaussian.of_features(features), Gaussian(20, *_rank_deficient(np.float64), None)
    assert frechet_distance(ours, read) == pytest.approx(frechet_distance(ours, exact), rel=1e-3)


def test_the_bound_is_that_of_the_stored_precision() -> None:
    mean, covariance = _rank_deficient(np.float64)
    values, vectors = np.linalg.eigh(covariance)
    for dtype in (np.float32, np.float64):
        bound = 64 * float(np.finfo(dtype).eps) * values[-1]
        for share, passes in ((0.5, True), (2.5, False)):
            values[0] = -share * bound
            sigma = (vectors * values @ vectors.T).astype(dtype)
            if passes:
                Gaussian(0, mean, sigma, None)
            else:
                with pytest.raises(MetricInputError, match="no covariance: its eigenvalues reach from -"):
                    Gaussian(0, mean, sigma, None)


def _with(covariance: np.ndarray, row: int, column: int, value: complex) -> np.ndarray:
    changed = covariance.astype(np.result_type(covariance, type(value)))
    changed[row, column] = value
    return changed


FULL = np.cov(np.random.default_rng(5).random((50, 4)), rowvar=False)


@pytest.mark.parametrize(
    ("mean", "sigma", "message"),
    [
        (np.zeros(4), -FULL, "eigenvalues reach from -"),
        (np.zeros(4), FULL - np.trace(FULL) * np.eye(4) / 4, "eigenvalues reach from -"),
        (np.zeros(4), np.diag([1.0, 1.0, 1.0, -0.01]), "eigenvalues reach from -0.01 to 1"),
        (np.zeros(4), FULL.astype(complex), "sigma holds complex128"),
        (np.zeros(4, dtype=complex), FULL, "mu holds complex128"),
        (np.zeros(4), _with(FULL, 1, 1, np.inf), "NaN or infinity"),
        (np.zeros(4), _with(FULL, 0, 1, FULL[1, 0] + 0.01), "not symmetric"),
        (np.zeros(4), FULL.astype(np.float16), "sigma holds float16"),
        (np.zeros(4), FULL[:3, :3], "shape"),
        (np.zeros((4, 1)), FULL, "shape"),
        (np.zeros(0), np.zeros((0, 0)), "shape"),
    ],
)
def test_what_is_no_covariance_is_refused_in_a_file_and_in_the_api(
    mean: np.ndarray, sigma: np.ndarray, message: str, tmp_path: Path
) -> None:
    with pytest.raises(MetricInputError, match=message):
        Gaussian(0, mean, sigma, None)
    np.savez(tmp_path / "x.npz", mu=mean, sigma=sigma)
    with pytest.raises(MetricInputError, match=rf"x\.npz is no set of statistics: .*{message}.*"):
        read_statistics(tmp_path / "x.npz")


def test_a_gaussian_says_what_else_it_cannot_be() -> None:
    for n in (1, -1):
        with pytest.raises(MetricInputError, match=f"statistics of {n} images"):
            Gaussian(n, np.zeros(4), FULL, None)
    for covariance, factor in ((None, None), (FULL, FULL)):
        with pytest.raises(MetricInputError, match="either a covariance or its factor"):
            Gaussian(0, np.zeros(4), covariance, factor)
    for factor, message in ((np.ones((3, 2)), "shape"), (np.full((4, 2), np.nan), "NaN")):
        with pytest.raises(MetricInputError, match=message):
            Gaussian(0, np.zeros(4), None, factor)


def test_a_stream_keeps_no_buffer_of_the_caller() -> None:
    rows = np.random.default_rng(7).random((6, 40))
    stream, buffer = FeatureStream(40), np.empty((3, 40))
    for part in (rows[:3], rows[3:]):
        buffer[:] = part
        stream.add(buffer)
    buffer[:] = 1e3
    assert frechet_distance(stream.gaussian(), Gaussian.of_features(rows)) == pytest.approx(0, abs=1e-9)


def test_features_that_are_no_real_numbers_are_refused() -> None:
    for features in (np.ones((3, 2), dtype=complex), np.ones((3, 2), dtype=object), np.ones((3, 2), dtype=bool)):
        for take in (FeatureStream(2).add, Moments.of, Gaussian.of_features):
            with pytest.raises(MetricInputError, match=f"{features.dtype}, and real numbers"):
                take(features)
    with pytest.raises(MetricInputError, match=r"table \(n, D\), not of shape \(3,\)"):
        Gaussian.of_features(np.ones(3))
