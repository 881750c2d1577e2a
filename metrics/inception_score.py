"""Inception Score (Salimans et al. 2016): exp of the mean divergence of an image's classes from the set's.

    IS = exp(mean_i KL(p_i || p)) = exp(H(p) - mean_i H(p_i)),   p_i = softmax(logits_i),  p = mean_i p_i

Over all images at once: the original code splits them, and the number of splits changes the value (Barratt & Sharma
2018).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError
from metrics.statistics.jackknife import Jackknife
from metrics.statistics.prompt_units import PromptGroups, feature_table, jackknife_variance, t_around
from metrics.statistics.result import Interval, MetricResult

BLOCK = 2**22  # probabilities held at once, 32 MB
DEFINITION = "exp of the mean KL divergence of an image's class probabilities from their mean; all images, no splits"
METHOD = "exp of t on the logarithm, jackknife over {}; {} independent"


def inception_score_result(logits: np.ndarray, *, prompts: np.ndarray | None = None) -> MetricResult:
    """`inception_score` of logits (N, C), in [1, C]; softmax is taken over all C columns.

    prompts: (N,), the prompt row of each image, the unit of the interval, with 3 or more; None: the images themselves.
    Few images score too low: their classes look less varied than they are. The note gives the jackknife's estimate of
    that bias.
    """
    table = feature_table(logits, "logits")
    groups = PromptGroups.of(prompts, len(table))
    classes = _Classes.of(table, groups)
    log_score = classes.log_score
    value = math.exp(log_score)
    interval, note = None, ""
    if groups.count >= 2:
        without = classes.log_scores_without(table, groups)
        around = t_around(log_score, jackknife_variance(without), groups.count, "", low=0.0)
        if around is not None:
            low, high = min(value, math.exp(around.low)), max(value, math.exp(around.high))
            interval = Interval(low, high, METHOD.format(groups.unit, groups.unit))
        bias = value * ((groups.count - 1) * (float(without.mean()) - log_score))
        note = f"finite-sample bias about {bias:+.3g} (jackknife)"
    return MetricResult(value, interval, len(table), note)


def inception_score_jackknife(logits: np.ndarray, prompts: np.ndarray | None = None) -> Jackknife:
    """`inception_score` of logits (N, C), and without each prompt: for the difference of two sets."""
    table = feature_table(logits, "logits")
    groups = PromptGroups.of(prompts, len(table))
    classes = _Classes.of(table, groups)
    without = np.exp(classes.log_scores_without(table, groups)) if groups.count > 1 else np.zeros(0)
    return Jackknife(math.exp(classes.log_score), without, len(table))


def inception_score_of_splits(logits: np.ndarray, *, splits: int = 10, seed: int | None = 2020) -> tuple[float, float]:
    """Mean and standard deviation over consecutive splits: torch-fidelity's convention, shuffle and default seed.

    seed: None leaves the images in their order. The deviation is no standard error: splits share the class mean's bias.
    """
    table = feature_table(logits, "logits")
    n = len(table)
    if not 1 <= splits <= n:
        raise MetricInputError(f"{n} images cannot be split in {splits}: choose from 1 to {n} splits")
    order = np.arange(n) if seed is None else np.random.RandomState(seed).permutation(n)
    scores = []
    for i in range(splits):
        part = table[order[i * n // splits : (i + 1) * n // splits]]
        scores.append(math.exp(_Classes.of(part, PromptGroups.of(None, len(part))).log_score))
    return float(np.mean(scores)), float(np.std(scores))


@dataclass(frozen=True)
class _Classes:
    """Of N images: the sum of their class probabilities (C,), and their entropies summed by prompt (G,)."""

    n: int
    total: np.ndarray
    entropies: np.ndarray

    @classmethod
    def of(cls, logits: np.ndarray, groups: PromptGroups) -> "_Classes":
        total, entropies = np.zeros(logits.shape[1]), np.zeros(groups.count)
        for prompts, probabilities, entropy in _by_prompt(logits, groups):
            total += probabilities.sum(axis=0)
            entropies[prompts] = entropy
        return cls(len(logits), total, entropies)

    @property
    def log_score(self) -> float:
        return max(float(_entropy(self.total / self.n)) - float(self.entropies.sum()) / self.n, 0.0)

    def log_scores_without(self, logits: np.ndarray, groups: PromptGroups) -> np.ndarray:
        """The logarithm of the score without each prompt, (G,)."""
        without = np.empty(groups.count)
        for prompts, probabilities, entropy in _by_prompt(logits, groups):
            left = (self.n - groups.sizes[prompts]).astype(np.float64)
            mean = np.clip(self.total - probabilities, 0, None) / left[:, None]
            without[prompts] = _entropy(mean) - (self.entropies.sum() - entropy) / left
        return without


def _by_prompt(logits: np.ndarray, groups: PromptGroups) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Blocks of whole prompts: which, their summed probabilities (g, C), and their summed entropies (g,)."""
    rows = max(1, BLOCK // logits.shape[1])
    first = 0
    while first < groups.count:
        begin = groups.start[first]
        last = max(first + 1, int(np.searchsorted(groups.start, begin + rows, side="right")) - 1)
        last = min(last, groups.count)
        block = np.asarray(logits[groups.order[begin : groups.start[last]]], dtype=np.float64)
        shifted = block - block.max(axis=1, keepdims=True)
        weights = np.exp(shifted)
        sums = weights.sum(axis=1, keepdims=True)
        probabilities = weights / sums
        entropies = np.log(sums[:, 0]) - np.einsum("nc,nc->n", probabilities, shifted)
        offsets = groups.start[first:last] - begin
        yield slice(first, last), np.add.reduceat(probabilities, offsets), np.add.reduceat(entropies, offsets)
        first = last


def _entropy(p: np.ndarray) -> np.ndarray:
    """-sum p log p over the last axis; 0 log 0 = 0."""
    return -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=-1)
