"""An interval for the squared length of a vector that is seen with noise: where KID and CMMD get theirs.

A squared MMD is |d + e|^2 in the kernel's feature space, d from the references' mean to the true one, e the sampling
error. It is skewed, and its spread grows with d: value -+ t * error covers 81 to 97% where 95% is meant. So each length
of d is asked instead whether it would give a value as small, or as large, as the one observed.
"""

from dataclasses import dataclass

import numpy as np

from metrics.statistics.intervals import LEVEL

MOST_SKEW = 0.4  # over the root of the units; above it the transformation is flat where quantiles are looked for
FARTHEST = 1e6  # standard errors
STEPS = 41  # quantiles that stand for the error across the axis


@dataclass(frozen=True)
class NoisyLength:
    """What is known of |d + e|^2, S being the covariance of e.

    observed: its value. linear: (d + e)' S (d + e). total: the trace of S. squares: the trace of S^2. units:
    independent units behind them, and skew: their skewness along d.
    """

    observed: float
    linear: float
    total: float
    squares: float
    units: int
    skew: float = 0.0

    def interval(self) -> tuple[float, float]:
        """The values of |d|^2 under which `observed` is in the middle 95%; the lower may be below 0.

        One axis stands for the directions in which e is large. Along it d has the length that makes `linear`, and e the
        mean variance of e's own directions, or that along d where it is larger. Across it d is as observed, less what
        is expected of e, and e adds a gamma variable. So |d + e|^2 has its mean and variance for every length along.
        """
        variance = self._axis_variance()
        if variance <= np.finfo(np.float64).eps ** 2 * self.observed:
            return self.observed - self.total, self.observed - self.total
        along, across = self.linear / variance, max(self.total - variance, 0.0)
        low, high = self._squares_along(along + across, variance)
        fixed = self.observed - along - across
        return fixed + low, fixed + high

    def _axis_variance(self) -> float:
        own = self.squares / self.total if self.total > 0 else 0.0
        return max(own, self.linear / self.observed if self.observed > 0 else 0.0)

    def _squares_along(self, seen: float, variance: float) -> tuple[float, float]:
        """Limits of l^2 >= 0 where (l + e_1)^2 + across is seen, var e_1 = variance."""
        from scipy.optimize import brentq

        across, error, tail = self._across(variance), float(np.sqrt(variance)), (1 - LEVEL) / 2
        # e_1 may be skewed: the linear error is that of the units along d, as far as it is not of e's own
        skew = self.skew * self.linear / (self.linear + self.squares) if self.linear > 0 else 0.0
        a = float(np.clip(skew / np.sqrt(self.units), -MOST_SKEW, MOST_SKEW))
        left = seen - across
        root = np.sqrt(np.clip(left, 0, None))

        def below(length: float) -> float:
            inside = self._share((root - length) / error, a) - self._share((-root - length) / error, a)
            return float(np.where(left > 0, inside, 0.0).mean())

        def limit(probability: float) -> float:
            if below(0.0) <= probability:
                return 0.0
            return float(brentq(lambda length: below(length) - probability, 0.0, np.sqrt(seen) + 100 * error)) ** 2

        return limit(1 - tail), limit(tail)

    def _across(self, variance: float) -> np.ndarray:
        """Quantiles of the squared length of e across the axis, ascending."""
        from scipy.special import gammaincinv

        mean, spread = max(self.total - variance, 0.0), 2 * max(self.squares - variance**2, 0.0)
        if mean == 0 or spread <= 1e-12 * mean**2:
            return np.array([mean])
        return gammaincinv(mean**2 / spread, (np.arange(STEPS) + 0.5) / STEPS) * (spread / mean)

    def _share(self, ratio: np.ndarray, a: float) -> np.ndarray:
        """The probability of an error of at most `ratio` times its estimated standard error.

        Student's t after Hall's transformation (1992), which takes out the skewness a * sqrt(units).
        """
        from scipy.special import stdtr

        x = np.clip(ratio, -FARTHEST, FARTHEST)
        return stdtr(self.units - 1, x + a * x**2 / 3 + a**2 * x**3 / 27 + a / 6)
