"""The Fréchet distance between two Gaussians (Dowson & Landau 1982), which is FID on Inception features.

    |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^1/2)

With S1 = F1 F1^T and S2 = F2 F2^T the last trace is the nuclear norm of F1^T F2, or the sum of the square roots of the
eigenvalues of F1^T S2 F1, which is symmetric. So no square root of a general matrix is ever taken: `scipy.linalg.sqrtm`
is slow there and can return an imaginary part on nearly singular products.
"""

import warnings

import numpy as np

from metrics.errors import MetricInputError
from metrics.frechet.gaussian import Gaussian
from metrics.threads import one_blas_thread

LARGE = 1024  # from this dimension on torch's solver, twice as fast as numpy's, is worth its import


@one_blas_thread()
def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """The squared Fréchet (2-Wasserstein) distance, >= 0, in squared feature units; symmetric in its arguments."""
    if a.mean.shape != b.mean.shape:
        raise MetricInputError(
            f"the two sets have features of {len(a.mean)} and {len(b.mean)} dimensions: "
            "the reference statistics were made with another network"
        )
    difference = a.mean - b.mean
    distance = float(difference @ difference) + a.total_variance + b.total_variance - 2 * _trace_of_root(a, b)
    return max(distance, 0.0)  # rounding leaves -1e-15 or so on equal sets


def covariance_factor(gaussian: Gaussian) -> np.ndarray:
    """F (D, r) with F F^T the covariance: its own factor, Cholesky's, or on the subspace that a singular one spans."""
    if gaussian.factor is not None:
        return gaussian.factor
    assert gaussian.covariance is not None
    try:
        return np.linalg.cholesky(gaussian.covariance)
    except np.linalg.LinAlgError:
        return _subspace_factor(gaussian.covariance)


def _trace_of_root(a: Gaussian, b: Gaussian) -> float:
    """tr((S1 S2)^1/2) by the cheapest exact route."""
    if a.factor is not None and b.factor is not None:
        return float(np.linalg.svd(a.factor.T @ b.factor, compute_uv=False).sum())
    if a.factor is not None and b.covariance is not None:
        return _trace_through(a.factor, b.covariance)
    if b.factor is not None and a.covariance is not None:
        return _trace_through(b.factor, a.covariance)
    assert a.covariance is not None
    assert b.covariance is not None
    return _trace_of_covariances(a.covariance, b.covariance)


def _trace_of_covariances(first: np.ndarray, second: np.ndarray) -> float:
    """Either covariance may give the factor; one that is positive definite is enough.

    LAPACK's own L^T S L (`sygst`) knows that L is triangular and the result symmetric: half the work of two products.
    """
    from scipy.linalg import lapack

    for factored, other in ((first, second), (second, first)):
        lower, failed = lapack.dpotrf(factored.T, lower=1)  # symmetric: .T only gives LAPACK the order it wants
        if not failed:
            inner, _ = lapack.dsygst(other.T, lower, itype=2, lower=1)
            return _sum_of_roots(inner)
    warnings.warn(
        "both covariances are singular (fewer images than feature dimensions, or constant features): "
        "the Fréchet distance is computed on the subspace they span and is exact to about 1e-5 only",
        stacklevel=4,
    )
    return _trace_through(_subspace_factor(first), second)


def _trace_through(factor: np.ndarray, covariance: np.ndarray) -> float:
    """The trace for F (D, r) with F F^T one of the covariances: from F^T S F, (r, r)."""
    return _sum_of_roots(factor.T @ covariance @ factor)


def _sum_of_roots(symmetric: np.ndarray) -> float:
    """Sum of the square roots of the eigenvalues of a matrix (r, r), read from its lower triangle.

    Negative rounding counts as zero.
    """
    if len(symmetric) < LARGE:
        eigenvalues = np.linalg.eigvalsh(symmetric)
    else:
        import torch

        eigenvalues = torch.linalg.eigvalsh(torch.from_numpy(symmetric)).numpy()
    return float(np.sqrt(np.clip(eigenvalues, 0, None)).sum())


def _subspace_factor(covariance: np.ndarray) -> np.ndarray:
    """F (D, r) with F F^T = S for a singular S of rank r, by its symmetric eigenvectors.

    The usual remedy, adding 1e-6 to the diagonal, is not taken: it adds about sqrt(1e-6 * variance) per missing
    dimension to the trace, which at d = 2048 is a visible error with the sign of an improvement.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return vectors[:, kept] * np.sqrt(values[kept])
