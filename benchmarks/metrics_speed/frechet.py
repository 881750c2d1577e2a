"""The Fréchet distance at 2048 dimensions from the same statistics: ours and the peers', in turns."""

import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.timing import Fastest, in_turns, neighbour
from drawbench.doctor.peers import FRECHET_DISTANCES, Statistics
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian

DIMENSION = 2048
IMAGES = 3 * DIMENSION
ROUNDS = 2


def report() -> str:
    """A text table of all suites, the ratio to ours in CPU time and in wall time."""
    import torch

    timings = measure(DIMENSION, IMAGES, ROUNDS)
    ours = timings["ours"]
    lines = [
        f"Fréchet distance, d = {DIMENSION}, float64 statistics of {IMAGES} images each; "
        f"{platform.machine()}, {torch.get_num_threads()} threads",
        f"{'':20} {'distance':>16} {'wall s':>8} {'CPU s':>8} {'wall x':>7} {'CPU x':>7}",
    ]
    lines += [
        f"{name:20} {t.value:16.10f} {t.wall:8.2f} {t.cpu:8.2f} {t.wall / ours.wall:7.1f} {t.cpu / ours.cpu:7.1f}"
        for name, t in timings.items()
    ]
    lines.append(_beside_a_neighbour(DIMENSION, IMAGES, 2 * ROUNDS))
    return "\n".join(lines) + "\n"


def measure(dimension: int, images: int, rounds: int) -> dict[str, Fastest]:
    """Every suite on the same statistics; ours first."""
    a, b = _statistics(0, dimension, images), _statistics(1, dimension, images)
    return in_turns({name: partial(distance, a, b) for name, distance in SUITES.items()}, rounds)


def _beside_a_neighbour(dimension: int, images: int, rounds: int) -> str:
    """Ours on a machine of its own and beside a process that works on one core, and on all: medians, and ratios.

    Where all cores are taken, one thread more gets a part of one by any scheduler: of two cores 2/3, so 1.5 times.
    """
    a, b = _statistics(0, dimension, images), _statistics(1, dimension, images)

    def median() -> float:
        seconds = []
        for _ in range(rounds):
            began = time.perf_counter()
            _ours(a, b)
            seconds.append(time.perf_counter() - began)
        return statistics.median(seconds)

    quiet, lines = median(), []
    for threads, where, aim in ((1, "one core", " (aim: 1.3)"), (None, "all cores", "")):
        with neighbour(threads):
            busy = median()
        ratio = f"{busy / quiet:.2f} times the quiet {quiet:.2f} s{aim}"
        lines.append(f"ours beside a process on {where}: {busy:.2f} s, {ratio}")
    return "\n".join(lines)


def _statistics(seed: int, dimension: int, images: int) -> Statistics:
    """Mean and covariance of features like Inception's: never negative, with variances that fall off."""
    random = np.random.default_rng(seed)
    fall = np.exp(-np.arange(dimension) * (4 + 0.1 * seed) / dimension)
    mixing = np.random.default_rng(7).normal(size=(dimension, dimension)) / np.sqrt(dimension) * fall[:, None]
    features = np.maximum(random.normal(size=(images, dimension)) @ mixing, 0)
    return features.mean(axis=0), np.cov(features, rowvar=False)


def _ours(a: Statistics, b: Statistics) -> float:
    return frechet_distance(Gaussian(0, *a, None), Gaussian(0, *b, None))


def _scipy(a: Statistics, b: Statistics) -> float:
    from scipy import linalg

    root = linalg.sqrtm(a[1] @ b[1])
    return float(np.sum((a[0] - b[0]) ** 2) + np.trace(a[1]) + np.trace(b[1]) - 2 * np.trace(root).real)


SUITES: dict[str, Callable[[Statistics, Statistics], float]] = {
    "ours": _ours,
    "scipy.linalg.sqrtm": _scipy,
    **FRECHET_DISTANCES,
}
