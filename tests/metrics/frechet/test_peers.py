"""The Fréchet distance against the installed suites on the same statistics, and where and why they leave each other.

Full rank: 1e-6 relative. Rank-deficient: 1e-5, or the disagreement has a name here.
"""

import contextlib
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.metrics_speed.frechet import SUITES
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian

PACKAGES = {
    "scipy.linalg.sqrtm": "scipy",
    "pytorch-fid": "pytorch_fid",
    "clean-fid": "cleanfid",
    "torch-fidelity": "torch_fidelity",
    "torchmetrics": "torchmetrics",
}
ROOT = ("scipy.linalg.sqrtm", "pytorch-fid", "clean-fid")  # a root of the product itself
EIGENVALUES = ("torch-fidelity", "torchmetrics")  # the roots of the product's eigenvalues


def _features(seed: int, n: int, d: int) -> np.ndarray:
    """Never negative and skewed, as pool features are; condition number of the covariance about 1e4."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(d, d)) * np.exp(-np.arange(d) * 3 / d)[:, None]
    return np.maximum(random.normal(size=(n, d)) @ mixing + 0.2 * seed, 0)


def _theirs(suite: str) -> Callable[[np.ndarray, np.ndarray], float]:
    pytest.importorskip(PACKAGES[suite])

    def distance(x: np.ndarray, y: np.ndarray) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an argument that scipy 1.18 removes; singular matrices
            return SUITES[suite]((x.mean(axis=0), np.cov(x, rowvar=False)), (y.mean(axis=0), np.cov(y, rowvar=False)))

    return distance


def _ours(x: np.ndarray, y: np.ndarray) -> float:
    return frechet_distance(Gaussian.of_features(x), Gaussian.of_features(y))


@pytest.mark.parametrize("suite", PACKAGES)
@pytest.mark.parametrize(("n", "m", "d"), [(40, 400, 8), (300, 200, 64), (500, 700, 192)])
def test_full_rank(suite: str, n: int, m: int, d: int) -> None:
    x, y = _features(1, n, d), _features(2, m, d)
    assert _theirs(suite)(x, y) == pytest.approx(_ours(x, y), rel=1e-6)


@pytest.mark.parametrize("suite", EIGENVALUES)
@pytest.mark.parametrize(("n", "m"), [(20, 300), (300, 20), (20, 30)])
def test_rank_deficient(suite: str, n: int, m: int) -> None:
    x, y = _features(1, n, 64), _features(2, m, 64)
    assert _theirs(suite)(x, y) == pytest.approx(_ours(x, y), rel=1e-5)


@pytest.mark.parametrize("suite", ROOT)
@pytest.mark.parametrize(("n", "m"), [(20, 300), (300, 20), (20, 30)])
def test_rank_deficient_roots_agree_or_fail_openly(suite: str, n: int, m: int) -> None:
    """`rounded root`: the product has eigenvalues of -1e-16, whose roots are 1e-8 and may be imaginary: sqrtm is then
    exact to about 1e-5, or gives no finite matrix, upon which pytorch-fid and clean-fid add 1e-6 to the diagonals."""
    x, y = _features(1, n, 64), _features(2, m, 64)
    distance = _theirs(suite)
    refusal = contextlib.suppress(ValueError) if suite != "scipy.linalg.sqrtm" else contextlib.nullcontext()
    theirs = float("nan")
    with refusal:  # `Imaginary component`: pytorch-fid and clean-fid refuse
        theirs = distance(x, y)
    assert np.isnan(theirs) or theirs == pytest.approx(_ours(x, y), rel=1e-5)


def test_the_peers_jitter_moves_the_distance() -> None:
    """`eps on the diagonal`: 1e-6 on both, which pytorch-fid and clean-fid fall back to, lowers what they print."""
    x, y = _features(1, 20, 256) * 1e-2, _features(2, 30, 256) * 1e-2
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    eye = 1e-6 * np.eye(256)
    with_jitter = frechet_distance(Gaussian(0, x.mean(0), s1 + eye, None), Gaussian(0, y.mean(0), s2 + eye, None))
    with_jitter -= 2 * 256 * 1e-6  # they keep the traces of the covariances as they were
    assert with_jitter < _ours(x, y) * (1 - 1e-3)


def test_float32_statistics_are_another_distance() -> None:
    """`single precision`: torchmetrics keeps sums of uncentred products; in float32, features far from zero lose it."""
    torch = pytest.importorskip("torch")
    image = pytest.importorskip("torchmetrics.image.fid")
    x, y = _features(1, 400, 16) + 300, _features(2, 500, 16) + 300
    distances = {}
    for dtype in (torch.float32, torch.float64):
        statistics = []
        for features in (x, y):
            rows = torch.from_numpy(features).to(dtype)
            total, squares, n = rows.sum(0), rows.T @ rows, len(rows)
            mean = (total / n).unsqueeze(0)
            statistics += [mean.squeeze(0), (squares - n * mean.T @ mean) / (n - 1)]  # as its `compute` does
        distances[dtype] = float(image._compute_fid(*statistics))
    assert distances[torch.float64] == pytest.approx(_ours(x, y), rel=1e-6)
    assert distances[torch.float32] != pytest.approx(_ours(x, y), rel=1e-4)


def test_large_dimensions_take_another_solver_and_give_the_same() -> None:
    """From 1024 dimensions on the eigenvalues come from torch."""
    d = 1024
    random = np.random.default_rng(5)
    variances = random.uniform(0.5, 2, size=(2, d))
    rotation = np.linalg.qr(random.normal(size=(d, d)))[0]
    first, second = (rotation * v @ rotation.T for v in variances)
    ours = frechet_distance(Gaussian(0, np.zeros(d), first, None), Gaussian(0, np.zeros(d), second, None))
    assert ours == pytest.approx(np.sum((np.sqrt(variances[0]) - np.sqrt(variances[1])) ** 2), rel=1e-9)
