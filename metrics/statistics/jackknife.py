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
    images would be left. n: images. shares: (G,), each prompt's part of the images; None where all have as many.
    """

    value: float
    without: np.ndarray
    n: int
    shares: np.ndarray | None = None

    @property
    def bias(self) -> float:
        """How much of `value` is due to n being finite, to first order in 1/n (Quenouille 1956).

        Prompts of unequal size are weighted so that what is linear in the images leaves it (Busing, Meijer & van der
        Leeden 1999).
        """
        changes = self.without - self.value
        if self.shares is None:
            return (len(changes) - 1) * float(changes.mean())
        return float((1 - self.shares) @ changes)


def jackknife_interval(
    value: float,
    without: np.ndarray,
    method: str,
    least: float = -np.inf,
    beside: np.ndarray | None = None,
    pairs: np.ndarray | None = None,
) -> Interval | None:
    """Tukey's interval about `value` from the values without each unit, (G,); None when G < 3.

    Its variance is on average too large rather than too small, whatever the statistic (Efron & Stein 1981).
    least: the smallest value there can be. beside: the values without each unit of a second sample, (M,) with M >= 2,
    whose variance is added; degrees of freedom are then Satterthwaite's. pairs: (G,), for each unit the one of the
    second sample that it was drawn with, -1 for none: both count as one, and degrees of freedom are those of the
    smaller sample. Without it the samples are independent.
    """
    units = len(without)
    if units < LEAST_UNITS:
        return None
    variance, freedom = _variance(without), float(units - 1)
    if beside is not None and (theirs := _variance(beside)) > 0:
        if pairs is None:
            total = variance + theirs
            freedom = total**2 / (variance**2 / freedom + theirs**2 / (len(beside) - 1))
        else:
            total, freedom = _variance_of_pairs(without, beside, pairs), min(freedom, len(beside) - 1)
        variance = total
    margin = t_quantile(freedom + 1) * float(np.sqrt(variance))
    return Interval(max(value - margin, least), value + margin, method, LEVEL)


def _variance(without: np.ndarray) -> float:
    """Of the score, from its values without each of G units."""
    units = len(without)
    return float((units - 1) ** 2 / units * without.var(ddof=1))


def _variance_of_pairs(without: np.ndarray, beside: np.ndarray, pairs: np.ndarray) -> float:
    """Of the score of two samples, where units of the first (G,) were drawn with those of the second (M,)."""
    ours, theirs = ((values - values.mean()) * np.sqrt((len(values) - 1) / len(values)) for values in (without, beside))
    drawn = pairs >= 0
    np.add.at(theirs, pairs[drawn], ours[drawn])
    return float(theirs @ theirs + ours[~drawn] @ ours[~drawn])


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
