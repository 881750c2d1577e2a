"""Confidence intervals of means. The unit is whatever the caller passes: prompts, never images."""

import math

import numpy as np

from metrics.errors import MetricInputError
from metrics.statistics.result import Interval

LEVEL = 0.95
LEAST_UNITS = 3  # below, a spread says next to nothing: two linearised values are always equal


def t_quantile(units: float) -> float:
    """The two-sided 95% quantile of Student's t with units - 1 degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(units - 1, 0.5 + LEVEL / 2))


def t_interval(values: np.ndarray, method: str = "t over prompts") -> Interval | None:
    """Student's t interval of the mean of independent values, shape (n,); None when n < 3.

    Exact for normal values; its coverage at n = 7 (the smallest DrawBench category) is why no bootstrap is used.
    """
    if values.ndim != 1 or not np.isfinite(values).all():
        raise MetricInputError(f"an interval needs a row of finite values, not {values.dtype} of shape {values.shape}")
    n = len(values)
    if n < LEAST_UNITS:
        return None
    mean = float(np.mean(values, dtype=np.float64))
    error = float(np.std(values, ddof=1, dtype=np.float64)) / math.sqrt(n)
    margin = t_quantile(n) * error
    return Interval(mean - margin, mean + margin, method, LEVEL)
