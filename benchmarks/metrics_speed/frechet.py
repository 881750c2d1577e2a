"""The Fréchet distance at 2048 dimensions from the same statistics: ours and the peers', one after the other.

CPU seconds are given beside wall time, because other work on the machine lengthens only the latter.
"""

import platform
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO

import numpy as np

from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian

DIMENSION = 2048
IMAGES = 3 * DIMENSION
ROUNDS = 2  # the faster one counts, for each suite alike
Statistics = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Timing:
    """One suite's distance and the seconds of its fastest round."""

    name: str
    distance: float
    wall: float
    cpu: float


def report() -> str:
    """A text table of all suites, the ratio to ours in CPU time and in wall time."""
    import torch

    timings = measure(DIMENSION, IMAGES, ROUNDS)
    ours = timings[0]
    lines = [
        f"Fréchet distance, d = {DIMENSION}, float64 statistics of {IMAGES} images each; "
        f"{platform.machine()}, {torch.get_num_threads()} threads",
        f"{'':20} {'distance':>16} {'wall s':>8} {'CPU s':>8} {'wall x':>7} {'CPU x':>7}",
    ]
    lines += [
        f"{t.name:20} {t.distance:16.10f} {t.wall:8.2f} {t.cpu:8.2f} {t.wall / ours.wall:7.1f} {t.cpu / ours.cpu:7.1f}"
        for t in timings
    ]
    return "\n".join(lines) + "\n"


def measure(dimension: int, images: int, rounds: int) -> list[Timing]:
    """Every suite on the same statistics; ours first."""
    a, b = _statistics(0, dimension, images), _statistics(1, dimension, images)
    return [_timed(name, distance, a, b, rounds) for name, distance in SUITES.items()]


def _statistics(seed: int, dimension: int, images: int) -> Statistics:
    """Mean and covariance of features like Inception's: never negative, with variances that fall off."""
    random = np.random.default_rng(seed)
    fall = np.exp(-np.arange(dimension) * (4 + 0.1 * seed) / dimension)
    mixing = np.random.default_rng(7).normal(size=(dimension, dimension)) / np.sqrt(dimension) * fall[:, None]
    features = np.maximum(random.normal(size=(images, dimension)) @ mixing, 0)
    return features.mean(axis=0), np.cov(features, rowvar=False)


def _timed(
    name: str, distance: Callable[[Statistics, Statistics], float], a: Statistics, b: Statistics, rounds: int
) -> Timing:
    walls, cpus, value = [], [], 0.0
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")  # peers pass an argument that scipy 1.18 removes
            value = distance(a, b)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return Timing(name, value, min(walls), min(cpus))


def _ours(a: Statistics, b: Statistics) -> float:
    return frechet_distance(Gaussian(0, *a, None), Gaussian(0, *b, None))


def _scipy(a: Statistics, b: Statistics) -> float:
    from scipy import linalg

    root = linalg.sqrtm(a[1] @ b[1])
    return float(np.sum((a[0] - b[0]) ** 2) + np.trace(a[1]) + np.trace(b[1]) - 2 * np.trace(root).real)


def _pytorch_fid(a: Statistics, b: Statistics) -> float:
    from pytorch_fid.fid_score import calculate_frechet_distance

    return float(calculate_frechet_distance(*a, *b))


def _clean_fid(a: Statistics, b: Statistics) -> float:
    from cleanfid.fid import frechet_distance as theirs

    return float(theirs(*a, *b))


def _torch_fidelity(a: Statistics, b: Statistics) -> float:
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    first, second = ({"mu": mean, "sigma": covariance} for mean, covariance in (a, b))
    return float(fid_statistics_to_metric(first, second, False)[KEY_METRIC_FID])


def _torchmetrics(a: Statistics, b: Statistics) -> float:
    import torch
    from torchmetrics.image.fid import _compute_fid

    return float(_compute_fid(*(torch.from_numpy(each) for each in (*a, *b))))


SUITES: dict[str, Callable[[Statistics, Statistics], float]] = {
    "ours": _ours,
    "scipy.linalg.sqrtm": _scipy,
    "pytorch-fid": _pytorch_fid,
    "clean-fid": _clean_fid,
    "torch-fidelity": _torch_fidelity,
    "torchmetrics": _torchmetrics,
}
