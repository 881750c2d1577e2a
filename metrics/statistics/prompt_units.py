"""Images by prompt: checked feature tables, and intervals whose independent unit is the prompt.

All intervals here hold the reference images fixed and take prompts as independent draws. They use influences, deleted
prompts or variances of pairs, never a resampling that repeats images: repeats look like copied images to a distance.
"""

import math
from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError
from metrics.statistics.intervals import LEAST_UNITS, LEVEL, t_quantile
from metrics.statistics.result import Interval

FEW_PROMPTS, UNEVEN = 30, 2 / 3  # where both are undercut, simulated intervals held the truth 3 points less often
NO_SPREAD = 1e-9  # of a share's variance: values that are equal differ by so little in floating point


@dataclass(frozen=True)
class PromptGroups:
    """Images sorted by prompt.

    order: (N,), the image rows in sorted order. start: (G + 1,), where each prompt's images begin in that order.
    label: (N,), the group 0..G-1 of each image row, unsorted. unit: "prompts" or "images", for the method's text.
    """

    order: np.ndarray
    start: np.ndarray
    label: np.ndarray
    unit: str

    @classmethod
    def of(cls, prompts: np.ndarray | None, n: int) -> "PromptGroups":
        """Groups of N images from their prompt rows, (N,) int; None makes each image its own unit."""
        if prompts is None:
            return cls(np.arange(n), np.arange(n + 1), np.arange(n), "images")
        rows = np.asarray(prompts)
        if rows.shape != (n,) or rows.dtype.kind not in "iu":
            raise MetricInputError(
                f"prompts must be one whole number for each of the {n} images, not {rows.dtype} of shape {rows.shape}"
            )
        _, label, counts = np.unique(rows, return_inverse=True, return_counts=True)
        start = np.concatenate([[0], np.cumsum(counts)])
        return cls(np.argsort(label, kind="stable"), start, label, "prompts")

    @property
    def count(self) -> int:
        """G, the number of prompts."""
        return len(self.start) - 1

    @property
    def sizes(self) -> np.ndarray:
        """(G,), images of each prompt."""
        return np.diff(self.start)


def uneven_note(sizes: np.ndarray) -> str:
    """What must be known of intervals over images of prompts that have sizes (G,) of them; empty where it is little.

    A prompt of many images weighs more: G prompts vary as (sum k)^2 / sum k^2 equal ones do (Kish 1965).
    """
    equal = float(sizes.sum()) ** 2 / float((sizes.astype(np.float64) ** 2).sum())
    if equal >= min(FEW_PROMPTS, UNEVEN * len(sizes)):
        return ""
    return (
        f"prompts have {sizes.min()} to {sizes.max()} images, and these {len(sizes)} vary as {equal:.1f} of equal size "
        "do: the interval is too short"
    )


def feature_table(features: np.ndarray, name: str, least: int = 2) -> np.ndarray:
    """`features` as an array (n, D) of at least `least` finite rows; memory maps stay on the disk."""
    table = np.asarray(features)
    if table.ndim != 2 or table.shape[1] == 0 or table.dtype.kind != "f":
        raise MetricInputError(f"{name} must be a table (n, D) of floats, not {table.dtype} of shape {table.shape}")
    if len(table) < least:
        raise MetricInputError(f"{name} hold {len(table)} rows, and at least {least} are needed: score more images")
    for first in range(0, len(table), 4096):  # no mask of the whole table
        finite = np.isfinite(table[first : first + 4096]).all(axis=1)
        if not finite.all():
            row = first + int(np.argmin(finite))
            raise MetricInputError(f"{name} hold NaN or infinity in row {row}: leave this image out, or read it again")
    return table


def same_dimension(features: np.ndarray, references: np.ndarray) -> None:
    """Refuses features of two different networks."""
    if features.shape[1] != references.shape[1]:
        raise MetricInputError(
            f"features have {features.shape[1]} dimensions and references {references.shape[1]}: "
            "compute both with the same network"
        )


def t_around(
    value: float, variance: float, units: float, method: str, low: float = -math.inf, high: float = math.inf
) -> Interval | None:
    """value -+ t * sqrt(variance), cut to [low, high], the metric's own range; None below 3 units."""
    if units < LEAST_UNITS:
        return None
    margin = t_quantile(units) * math.sqrt(variance)
    return Interval(min(value, max(low, value - margin)), max(value, min(high, value + margin)), method, LEVEL)


def mean_variance(values: np.ndarray, groups: PromptGroups) -> float | None:
    """Variance of the mean of per-image values (N,), prompts independent and of any size; None for one prompt.

    The mean over images is a ratio of prompt totals, linearised: prompt g moves it by (total_g - n_g mean) / N.
    """
    if groups.count < 2:
        return None
    residual = np.bincount(groups.label, weights=values - values.mean(), minlength=groups.count)
    return float(residual @ residual) / len(values) ** 2 * groups.count / (groups.count - 1)


def jackknife_variance(without: np.ndarray) -> float:
    """Variance of a statistic from its values (G,) without each prompt (Tukey 1958)."""
    spread = without - without.mean()
    return float(spread @ spread) * (len(without) - 1) / len(without)


def proportion_interval(value: float, variance: float, units: float, method: str) -> Interval | None:
    """Wilson's interval (1927) of a proportion, at the sample size that `variance` amounts to, with t's quantile.

    It stays in [0, 1] and has a width at 0 and 1, where no spread is seen: there the units themselves count.
    None below 3 units.
    """
    if units < LEAST_UNITS:
        return None
    seen = variance > NO_SPREAD * value * (1 - value) > 0
    share = min(variance / (value * (1 - value)), 1.0) if seen else 1 / units  # 1 over the sample size
    t2 = t_quantile(units) ** 2
    centre = (value + t2 * share / 2) / (1 + t2 * share)
    margin = math.sqrt(t2 * share * (value * (1 - value) + t2 * share / 4)) / (1 + t2 * share)
    return Interval(min(value, max(0.0, centre - margin)), max(value, min(1.0, centre + margin)), method, LEVEL)
