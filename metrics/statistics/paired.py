"""One number of two sets of the same prompts: their difference, paired by prompt."""

from dataclasses import dataclass

import numpy as np

from metrics.statistics.intervals import t_interval
from metrics.statistics.jackknife import Jackknife, paired_interval
from metrics.statistics.result import Interval

T_PAIRED = "t over prompts, paired"


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


def paired_jackknives(a: Jackknife, b: Jackknife, method: str) -> PairedResult:
    """Two scores over all images, from their values without each prompt; `{units}` in the method are prompts."""
    return PairedResult(a.value, b.value, _varying(paired_interval(a, b, method.format(units="prompts"))), a.n)


def _varying(interval: Interval | None) -> Interval | None:
    """None for a difference that every prompt shows alike: hits of all against hits of none say nothing of others."""
    return None if interval is not None and interval.low == interval.high != 0 else interval
