"""One number of two sets of the same prompts: their difference, paired by prompt."""

import math
from dataclasses import dataclass, replace

import numpy as np

from metrics.statistics.intervals import LEAST_UNITS, LEVEL, t_interval, t_quantile
from metrics.statistics.jackknife import Jackknife, paired_interval
from metrics.statistics.result import Interval

T_PAIRED = "t over prompts, paired"
AGREED = "Agresti and Min with t over prompts, paired: all prompts agree"
ANYWHERE = (-math.inf, math.inf)  # the range of a score that has no ends
EQUAL = 1e-9  # shares that are equal differ by so little in floating point


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
    """Two means over the same prompts, (n,) each, with the t interval of the paired values."""
    return PairedResult(float(a.mean()), float(b.mean()), _varying(t_interval(a - b, T_PAIRED)), len(a), note)


def paired_shares(a: np.ndarray, b: np.ndarray) -> PairedResult:
    """`paired_means` of values in [0, 1], whose interval has a width where all prompts agree, too.

    There it is Agresti and Min's (Statistics in Medicine 24, 2005), with t's quantile: two prompts more, of which half
    a one speaks for each set. None below 3 prompts.
    """
    found, differences = paired_means(a, b), a - b
    n = len(differences)
    if n < LEAST_UNITS or np.ptp(differences) > EQUAL:
        return found
    centre = n * found.difference / (n + 2)
    spread = (n * found.difference**2 + 1) / (n + 2) - centre**2
    margin = t_quantile(n) * math.sqrt(spread / (n + 2))
    low, high = min(found.difference, centre - margin), max(found.difference, centre + margin)
    return replace(found, interval=Interval(low, high, AGREED, LEVEL).within(-1, 1))


def paired_jackknives(a: Jackknife, b: Jackknife, method: str, ends: tuple[float, float] = ANYWHERE) -> PairedResult:
    """Two scores over all images, from their values without each prompt; `{units}` in the method are prompts.

    ends: of the score's range. Two scores that stay at one of them have no interval: nothing tells how far from it.
    """
    interval = _varying(paired_interval(a, b, method.format(units="prompts")))
    if interval is not None and interval.low == interval.high and a.value in ends:
        interval = None
    return PairedResult(a.value, b.value, interval, a.n)


def _varying(interval: Interval | None) -> Interval | None:
    """None for a difference that every prompt shows alike: hits of all against hits of none say nothing of others."""
    return None if interval is not None and interval.low == interval.high != 0 else interval
