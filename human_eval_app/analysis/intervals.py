"""95% intervals and tests from clustered variances: inside the possible range, and around the estimate.

A rate's interval is symmetric on the logit scale, a net preference's on the scale of atanh, which is the same for
(1 + net) / 2. Simulated studies chose them: symmetric intervals on the rate's own scale leave [0, 1], and miss rates
below 10% up to four times as often as they claim (docs/decisions.md has the figures).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from drawbench.results.scores import Interval
from human_eval_app.analysis.two_way import Estimate

LEVEL = 0.95
POWER = 0.8
TWO_WAY = "two-way clustered by prompt and rater, logit scale, Satterthwaite t"
TWO_WAY_NET = "two-way clustered by prompt and rater, atanh scale, Satterthwaite t"
TWO_WAY_PLAIN = "two-way clustered by prompt and rater, Satterthwaite t"
ALIKE = "all votes alike: Wilson, with as many votes as there are prompts or raters, whichever are fewer"
POOLED = "pooled Wilson: takes all votes as independent, which they are not"


@dataclass(frozen=True)
class Bounds:
    """Intervals of K estimates, arrays of shape (K,), in the estimates' own unit; NaN where there is none."""

    low: np.ndarray
    high: np.ndarray


def share_bounds(estimate: Estimate) -> Bounds:
    """Intervals of shares in [0, 1]."""
    from scipy.special import expit, logit

    share = np.clip(estimate.value, 0, 1)
    inside = _inside(estimate, share)
    safe = np.where(inside, share, 0.5)
    margin = _quantile(estimate) * np.sqrt(estimate.variance) / (safe * (1 - safe))
    wilson = wilson_bounds(share, np.full_like(share, estimate.units))
    low = np.where(inside, expit(logit(safe) - margin), np.where(_known(estimate), wilson.low, np.nan))
    high = np.where(inside, expit(logit(safe) + margin), np.where(_known(estimate), wilson.high, np.nan))
    return Bounds(np.minimum(low, share), np.maximum(high, share))


def net_bounds(estimate: Estimate) -> Bounds:
    """Intervals of net preferences in [-1, 1]."""
    share = share_bounds(_as_share(estimate))
    return Bounds(2 * share.low - 1, 2 * share.high - 1)


def net_p_values(estimate: Estimate) -> np.ndarray:
    """Two-sided p-values of `no net preference`, (K,): below 0.05 exactly where the interval leaves out zero."""
    from scipy.special import logit, ndtr, stdtr

    share = _as_share(estimate)
    inside = _inside(share, share.value)
    safe = np.where(inside, share.value, 0.5)
    error = np.where(inside, np.sqrt(share.variance), 1.0)
    statistic = np.abs(logit(safe)) * safe * (1 - safe) / error
    clustered = 2 * stdtr(np.where(inside, share.degrees, 1.0), -statistic)
    alike = 2 * ndtr(-np.abs(2 * share.value - 1) * math.sqrt(share.units))
    return np.where(inside, clustered, np.where(_known(share), alike, np.nan))


def plain_bounds(estimate: Estimate) -> Bounds:
    """Intervals of means without a range, symmetric."""
    margin = _quantile(estimate) * np.sqrt(estimate.variance)
    return Bounds(estimate.value - margin, estimate.value + margin)


def detectable(estimate: Estimate) -> np.ndarray:
    """The smallest net preference that a study as wide as this one finds with 80% power, (K,), in [0, 1].

    NaN where it is unknown, and where it would be 1 or more: a study so small finds none.
    """
    from scipy.special import stdtrit

    known = _known(estimate) & (estimate.variance > 0)
    degrees = np.where(known, estimate.degrees, 1.0)
    quantiles = stdtrit(degrees, 0.5 + LEVEL / 2) + stdtrit(degrees, POWER)
    smallest = np.where(known, quantiles * np.sqrt(estimate.variance), np.nan)
    return np.where(smallest < 1, smallest, np.nan)


def wilson_bounds(share: np.ndarray, n: np.ndarray) -> Bounds:
    """Wilson's intervals of shares (K,) of n (K,) votes taken as independent, with the normal quantile.

    The interval of `metrics` is of one proportion with a variance of its own, and with Student's quantile.
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + LEVEL / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    margin = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Bounds(np.minimum(np.maximum(centre - margin, 0), share), np.maximum(np.minimum(centre + margin, 1), share))


def interval_at(
    bounds: Bounds, column: int, method: str, estimate: Estimate | None = None
) -> Interval | Literal["not available"]:
    """One interval as a record. With `estimate`, its method says so where no votes differed."""
    low, high = float(bounds.low[column]), float(bounds.high[column])
    if not (math.isfinite(low) and math.isfinite(high)):
        return "not available"
    alike = estimate is not None and estimate.variance[column] == 0
    return Interval(low=low, high=high, method=ALIKE if alike else method, level=LEVEL)


def _as_share(net: Estimate) -> Estimate:
    """The share (1 + net) / 2: 0 or 1 where all votes say the same."""
    return Estimate(
        (1 + net.value) / 2,
        net.variance / 4,
        net.degrees,
        net.by_prompt / 4,
        net.by_rater / 4,
        net.by_vote / 4,
        net.units,
    )


def _known(estimate: Estimate) -> np.ndarray:
    return np.isfinite(estimate.variance)


def _inside(estimate: Estimate, share: np.ndarray) -> np.ndarray:
    """Whether a share has a variance to go by, and a logit."""
    return _known(estimate) & (estimate.variance > 0) & (share > 0) & (share < 1)


def _quantile(estimate: Estimate) -> np.ndarray:
    from scipy.special import stdtrit

    degrees = np.where(np.isfinite(estimate.degrees) & (estimate.degrees > 0), estimate.degrees, np.nan)
    return stdtrit(degrees, 0.5 + LEVEL / 2)
