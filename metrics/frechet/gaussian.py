"""The Gaussian that a Fréchet distance sees: from features, streamed features, or an .npz of reference statistics."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from metrics.errors import MetricInputError
from metrics.files import atomic_file
from metrics.frechet.moments import Moments, merge_all

SLICE = 256  # rows that are summed together, whatever the batch size, so that batches change no sum


@dataclass(frozen=True)
class Gaussian:
    """Mean (D,) and covariance of a set of features; exactly one of `covariance` and `factor` is given.

    covariance: (D, D).
    factor: (D, r) with covariance = factor @ factor.T; used for few images (n <= D), where the covariance is
        singular and its factor, the centred features themselves, is exact.
    n: images behind it; 0 when unknown (statistics read from a file).
    """

    n: int
    mean: np.ndarray
    covariance: np.ndarray | None
    factor: np.ndarray | None

    @classmethod
    def of_features(cls, features: np.ndarray) -> Gaussian:
        """From all features at once, (n, D), n >= 2."""
        stream = FeatureStream(features.shape[1])
        stream.add(features)
        return stream.gaussian()

    @property
    def total_variance(self) -> float:
        """The trace of the covariance."""
        if self.factor is not None:
            return float(np.sum(self.factor**2))
        assert self.covariance is not None
        return float(np.trace(self.covariance))


class FeatureStream:
    """Takes features in plan order, in batches of any size, and gives their Gaussian.

    Holds at most D + SLICE rows: above that, rows are folded into moments slice by slice.
    """

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.n = 0
        self._rows: list[np.ndarray] = []  # not folded yet
        self._held = 0
        self._moments: Moments | None = None

    def add(self, features: np.ndarray) -> None:
        """The next features, (B, D). NaN and infinity are refused."""
        if features.ndim != 2 or features.shape[1] != self.dimension:
            raise MetricInputError(f"features must be (B, {self.dimension}), not of shape {features.shape}")
        if not np.isfinite(features).all():
            raise MetricInputError("features hold NaN or infinity: no distance can be computed from them")
        self._rows.append(np.asarray(features, dtype=np.float64))
        self.n += len(features)
        self._held += len(features)
        if self.n > self.dimension:
            self._fold(whole_slices_only=True)

    def gaussian(self) -> Gaussian:
        """The Gaussian of everything added so far."""
        if self.n < 2:
            raise MetricInputError(f"a distance between sets of images needs at least 2 images in each, got {self.n}")
        if self.n <= self.dimension:
            rows = np.concatenate(self._rows)
            mean = rows.mean(axis=0)
            return Gaussian(self.n, mean, None, (rows - mean).T / np.sqrt(self.n - 1))
        self._fold(whole_slices_only=False)
        assert self._moments is not None
        return Gaussian(self.n, self._moments.mean, self._moments.covariance, None)

    def _fold(self, whole_slices_only: bool) -> None:
        if self._held == 0 or (whole_slices_only and self._held < SLICE):
            return
        rows = np.concatenate(self._rows)
        end = len(rows) - len(rows) % SLICE if whole_slices_only else len(rows)
        parts = (Moments.of(rows[start : min(start + SLICE, end)]) for start in range(0, end, SLICE))
        self._moments = merge_all(parts if self._moments is None else chain([self._moments], parts))
        self._rows = [rows[end:]] if end < len(rows) else []
        self._held = len(rows) - end


def read_statistics(path: Path) -> Gaussian:
    """Reference statistics of an .npz with `mu` (D,) and `sigma` (D, D), the format of pytorch-fid and clean-fid."""
    try:
        with np.load(path, allow_pickle=False) as file:
            mean = np.asarray(file["mu"], dtype=np.float64)
            covariance = np.asarray(file["sigma"], dtype=np.float64)
    except (KeyError, TypeError):  # an .npy file gives an array, which takes no names
        raise MetricInputError(
            f"{path} holds no reference statistics: an .npz with `mu` and `sigma` is needed"
        ) from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise MetricInputError(f"{path} is not a readable .npz file ({error})") from error
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise MetricInputError(
            f"{path} is no set of statistics: mu has shape {mean.shape} and sigma {covariance.shape}, "
            "where (D,) and (D, D) are needed"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise MetricInputError(f"{path} holds NaN or infinity: compute the reference statistics anew")
    if not np.allclose(covariance, covariance.T, rtol=1e-6, atol=1e-10):
        raise MetricInputError(f"{path} is no set of statistics: sigma is not symmetric")
    return Gaussian(0, mean, (covariance + covariance.T) / 2, None)


def write_statistics(path: Path, moments: Moments) -> None:
    """Write `mu` and `sigma`, float64, as other suites read them."""
    with atomic_file(path) as file:
        np.savez(file, mu=moments.mean, sigma=moments.covariance)
