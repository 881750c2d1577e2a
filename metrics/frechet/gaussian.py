"""The Gaussian that a Fréchet distance sees: from features, streamed features, or an .npz of reference statistics."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from metrics.errors import MetricInputError
from metrics.files import atomic_file
from metrics.frechet.moments import Moments, merge_all

ASYMMETRY = 1e-6  # of the largest entry: what products in float32 leave
ROWS = 4096  # that are copied to float64 at once
# What our files say of themselves: network, its fingerprint, pixels, the images' hash, how many are lossy.
ORIGIN = ("mode", "extractor", "size", "sha256", "lossy")
SLICE = 256  # rows that are summed together, whatever the batch size, so that batches change no sum


@dataclass(frozen=True)
class Gaussian:
    """Mean (D,) and covariance of a set of features; exactly one of `covariance` and `factor` is given.

    covariance: (D, D).
    factor: (D, r) with covariance = factor @ factor.T; used for few images (n <= D), where the covariance is
        singular and its factor, the centred features themselves, is exact.
    n: images behind it; 0 when unknown (statistics read from a file).
    computed: whether it comes from features, so that it is a covariance. Any other is checked: MetricInputError for
        what is not real and finite, for 1 image, and for a covariance that is not symmetric or has an eigenvalue below
        -D * eps(its dtype) * the largest.
    """

    n: int
    mean: np.ndarray
    covariance: np.ndarray | None
    factor: np.ndarray | None
    computed: InitVar[bool] = False

    def __post_init__(self, computed: bool) -> None:
        if computed:
            return
        if (self.covariance is None) == (self.factor is None):
            raise MetricInputError("a Gaussian has either a covariance or its factor: give one of both")
        if self.n < 0 or self.n == 1:
            raise MetricInputError(f"statistics of {self.n} images have no covariance: at least 2 are needed")
        if self.covariance is not None:
            mean, covariance = checked_statistics(self.mean, self.covariance)
            object.__setattr__(self, "covariance", covariance)
        else:
            mean, factor = (_numbers(*each) for each in (("mu", self.mean), ("the factor", self.factor)))
            if mean.ndim != 1 or factor.ndim != 2 or len(factor) != len(mean):
                raise MetricInputError(f"mu has shape {mean.shape} and the factor {factor.shape}, not (D,) and (D, r)")
        object.__setattr__(self, "mean", mean)

    @classmethod
    def of_features(cls, features: np.ndarray) -> Gaussian:
        """From all features at once, (n, D), n >= 2."""
        if features.ndim != 2:
            raise MetricInputError(f"features must be a table (n, D), not of shape {features.shape}")
        stream = FeatureStream(features.shape[1])
        for start in range(0, len(features), ROWS):
            stream.add(features[start : start + ROWS])
        return stream.gaussian()

    @property
    def total_variance(self) -> float:
        """The trace of the covariance."""
        if self.factor is not None:
            return float(np.sum(self.factor**2))
        assert self.covariance is not None
        return float(np.trace(self.covariance))


def checked_statistics(mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in float64, the covariance exactly symmetric. Raises MetricInputError for what is no mean and covariance."""
    precision = _precision(covariance)
    mean, covariance = _numbers("mu", mean), _numbers("sigma", covariance)
    d = len(mean) if mean.ndim == 1 else 0
    if d == 0 or covariance.shape != (d, d):
        raise MetricInputError(
            f"mu has shape {mean.shape} and sigma {covariance.shape}, where (D,) and (D, D) are needed"
        )
    rounding = d * precision
    if abs(covariance - covariance.T).max() > max(rounding, ASYMMETRY) * abs(covariance).max():
        raise MetricInputError("sigma is not symmetric")
    covariance = (covariance + covariance.T) / 2
    if not _surely_positive(covariance, rounding):
        eigenvalues = np.linalg.eigvalsh(covariance)
        least, largest = float(eigenvalues[0]), float(eigenvalues[-1])
        if least < -rounding * max(largest, 0.0):
            raise MetricInputError(
                f"sigma is no covariance: its eigenvalues reach from {least:.3g} to {largest:.3g}, "
                "and none may be below 0 but for rounding"
            )
    return mean, covariance


def _precision(array: np.ndarray) -> float:
    """What rounding leaves of a number of this array, relative."""
    single = np.asarray(array).dtype == np.float32
    return float(np.finfo(np.float32 if single else np.float64).eps)


def _numbers(name: str, array: object) -> np.ndarray:
    """An array of real, finite numbers in float64."""
    values = np.asarray(array)
    if values.dtype.kind not in "fiu" or values.dtype == np.float16:
        raise MetricInputError(f"{name} holds {values.dtype} where real numbers of at least 32 bits are needed")
    if not np.isfinite(values).all():
        raise MetricInputError(f"{name} holds NaN or infinity")
    return values.astype(np.float64)


def _surely_positive(covariance: np.ndarray, rounding: float) -> bool:
    """Whether Cholesky, a tenth of the work of all eigenvalues, shows already that none is too far below 0."""
    shift = rounding * max(float(covariance.diagonal().max()), 0.0)  # the largest eigenvalue is at least as large
    try:
        np.linalg.cholesky(covariance + shift * np.eye(len(covariance)))
    except np.linalg.LinAlgError:
        return False
    return True


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
        """The next features, (B, D), copied. NaN, infinity and what is not real are refused."""
        if features.ndim != 2 or features.shape[1] != self.dimension:
            raise MetricInputError(f"features must be (B, {self.dimension}), not of shape {features.shape}")
        if features.dtype.kind not in "fiu":
            raise MetricInputError(f"features are {features.dtype}, and real numbers are needed")
        if not np.isfinite(features).all():
            raise MetricInputError("features hold NaN or infinity: no distance can be computed from them")
        self._rows.append(features.astype(np.float64))  # a copy: the caller may fill its buffer anew
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
            return Gaussian(self.n, mean, None, (rows - mean).T / np.sqrt(self.n - 1), computed=True)
        self._fold(whole_slices_only=False)
        assert self._moments is not None
        return Gaussian(self.n, self._moments.mean, self._moments.covariance, None, computed=True)

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
    """Reference statistics of an .npz with `mu` (D,) and `sigma` (D, D), the format of pytorch-fid and clean-fid.

    `n`, where it is there, is the number of images. Raises MetricInputError for what is no mean and covariance.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            mean, covariance = file["mu"], file["sigma"]
            n = file.get("n")
    except (KeyError, TypeError):  # an .npy file gives an array, which takes no names
        raise MetricInputError(
            f"{path} holds no reference statistics: an .npz with `mu` and `sigma` is needed"
        ) from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise MetricInputError(f"{path} is not a readable .npz file ({error})") from error
    if n is not None and (n.ndim or n.dtype.kind not in "iu" or n < 2):
        raise MetricInputError(f"{path} is no set of statistics: n is {n}, and at least 2 images have a covariance")
    try:
        return Gaussian(int(n) if n is not None else 0, mean, covariance, None)
    except MetricInputError as error:
        raise MetricInputError(f"{path} is no set of statistics: {error}; compute it anew") from None


def read_origin(path: Path) -> dict[str, str]:
    """What a file of statistics says of its origin, as far as it says it (ORIGIN); empty in other suites'.

    The file is one that `read_statistics` has read.
    """
    with np.load(path, allow_pickle=False) as file:
        return {name: str(_plain(path, file, name)) for name in ORIGIN if name in file}


def read_notes(path: Path) -> tuple[str, ...]:
    """What must be known of the images behind a file of statistics that says its origin; empty in older ones."""
    with np.load(path, allow_pickle=False) as file:
        if "notes" not in file:
            return ()
        notes = np.atleast_1d(_plain(path, file, "notes"))
    if notes.dtype.kind != "U" or any(not note.isprintable() for note in notes.tolist()):
        raise MetricInputError(f"the notes of {path} are no lines of text: write the statistics anew")
    return tuple(notes.tolist())


def _plain(path: Path, file: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    try:
        return file[name]
    except ValueError:  # an array of objects, which could run code
        raise MetricInputError(f"{name} in {path} is no plain array: write the statistics anew") from None


def write_statistics(
    path: Path, statistics: Moments | Gaussian, *, notes: Sequence[str] = (), **origin: str | int
) -> None:
    """Write `mu` and `sigma` (float64) as other suites read them, and what is to be known of their origin.

    notes: what must be known beside every distance to them.
    """
    covariance = statistics.covariance
    if isinstance(statistics, Gaussian) and statistics.factor is not None:
        covariance = statistics.factor @ statistics.factor.T
    assert covariance is not None
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in origin.items()}
    if notes:
        arrays["notes"] = np.asarray(notes, dtype=str)
    with atomic_file(path) as file:
        np.savez(file, mu=statistics.mean, sigma=covariance, **arrays)
