"""The mean of several groups' means, each over prompts of its own: GenEval's tasks. The groups are fixed.

Stratified sampling (Cochran 1977, ch. 5): the variances of the groups' means add up, at Satterthwaite's degrees of
freedom. Where all prompts of a group agree, its own spread would be nothing, so a variance for that case is given.
"""

from collections.abc import Callable

import numpy as np

from metrics.statistics.intervals import LEAST_UNITS
from metrics.statistics.paired import EQUAL, OVER_GROUPS_PAIRED, PairedResult, agresti_min
from metrics.statistics.prompt_units import proportion_interval, t_around
from metrics.statistics.result import MetricResult

OVER_GROUPS = "Wilson with t over the prompts of each task"
SINGLE = "a task has one prompt, which shows no spread"
FEW = "the spread is that of a task of two prompts, which is hardly known"


def grouped_share(values: np.ndarray, groups: np.ndarray) -> MetricResult:
    """The mean over groups of shares: values (n,) in [0, 1], groups (n,) of any numbers; n counts prompts.

    Without an interval, and with a note, where a group has one prompt alone; without one too where the few prompts of
    a group that weighs most leave fewer than 2 degrees of freedom.
    """
    value, variance, units = _mean_of_groups(values, groups, _agresti_coull)
    interval = proportion_interval(value, variance, units, OVER_GROUPS)
    return MetricResult(value, interval, len(values), _note(groups, units))


def paired_grouped_shares(a: np.ndarray, b: np.ndarray, groups: np.ndarray) -> PairedResult:
    """Two such means of the same prompts, (n,) each; otherwise as `grouped_share`."""
    ours, theirs = (float(np.mean([each.mean() for each in _by_group(values, groups)])) for values in (a, b))
    difference, variance, units = _mean_of_groups(a - b, groups, lambda alike: agresti_min(alike)[1])
    interval = t_around(difference, variance, units, OVER_GROUPS_PAIRED, -1, 1)
    return PairedResult(ours, theirs, interval, len(a), _note(groups, units), units=units)


def _by_group(values: np.ndarray, groups: np.ndarray) -> list[np.ndarray]:
    return [values[groups == group].astype(np.float64) for group in np.unique(groups)]


def _mean_of_groups(
    values: np.ndarray, groups: np.ndarray, unseen: Callable[[np.ndarray], float]
) -> tuple[float, float, float]:
    """The mean of the groups' means, its variance, and its degrees of freedom plus one; 1 where a group has one prompt.

    unseen: the variance of the mean of a group's prompts, (n,), that all have one value.
    """
    found = _by_group(values, groups)
    variances = np.array(
        [unseen(each) if np.ptp(each) <= EQUAL else float(each.var(ddof=1)) / len(each) for each in found]
    )
    free = np.array([len(each) - 1 for each in found])
    units = 1 + float(variances.sum() ** 2 / (variances**2 / free).sum()) if free.all() else 1.0
    return float(np.mean([each.mean() for each in found])), float(variances.sum()) / len(found) ** 2, units


def _agresti_coull(shares: np.ndarray) -> float:
    """The variance of the mean of shares that are all alike, (n,): two hits and two misses more (1998)."""
    n = len(shares) + 4
    middle = (float(shares.sum()) + 2) / n
    return middle * (1 - middle) / n


def _note(groups: np.ndarray, units: float) -> str:
    if (np.unique(groups, return_counts=True)[1] == 1).any():
        return SINGLE
    return FEW if units < LEAST_UNITS else ""
