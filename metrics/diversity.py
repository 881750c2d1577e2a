"""How much the samples of one prompt differ: mean pairwise distance and Vendi score (Friedman & Dieng 2023)."""

import numpy as np

from metrics.errors import MetricInputError
from metrics.statistics.intervals import t_interval
from metrics.statistics.prompt_units import PromptGroups, feature_table
from metrics.statistics.result import Interval, MetricResult
from metrics.statistics.vectors import unit

DEFINITIONS = {
    "pairwise_distance": "1 - cosine of two samples of a prompt, mean over its pairs, then over prompts",
    "vendi_score": "exp of the entropy of the eigenvalues of a prompt's matrix of cosines / samples; mean over prompts",
}
HIGHEST = {"pairwise_distance": 2.0, "vendi_score": np.inf}
LOWEST = {"pairwise_distance": 0.0, "vendi_score": 1.0}
METHOD = "t over prompts; prompts independent"


def diversity_results(features: np.ndarray, prompts: np.ndarray) -> dict[str, MetricResult]:
    """`pairwise_distance` in [0, 2] and `vendi_score` in [1, samples] of features (N, D); input as for `diversities`.

    Both are means over prompts, and n counts prompts; fewer than 3 have no interval.
    """
    return {
        metric: MetricResult(float(values.mean()), _interval(values, metric), len(values))
        for metric, values in diversities(features, prompts).items()
    }


def diversities(features: np.ndarray, prompts: np.ndarray) -> dict[str, np.ndarray]:
    """Both values of each prompt, (G,), of features (N, D).

    prompts: (N,), the prompt row of each image; every prompt needs at least 2 samples.
    """
    table = feature_table(features, "features")
    groups = PromptGroups.of(np.asarray(prompts), len(table))
    sizes = groups.sizes
    if sizes.min() < 2:
        raise MetricInputError(
            f"{int((sizes < 2).sum())} of {groups.count} prompts have fewer than 2 samples: diversity needs at least 2"
        )
    values = {metric: np.empty(groups.count) for metric in DEFINITIONS}
    for g in range(groups.count):
        samples = unit(table[groups.order[groups.start[g] : groups.start[g + 1]]])
        values["pairwise_distance"][g] = pairwise_distance(samples)
        values["vendi_score"][g] = vendi_score(samples)
    return values


def pairwise_distance(samples: np.ndarray) -> float:
    """Mean of 1 - cosine over all pairs of rows of length 1, (m, D), m >= 2; in [0, 2].

    By |sum of rows|^2 = m + 2 (sum of the pairs' cosines), about the mean so that equal samples keep their digits.
    """
    m = len(_of_length_1(samples))
    spread = samples - samples.mean(axis=0)
    return min(float(np.vdot(spread, spread)) / (m - 1), 2.0)


def vendi_score(samples: np.ndarray) -> float:
    """exp(-sum l log l), l the eigenvalues of the cosines of rows of length 1, (m, D), divided by m; in [1, m]."""
    samples = _of_length_1(samples)
    eigenvalues = np.linalg.eigvalsh(samples @ samples.T / len(samples))
    weights = np.clip(eigenvalues, 0, None)  # rounding leaves -1e-17
    entropy = -float(np.sum(weights * np.log(np.where(weights > 0, weights, 1.0))))
    return float(np.exp(np.clip(entropy, 0, np.log(len(samples)))))


def _of_length_1(samples: np.ndarray) -> np.ndarray:
    """The rows as they came. Raises MetricInputError for fewer than two, and for any that is longer or shorter."""
    if samples.ndim != 2 or len(samples) < 2 or not np.allclose(np.linalg.norm(samples, axis=1), 1, atol=1e-4):
        raise MetricInputError(f"samples of shape {samples.shape} are no table of 2 or more rows of length 1")
    return samples


def _interval(values: np.ndarray, metric: str) -> Interval | None:
    """Student's t over prompts, cut to the metric's range."""
    free = t_interval(values, METHOD)
    if free is None:
        return None
    return Interval(max(free.low, LOWEST[metric]), min(free.high, HIGHEST[metric]), METHOD)
