"""The mean of several groups' means, each over prompts of its own: GenEval's tasks. The groups are fixed.

Stratified sampling (Cochran 1977, ch. 5): the variances of the groups' means add up, at Satterthwaite's degrees of
freedom. Where all prompts of a group agree, its own spread would be nothing, so a variance for that case is given.
"""

from collections.abc import Callable

import numpy as np

from metrics.statistics.intervals import LEAST_UNITS
from metrics.statistics.paired import EQUAL, OVER_GROUPS_PAIRED, PairedResult, agreed
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
    value, variance, units = _mean_of_groups(values, groups, _share_variance)
    return MetricResult(
        value, proportion_interval(value, variance, units, OVER_GROUPS), len(values), _note(groups, units)
    )


def paired_grouped_shares(a: np.ndarray, b: np.ndarray, groups: np.ndarray) -> PairedResult:
    """Two such means of the same prompts, (n,) each; otherwise as `grouped_share`."""
    means = [_mean_of_groups(values, groups, _share_variance)[0] for values in (a, b)]
    difference, variance, units = _mean_of_groups(a - b, groups, lambda value, n: agreed(value, n)[1])
    interval = t_around(difference, variance, units, OVER_GROUPS_PAIRED, -1, 1)
    return PairedResult(means[0], means[1], interval, len(a), _note(groups, units), units=units)


def _mean_of_groups(
    values: np.ndarray, groups: np.ndarray, unseen: Callable[[float, int], float]
) -> tuple[float, float, float]:
    """The mean of the groups' means, its variance, and its degrees of freedom plus one; 1 where a group has one prompt.

    unseen: the variance of the mean of a group's n prompts that all have one value.
    """
    found = [values[groups == group].astype(np.float64) for group in np.unique(groups)]
    variances = np.array(
        [
            unseen(float(each.mean()), len(each)) if np.ptp(each) <= EQUAL else float(each.var(ddof=1)) / len(each)
            for each in found
        ]
    )
    free = np.array([len(each) - 1 for each in found])
    units = 1 + float(variances.sum() ** 2 / (variances**2 / free).sum()) if free.all() else 1.0
    return float(np.mean([each.mean() for each in found])), float(variances.sum()) / len(found) ** 2, units


def _share_variance(share: float, n: int) -> float:
    """Of a share that all n prompts have: two hits and two misses more (Agresti and Coull 1998)."""
    middle = (n * share + 2) / (n + 4)
    return middle * (1 - middle) / (n + 4)


def _note(groups: np.ndarray, units: float) -> str:
    if (np.unique(groups, return_counts=True)[1] == 1).any():
        return SINGLE
    return FEW if units < LEAST_UNITS else ""
