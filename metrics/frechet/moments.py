"""Mean and covariance of features: float64, streamed, mergeable."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError


@dataclass(frozen=True)
class Moments:
    """The first two moments of n feature vectors of dimension D, float64.

    n: count. mean: (D,). scatter: (D, D), the sum of outer products about the mean; symmetric.

    Kept about the mean, not as raw sums, so that features far from zero lose no digits (Chan, Golub & LeVeque 1979).
    Merging in another order changes the result by rounding only (1e-9 relative is the declared tolerance); merge
    in plan order for equal bits.
    """

    n: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Moments":
        """Moments of one slice of features, (n, D) with n >= 1."""
        if np.asarray(features).dtype.kind not in "fiu":
            raise MetricInputError(f"features are {np.asarray(features).dtype}, and real numbers are needed")
        rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2 or len(rows) == 0:
            raise MetricInputError(f"features must be a table (n, D) of at least one row, not of shape {rows.shape}")
        mean = rows.mean(axis=0)
        centred = rows - mean
        return cls(len(rows), mean, centred.T @ centred)

    def merge(self, other: "Moments") -> "Moments":
        """Moments of both sets together."""
        n = self.n + other.n
        shift = other.mean - self.mean
        mean = self.mean + shift * (other.n / n)
        scatter = self.scatter + other.scatter + np.outer(shift, shift) * (self.n * other.n / n)
        return Moments(n, mean, scatter)

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance (D, D), divided by n - 1 as in every FID implementation."""
        if self.n < 2:
            raise MetricInputError(f"a covariance needs at least 2 images, got {self.n}")
        return self.scatter / (self.n - 1)


def merge_all(slices: Iterable[Moments]) -> Moments:
    """The slices' moments merged in the order given."""
    iterator = iter(slices)
    try:
        total = next(iterator)
    except StopIteration:
        raise MetricInputError("there are no features to take moments of") from None
    for part in iterator:
        total = total.merge(part)
    return total
