"""A score without each prompt in turn: intervals of one set, and of the difference of two sets of the same prompts."""

from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError
from metrics.statistics.intervals import LEAST_UNITS, LEVEL, t_quantile
from metrics.statistics.result import Interval

PAIRED = "jackknife over {units}, paired"
PAIRED_TO_REFERENCES = f"{PAIRED}, references fixed"


@dataclass(frozen=True)
class Jackknife:
    """A score of a set, and of the set without each prompt.

    value: the score of the whole set. without: (G,), in ascending order of the prompts' numbers; empty where too few
    images would be left. n: images.
    """

    value: float
    without: np.ndarray
    n: int

    @property
    def bias(self) -> float:
        """How much of `value` is due to n being finite, to first order in 1/n (Quenouille 1956)."""
        return (len(self.without) - 1) * (float(self.without.mean()) - self.value)


def jackknife_interval(value: float, without: np.ndarray, method: str, least: float = -np.inf) -> Interval | None:
    """Tukey's interval about `value` from the values without each unit, (G,); None when G < 3.

    Its variance is on average too large rather than too small, whatever the statistic (Efron & Stein 1981).
    least: the smallest value there can be.
    """
    units = len(without)
    if units < LEAST_UNITS:
        return None
    error = float(np.sqrt((units - 1) ** 2 / units * without.var(ddof=1)))
    margin = t_quantile(units) * error
    return Interval(max(value - margin, least), value + margin, method, LEVEL)


def paired_interval(a: Jackknife, b: Jackknife, method: str) -> Interval | None:
    """The interval of a - b for two sets of the same prompts; None below 3 prompts, or without their values.

    A prompt is left out of both sets at once, so that what makes it easy or hard for both leaves the interval.
    Raises MetricInputError for sets of different numbers of images.
    """
    if a.n != b.n:
        raise MetricInputError(f"the sets hold {a.n} and {b.n} images: a paired difference needs equal numbers")
    if len(a.without) != len(b.without):
        return None
    return jackknife_interval(a.value - b.value, a.without - b.without, method)
