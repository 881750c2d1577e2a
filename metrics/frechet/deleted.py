"""Fréchet distances without each prompt, each reference, or an image and a reference at once, from one solve.

Let F F^T be the reference covariance, S the generated one, and A = F^T S F = U diag(l) U^T, from one symmetric solve.
The distance without a prompt needs tr((A - W^T W)^1/2), where W holds the prompt's k images seen through F, about the
mean. From sqrt(a) = 2/pi int_0^inf a / (a + s^2) ds and the matrix determinant lemma,

    tr(A^1/2) - tr((A - W^T W)^1/2) = -1/pi int_0^inf log det(I - W (A + s^2)^-1 W^T) ds,

an integral over k x k determinants, which a trapezoid rule over log s gives to about 1e-5 with some 40 nodes. So all
deleted distances cost one pass over the features. Its first order in W is the influence function of the linearised
distance. Unlike that one it stays exact where S is singular (n <= d: then the images' Gram matrix stands for A) and
where single images have leverage. Nothing is drawn with replacement: duplicates bias the distance by themselves.

The distance is symmetric, so that the same solve gives the distances without each reference: with S = G G^T,
G^T F F^T G has the eigenvalues of A, and the vectors G^T F U / sqrt(l). Without an image and a reference at once, both
in their bases as rows u and v, the trace is larger than both deletions alone leave it by

    1/pi int_0^inf log(1 + s^2 c^2 / ((1 - a)(1 - b))) ds,
    a = u (l + s^2)^-1 u^T,  b = v (l + s^2)^-1 v^T,  c = u l^-1/2 (l + s^2)^-1 v^T,

as det(S1 S2 + s^2) is changed by two ranks and no more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from metrics.frechet.distance import covariance_factor, frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.statistics.prompt_units import PromptGroups

BLOCK = 1 << 24  # float64 numbers that a step of the pass may hold: 128 MiB
STEP = 0.5  # between nodes, of log s


@dataclass(frozen=True)
class Seen:
    """Images through the factor of the references, in the basis that makes A diagonal.

    eigenvalues: (r,), those of A above rounding.
    rows: (image numbers (g, k), their centred features (g, k, D)) -> (g, k, r), scaled so that the sum over all images
        of their outer products is diag(eigenvalues).
    directions: F U, (D, r); None with fewer images than references span dimensions.
    """

    eigenvalues: np.ndarray
    rows: Callable[[np.ndarray, np.ndarray], np.ndarray]
    directions: np.ndarray | None = None


def through(features: np.ndarray, gaussian: Gaussian, reference: Gaussian) -> Seen:
    """One symmetric solve, of the smaller of F^T S F, (r, r), and the images' Gram matrix, (n, n)."""
    factor = covariance_factor(reference)
    n = gaussian.n
    if n <= factor.shape[1]:
        centred = features.astype(np.float64) - gaussian.mean
        images = centred @ factor / np.sqrt(n - 1)
        values, vectors = _solve(images @ images.T)
        placed = vectors * np.sqrt(values)
        return Seen(values, lambda numbers, _: placed[numbers])
    if gaussian.factor is not None:
        half = gaussian.factor.T @ factor
        inner = half.T @ half
    else:
        assert gaussian.covariance is not None
        inner = factor.T @ gaussian.covariance @ factor
    values, vectors = _solve(inner)
    directions = factor @ vectors
    basis = directions / np.sqrt(n - 1)

    def rows(_: np.ndarray, centred: np.ndarray) -> np.ndarray:
        return (centred.reshape(-1, len(basis)) @ basis).reshape(*centred.shape[:2], -1)

    return Seen(values, rows, directions)


def without_prompts(
    features: np.ndarray, groups: PromptGroups, value: float, seen: Seen, gaussian: Gaussian, reference: Gaussian
) -> tuple[np.ndarray, float]:
    """The distance, `value`, without each prompt, (G,); and what deleting single images adds to it, summed."""
    width = len(seen.eigenvalues) + features.shape[1]
    without, alone = np.zeros(groups.count), 0.0
    for units, images in _blocks(groups, width):
        if _held(images.shape[1], width) > BLOCK:  # a single prompt, of very many images
            without[units] = frechet_distance(_gaussian_without(features, images[0], gaussian), reference)
            parts = np.array_split(images[0], -(-len(images[0]) * _held(1, width) // BLOCK))
            alone += sum(_deleted(features, part[:, None], seen, gaussian, reference)[1] for part in parts)
        else:
            changes, single = _deleted(features, images, seen, gaussian, reference)
            without[units] = value + changes
            alone += single
    return without, alone


def without_references(
    references: np.ndarray, value: float, seen: Seen, gaussian: Gaussian, reference: Gaussian
) -> np.ndarray:
    """The distance, `value`, without each reference (M, D), (M,); more images than dimensions are needed."""
    m, basis = len(references), _reference_basis(seen, gaussian, reference)
    without = np.empty(m)
    step = BLOCK // _held(1, sum(basis.shape))
    for start in range(0, m, step):
        centred, rows = _placed(references[start : start + step], reference, basis)
        changes = _changes(centred[:, None], rows[:, None], seen.eigenvalues, reference, gaussian)
        without[start : start + step] = value + changes
    return without


def changes_together(
    images: np.ndarray, references: np.ndarray, seen: Seen, gaussian: Gaussian, reference: Gaussian
) -> np.ndarray:
    """What deleting an image and a reference at once adds beyond the sum of both alone, (P,).

    images, references: (P, D), some of those behind the Gaussians, row by row those that are deleted at once.
    """
    assert seen.directions is not None
    n, m = gaussian.n, reference.n
    ours, theirs = (seen.directions / np.sqrt(n - 1)).astype(np.float32), _reference_basis(seen, gaussian, reference)
    added = np.empty(len(images))
    step = max(1, BLOCK // _held(2, sum(theirs.shape)))
    for start in range(0, len(images), step):
        block = slice(start, start + step)
        (x, u), (y, v) = _placed(images[block], gaussian, ours), _placed(references[block], reference, theirs)
        means = -2 * np.einsum("pd,pd->p", x, y) / ((n - 1) * (m - 1))
        u, v = np.sqrt(n / (n - 1)) * u, np.sqrt(m / (m - 1)) * v  # the means move too
        added[block] = means - 2 * _trace_together(seen.eigenvalues, u, v, n, m)
    return added


def _reference_basis(seen: Seen, gaussian: Gaussian, reference: Gaussian) -> np.ndarray:
    """What takes centred references to their rows, (D, r): G^T F U / sqrt(l), after G. In float32, which features are:
    half of the time."""
    assert gaussian.covariance is not None
    assert seen.directions is not None
    return (gaussian.covariance @ seen.directions / np.sqrt(seen.eigenvalues * (reference.n - 1))).astype(np.float32)


def _placed(features: np.ndarray, gaussian: Gaussian, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (B, D) about their set's mean, and in a basis (D, r) of float32."""
    centred = features.astype(np.float64) - gaussian.mean
    return centred, (centred.astype(np.float32) @ basis).astype(np.float64)


def _gaussian_without(features: np.ndarray, images: np.ndarray, gaussian: Gaussian) -> Gaussian:
    """What some images (k,) leave of the features (N, D): their Gaussian's own moments, less those of the images."""
    left = gaussian.n - len(images)
    if gaussian.covariance is None or left <= features.shape[1]:
        return Gaussian.of_features(np.delete(features, images, axis=0))
    centred = features[images].astype(np.float64) - gaussian.mean
    shift = -centred.sum(axis=0) / left
    scatter = (gaussian.n - 1) * gaussian.covariance - centred.T @ centred - left * np.outer(shift, shift)
    return Gaussian(left, gaussian.mean + shift, scatter / (left - 1), None, computed=True)


def _deleted(
    features: np.ndarray, images: np.ndarray, seen: Seen, gaussian: Gaussian, reference: Gaussian
) -> tuple[np.ndarray, float]:
    """What deleting each of g prompts, images (g, k), adds to the distance, (g,); the sum of that for single images."""
    centred = features[images].astype(np.float64) - gaussian.mean  # (g, k, D)
    rows = seen.rows(images, centred)
    changes = _changes(centred, rows, seen.eigenvalues, gaussian, reference)
    if images.shape[1] == 1:
        return changes, float(changes.sum())
    one, by_one = (each.reshape(-1, 1, each.shape[2]) for each in (centred, rows))
    return changes, float(_changes(one, by_one, seen.eigenvalues, gaussian, reference).sum())


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
    """What deleting each of g prompts adds to the distance, (g,). centred: (g, k, D). seen: (g, k, r), see Seen."""
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
    """tr(A^1/2) - tr((A - W^T W)^1/2), (g,), for A = diag(eigenvalues), (r,), and each W of `removed`, (g, k, r)."""
    g, k, r = removed.shape
    if r == 0:
        return np.zeros(g)
    s = _nodes(eigenvalues)
    products = (removed[:, :, None, :] * removed[:, None, :, :]).reshape(-1, r)  # flat, for one matrix product
    inside = (products @ (1 / (eigenvalues[:, None] + s**2))).reshape(g, k, k, -1)
    signs, logs = np.linalg.slogdet(np.eye(k) - np.moveaxis(inside, 3, 1))  # (g, q)
    least = k * np.log(np.finfo(np.float64).eps)  # at leverage 1 (n <= d) the determinant is rounding as s goes to 0
    logs = np.where(signs > 0, np.maximum(logs, least), least)
    return _integral(logs, np.einsum("gkr,gkr->g", removed, removed), eigenvalues)


def _trace_together(eigenvalues: np.ndarray, ours: np.ndarray, theirs: np.ndarray, n: int, m: int) -> np.ndarray:
    """What tr((S1 S2)^1/2) of n images and m references gains without a row of both, (P, r) and (P, r), beyond the sum
    of what it gains without either, (P,); the divisors n - 1 and m - 1 fall by 1."""
    if len(eigenvalues) == 0:  # sets of equal images
        return np.zeros(len(ours))
    s = _nodes(eigenvalues)
    kernel = 1 / (eigenvalues[:, None] + s**2)  # (r, q)
    both = ours * theirs / np.sqrt(eigenvalues)
    left = [np.maximum(1 - rows**2 @ kernel, np.finfo(np.float64).eps) for rows in (ours, theirs)]
    gained = -_integral(np.log1p((s * (both @ kernel)) ** 2 / (left[0] * left[1])), -(both.sum(1) ** 2), eigenvalues)
    lost = [_integral(np.log(a), (rows**2).sum(1), eigenvalues) for a, rows in zip(left, (ours, theirs), strict=True)]
    f, g = np.sqrt((n - 1) / (n - 2)), np.sqrt((m - 1) / (m - 2))
    root = float(np.sqrt(eigenvalues).sum())
    return (f - 1) * (g - 1) * root - f * (g - 1) * lost[0] - g * (f - 1) * lost[1] + f * g * gained


def _nodes(eigenvalues: np.ndarray) -> np.ndarray:
    """Where the integrands are taken, (q,)."""
    roots = np.sqrt(eigenvalues)
    return np.exp(np.arange(np.log(roots.mean()) - 14, np.log(roots[-1]) + 5, STEP))


def _integral(logs: np.ndarray, weight: np.ndarray, eigenvalues: np.ndarray) -> np.ndarray:
    """-1/pi times the integral over s of a logarithm that falls off as -weight / s^2. logs: at the nodes, (g, q).

    That tail is taken off as -weight / (s^2 + c^2), whose integral is known.
    """
    s, scale = _nodes(eigenvalues), float(np.sqrt(eigenvalues[-1]))
    rest = logs + weight[:, None] / (s**2 + scale**2)
    return weight / (2 * scale) - STEP / np.pi * (rest @ s)
