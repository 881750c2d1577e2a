"""A 95% interval of the Fréchet distance: the exact jackknife that deletes one prompt at a time, without re-solving.

Let F F^T be the reference covariance, S the generated one, and A = F^T S F = U diag(l) U^T, from one symmetric solve.
The distance without a prompt needs tr((A - W^T W)^1/2), where W holds the prompt's k images seen through F, about the
mean. From sqrt(a) = 2/pi int_0^inf a / (a + s^2) ds and the matrix determinant lemma,

    tr(A^1/2) - tr((A - W^T W)^1/2) = -1/pi int_0^inf log det(I - W (A + s^2)^-1 W^T) ds,

an integral over k x k determinants, which a trapezoid rule over log s gives to about 1e-5 with some 40 nodes. So all
deleted distances cost one pass over the features. Its first order in W is the influence function of the linearised
distance. Unlike that one it stays exact where S is singular (n <= d: then the images' Gram matrix stands for A) and
where single images have leverage. Nothing is drawn with replacement: duplicates bias the distance by themselves.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from metrics.frechet.distance import covariance_factor, frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.statistics.jackknife import Jackknife, jackknife_interval
from metrics.statistics.prompt_units import PromptGroups
from metrics.statistics.result import MetricResult

METHOD = "jackknife over {units}, references fixed; of the distance expected at this n"
BLOCK = 1 << 24  # float64 numbers that a step of the pass may hold: 128 MiB


def frechet_result(
    features: np.ndarray,
    reference: Gaussian,
    *,
    prompts: np.ndarray | None = None,
    jackknife: Jackknife | None = None,
) -> MetricResult:
    """The Fréchet distance of features (N, D) to fixed references, with an interval over prompts.

    prompts: (N,) int, which images belong to one prompt; without it every image stands for itself.
    jackknife: of these very features, where it is there already.
    The interval is that of the distance expected at this n. The part of it that only n being finite makes is estimated
    in the note and never subtracted; with n <= D it is larger than any estimate from the set, and the note says so.
    Raises MetricInputError for fewer than 2 images, NaN, infinity, or another dimension than the references'.
    """
    found = jackknife or frechet_jackknife(features, reference, prompts)
    method = METHOD.format(units="images" if prompts is None else "prompts")
    interval = jackknife_interval(found.value, found.without, method, least=0.0)
    note = _bias_note(found, features.shape[1]) if len(found.without) else ""
    return MetricResult(found.value, interval, found.n, note)


def _bias_note(found: Jackknife, dimension: int) -> str:
    if found.n <= dimension:
        return f"mostly finite-sample bias, as n = {found.n} images is at most the dimension {dimension}"
    if found.bias >= found.value:
        return f"all of it may be finite-sample bias (about {found.bias:.3g} by the jackknife; not subtracted)"
    return f"about {found.bias:.3g} of it is finite-sample bias (jackknife; not subtracted)"


def frechet_jackknife(features: np.ndarray, reference: Gaussian, prompts: np.ndarray | None = None) -> Jackknife:
    """The distance of features (N, D), and without each prompt; `without` is empty when that leaves under 2 images."""
    gaussian = Gaussian.of_features(features)
    value = frechet_distance(gaussian, reference)
    n = gaussian.n
    groups = PromptGroups.of(prompts, n)
    if groups.count < 2 or n - groups.sizes.max() < 2:
        return Jackknife(value, np.zeros(0), n)
    seen = _through(features, gaussian, reference)
    width = len(seen.eigenvalues) + gaussian.mean.size
    without = np.zeros(groups.count)
    for units, images in _blocks(groups, width):
        if _held(images.shape[1], width) > BLOCK:  # a single prompt, of very many images
            without[units] = frechet_distance(_gaussian_without(features, images[0], gaussian), reference)
        else:
            centred = features[images].astype(np.float64) - gaussian.mean  # (g, k, D)
            changes = _changes(centred, seen.rows(images, centred), seen.eigenvalues, gaussian, reference)
            without[units] = value + changes
    return Jackknife(value, without, n)


def _gaussian_without(features: np.ndarray, images: np.ndarray, gaussian: Gaussian) -> Gaussian:
    """What some images (k,) leave of the features (N, D): their Gaussian's own moments, less those of the images."""
    left = gaussian.n - len(images)
    if gaussian.covariance is None or left <= features.shape[1]:
        return Gaussian.of_features(np.delete(features, images, axis=0))
    centred = features[images].astype(np.float64) - gaussian.mean
    shift = -centred.sum(axis=0) / left
    scatter = (gaussian.n - 1) * gaussian.covariance - centred.T @ centred - left * np.outer(shift, shift)
    return Gaussian(left, gaussian.mean + shift, scatter / (left - 1), None, computed=True)


@dataclass(frozen=True)
class _Seen:
    """Images through the factor of the references, in the basis that makes A diagonal.

    eigenvalues: (r,), those of A above rounding.
    rows: (image numbers (g, k), their centred features (g, k, D)) -> (g, k, r), scaled so that the sum over all images
        of their outer products is diag(eigenvalues).
    """

    eigenvalues: np.ndarray
    rows: Callable[[np.ndarray, np.ndarray], np.ndarray]


def _through(features: np.ndarray, gaussian: Gaussian, reference: Gaussian) -> _Seen:
    """One symmetric solve, of the smaller of F^T S F, (r, r), and the images' Gram matrix, (n, n)."""
    factor = covariance_factor(reference)
    n = gaussian.n
    if n <= factor.shape[1]:
        centred = features.astype(np.float64) - gaussian.mean
        images = centred @ factor / np.sqrt(n - 1)
        values, vectors = _solve(images @ images.T)
        placed = vectors * np.sqrt(values)
        return _Seen(values, lambda numbers, _: placed[numbers])
    if gaussian.factor is not None:
        half = gaussian.factor.T @ factor
        inner = half.T @ half
    else:
        assert gaussian.covariance is not None
        inner = factor.T @ gaussian.covariance @ factor
    values, vectors = _solve(inner)
    basis = factor @ vectors / np.sqrt(n - 1)
    return _Seen(values, lambda _, centred: (centred.reshape(-1, len(basis)) @ basis).reshape(*centred.shape[:2], -1))


def _solve(symmetric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues above rounding, and their vectors; none of sets of equal images."""
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    kept = values > values.max(initial=0.0) * len(values) * np.finfo(np.float64).eps
    return values[kept], vectors[:, kept]


def _blocks(groups: PromptGroups, width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Prompts (g,) of one size k and their images' numbers (g, k), a few at a time so that memory stays small."""
    for size in np.unique(groups.sizes):
        units = np.flatnonzero(groups.sizes == size)
        step = max(1, BLOCK // _held(int(size), width))
        for start in range(0, len(units), step):
            part = units[start : start + step]
            yield part, groups.order[groups.start[part][:, None] + np.arange(size)]


def _held(size: int, width: int) -> int:
    """Numbers that the pass holds to delete a prompt of `size` images. width: of a row, seen and as it is."""
    return size * (size + 1) * width


def _changes(
    centred: np.ndarray, seen: np.ndarray, eigenvalues: np.ndarray, gaussian: Gaussian, reference: Gaussian
) -> np.ndarray:
    """What deleting each of g prompts adds to the distance, (g,). centred: (g, k, D). seen: (g, k, r), see _Seen."""
    n, k = gaussian.n, centred.shape[1]
    left = n - k
    shift = centred.sum(axis=1) / left  # (g, D): by how much the mean moves, with a minus
    offset = gaussian.mean - reference.mean
    means = np.einsum("gd,gd->g", shift, shift) - 2 * shift @ offset
    scatter = np.einsum("gkd,gkd->g", centred, centred) + left * np.einsum("gd,gd->g", shift, shift)
    variances = (k * gaussian.total_variance - scatter) / (left - 1)
    root = float(np.sqrt(eigenvalues).sum())
    removed = seen + (np.sqrt(n / left) - 1) / k * seen.sum(axis=1, keepdims=True)  # the mean moves too
    growth = np.sqrt((n - 1) / (left - 1))
    return means + variances - 2 * ((growth - 1) * root - growth * _trace_lost(eigenvalues, removed))


def _trace_lost(eigenvalues: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """tr(A^1/2) - tr((A - W^T W)^1/2), (g,), for A = diag(eigenvalues), (r,), and each W of `removed`, (g, k, r).

    The tail of the integrand, -|W|^2 / s^2, is taken off as -|W|^2 / (s^2 + c^2), whose integral is known.
    """
    g, k, r = removed.shape
    if r == 0:
        return np.zeros(g)
    roots = np.sqrt(eigenvalues)
    step, scale = 0.5, float(roots[-1])
    s = np.exp(np.arange(np.log(roots.mean()) - 14, np.log(scale) + 5, step))  # (q,)
    products = (removed[:, :, None, :] * removed[:, None, :, :]).reshape(-1, r)  # flat, for one matrix product
    inside = (products @ (1 / (eigenvalues[:, None] + s**2))).reshape(g, k, k, -1)
    signs, logs = np.linalg.slogdet(np.eye(k) - np.moveaxis(inside, 3, 1))  # (g, q)
    least = k * np.log(np.finfo(np.float64).eps)  # at leverage 1 (n <= d) the determinant is rounding as s goes to 0
    logs = np.where(signs > 0, np.maximum(logs, least), least)
    weight = np.einsum("gkr,gkr->g", removed, removed)
    rest = logs + weight[:, None] / (s**2 + scale**2)
    return weight / (2 * scale) - step / np.pi * (rest @ s)
