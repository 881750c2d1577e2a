"""One number of two sets of the same prompts: their difference, paired by prompt."""

import math
from dataclasses import dataclass, replace

import numpy as np

from metrics.statistics.intervals import LEAST_UNITS, LEVEL, t_interval, t_quantile
from metrics.statistics.jackknife import Jackknife, paired_interval
from metrics.statistics.result import Interval

T_PAIRED = "t over prompts, paired"
OVER_GROUPS_PAIRED = "t over the prompts of each task, paired"
AGREED = "Agresti and Min with t over prompts, paired: all prompts agree"
MEANS = (T_PAIRED, AGREED, OVER_GROUPS_PAIRED)  # methods of the intervals of paired means
EQUAL = 1e-9  # numbers that are equal differ by so little, of their size, in floating point


@dataclass(frozen=True)
class PairedResult:
    """A number of both sets, and the interval of a - b.

    n: prompts behind a mean, or images behind a distance, of each set. note: what must be known.
    hopeless: n tells nothing of this number. doubtful: what is no noise may still be bias.
    """

    a: float
    b: float
    interval: Interval | None
    n: int
    note: str = ""
    hopeless: bool = False
    doubtful: bool = False

    @property
    def difference(self) -> float:
        """a - b."""
        return self.a - self.b


def paired_means(a: np.ndarray, b: np.ndarray, note: str = "") -> PairedResult:
    """Two means over the same prompts, (n,) each, with the t interval of the paired values.

    None where every prompt shows one difference other than 0: that says nothing of others.
    """
    interval = t_interval(a - b, T_PAIRED)
    if not (a == b).all() and np.ptp(a - b) <= EQUAL * max(np.abs(a).max(), np.abs(b).max()):
        interval = None
    return PairedResult(float(a.mean()), float(b.mean()), interval, len(a), note)


def paired_shares(a: np.ndarray, b: np.ndarray) -> PairedResult:
    """`paired_means` of values in [0, 1], whose interval has a width where all prompts agree, too.

    There it is Agresti and Min's, with t's quantile; see `agreed`. None below 3 prompts.
    """
    found, n = paired_means(a, b), len(a)
    if n < LEAST_UNITS or np.ptp(a - b) > EQUAL:
        return found
    centre, variance = agreed(found.difference, n)
    margin = t_quantile(n) * math.sqrt(variance)
    low, high = min(found.difference, centre - margin), max(found.difference, centre + margin)
    return replace(found, interval=Interval(low, high, AGREED, LEVEL).within(-1, 1))


def agreed(difference: float, n: int) -> tuple[float, float]:
    """Centre and variance for a difference of two shares, in [-1, 1], that all of n prompts show.

    Two prompts more, of which half a one speaks for each set (Agresti and Min, Statistics in Medicine 24, 2005).
    """
    centre = n * difference / (n + 2)
    return centre, ((n * difference**2 + 1) / (n + 2) - centre**2) / (n + 2)


def paired_jackknives(a: Jackknife, b: Jackknife, method: str, alike: bool = False) -> PairedResult:
    """Two scores over all images, from their values without each prompt; `{units}` in the method are prompts.

    alike: whether both sets are the same images, whose difference is 0 for certain. Otherwise a difference that is the
    same without each prompt has no interval: it says nothing of others.
    """
    interval = paired_interval(a, b, method.format(units="prompts"))
    if interval is not None and not alike:
        rounding = EQUAL * max(abs(a.value), abs(b.value))
        interval = interval if np.ptp(a.without - b.without) > rounding else None
    return PairedResult(a.value, b.value, interval, a.n)
