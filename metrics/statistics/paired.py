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
    units: of a mean's interval, its degrees of freedom plus one where they are not n's.
    hopeless: n tells nothing of this number. doubtful: what is no noise may still be bias.
    """

    a: float
    b: float
    interval: Interval | None
    n: int
    note: str = ""
    hopeless: bool = False
    doubtful: bool = False
    units: float | None = None

    @property
    def difference(self) -> float:
        """a - b."""
        return self.a - self.b


def paired_means(a: np.ndarray, b: np.ndarray, note: str = "") -> PairedResult:
    """Two means over the same prompts, (n,) each, with the t interval of the paired values.

    None where every prompt shows the same difference: that says nothing of others.
    """
    varies = np.ptp(a - b) > EQUAL * max(np.abs(a).max(), np.abs(b).max())
    return PairedResult(float(a.mean()), float(b.mean()), t_interval(a - b, T_PAIRED) if varies else None, len(a), note)


def paired_shares(a: np.ndarray, b: np.ndarray) -> PairedResult:
    """`paired_means` of values in [0, 1], whose interval has a width where all prompts agree, too."""
    found = paired_means(a, b)
    if len(a) < LEAST_UNITS or np.ptp(a - b) > EQUAL:
        return found
    return replace(found, interval=agresti_min_interval(a - b, AGREED))


def agresti_min(differences: np.ndarray) -> tuple[float, float]:
    """Centre and variance for the mean of paired differences in [-1, 1], (n,), which have a width where all are alike.

    Two more are counted, of which half a one speaks for each set (Agresti and Min, Statistics in Medicine 24, 2005).
    """
    n = len(differences) + 2
    centre = float(differences.sum()) / n
    return centre, ((float(differences @ differences) + 1) / n - centre**2) / n


def agresti_min_interval(differences: np.ndarray, method: str) -> Interval:
    """`agresti_min` as an interval with t's quantile, which holds the mean itself; n is 3 or more."""
    centre, variance = agresti_min(differences)
    margin, mean = t_quantile(len(differences)) * math.sqrt(variance), float(differences.mean())
    return Interval(min(mean, centre - margin), max(mean, centre + margin), method, LEVEL).within(-1, 1)


def paired_jackknives(a: Jackknife, b: Jackknife, method: str) -> PairedResult:
    """Two scores over all images, from their values without each prompt; `{units}` in the method are prompts.

    A difference that is the same without each prompt has no interval: it says nothing of others.
    """
    interval = paired_interval(a, b, method.format(units="prompts"))
    if interval is not None and np.ptp(a.without - b.without) <= EQUAL * max(abs(a.value), abs(b.value)):
        interval = None
    return PairedResult(a.value, b.value, interval, a.n)


def zero_difference(found: PairedResult, method: str) -> PairedResult:
    """The difference of a set and itself: nothing, whatever its prompts agree on. method: of other differences."""
    return replace(found, interval=Interval(0.0, 0.0, method, LEVEL))
