"""A 95% interval of the Fréchet distance: the exact jackknife that deletes one prompt at a time, without re-solving.

Let F F^T be the reference covariance, S the generated one, and A = F^T S F = U diag(l) U^T, from one symmetric solve.
The distance without a prompt needs tr((A - W^T W)^1/2), where W holds the prompt's k images seen through F, about the
mean. From sqrt(a) = 2/pi int_0^inf a / (a + s^2) ds and the matrix determinant lemma,

    tr(A^1/2) - tr((A - W^T W)^1/2) = -1/pi int_0^inf log det(I - W (A + s^2)^-1 W^T) ds,

an integral over k x k determinants, which a trapezoid rule over log s gives to about 1e-5 with some 40 nodes. So all
deleted distances cost one pass over the features. Its first order in W is the influence function of the linearised
distance. Unlike that one it stays exact where S is singular (n <= d: then the images' Gram matrix stands for A) and
where single images have leverage. Nothing is drawn with replacement: duplicates bias the distance by themselves.

The distance is symmetric, so that the same solve gives the distances without each reference: with S = G G^T,
G^T F F^T G has the eigenvalues of A, and the vectors G^T F U / sqrt(l).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError
from metrics.frechet.distance import covariance_factor, frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.statistics.jackknife import Jackknife, jackknife_interval
from metrics.statistics.prompt_units import PromptGroups
from metrics.statistics.result import MetricResult
from metrics.threads import one_blas_thread

METHOD = "jackknife over {units}, references fixed; of the distance expected at this n"
WITHOUT_REFERENCES = "that of the references is not in it"
SAME_FEATURES = 1e-4  # of the total variance, that float32 sums of the same features may differ by
BLOCK = 1 << 24  # float64 numbers that a step of the pass may hold: 128 MiB


@dataclass(frozen=True)
class FrechetJackknife(Jackknife):
    """A Fréchet distance without each prompt, and without each reference.

    references: the distance without each reference, (M,); None where their features are not at hand, or where images or
    references are no more than the dimensions. alone: the bias, were all images independent, those of a prompt too;
    None where each has a prompt of its own, and with no more images than dimensions.
    """

    references: Jackknife | None = None
    alone: float | None = None

    @property
    def whole_bias(self) -> float:
        """The bias of the images and, where it can be told, that of the references."""
        return self.bias + (self.references.bias if self.references else 0.0)

    @property
    def independent(self) -> float:
        """As many independent images would have the bias of these: n, unless the images of a prompt are alike."""
        alike = self.alone is not None and 0 < self.alone < self.bias
        return self.n * self.alone / self.bias if self.alone and alike else float(self.n)


def frechet_result(
    features: np.ndarray,
    reference: Gaussian,
    *,
    prompts: np.ndarray | None = None,
    references: np.ndarray | None = None,
    jackknife: FrechetJackknife | None = None,
) -> MetricResult:
    """The Fréchet distance of features (N, D) to fixed references, with an interval over prompts.

    prompts: (N,) int, which images belong to one prompt; without it every image stands for itself.
    references: (M, D), the features behind `reference`, where they are at hand. jackknife: of these very features,
    where it is there already.
    The interval is that of the distance expected at this n. The part of it that only the numbers of images and of
    references being finite make is estimated in the note and never subtracted; the note says where it leaves the
    references' part out. With n <= D it is larger than any estimate from the set, and the note says that.
    Raises MetricInputError for fewer than 2 images, NaN, infinity, or another dimension than the references'.
    """
    found = jackknife or frechet_jackknife(features, reference, prompts, references)
    method = METHOD.format(units="images" if prompts is None else "prompts")
    interval = jackknife_interval(found.value, found.without, method, least=0.0)
    note = _bias_note(found, features.shape[1]) if len(found.without) else ""
    return MetricResult(found.value, interval, found.n, note)


def _bias_note(found: FrechetJackknife, dimension: int) -> str:
    if found.n <= dimension:
        return f"mostly finite-sample bias, as n = {found.n} images is at most the dimension {dimension}"
    bias, whole = found.bias, found.whole_bias
    if found.references:
        parts = (
            f"{bias:.3g} of the images and {found.references.bias:.3g} of the references, less if they share captions"
        )
        if whole >= found.value:
            return f"all of it may be finite-sample bias (about {whole:.3g}, {parts}, by the jackknife; not subtracted)"
        return f"about {whole:.3g} of it is finite-sample bias, {parts} (jackknife; not subtracted)"
    how = f"not subtracted; {WITHOUT_REFERENCES}"
    if bias >= found.value:
        return f"all of it may be the images' finite-sample bias (about {bias:.3g} by the jackknife; {how})"
    return f"about {bias:.3g} of it is the images' finite-sample bias (jackknife; {how})"


@one_blas_thread()
def frechet_jackknife(
    features: np.ndarray,
    reference: Gaussian,
    prompts: np.ndarray | None = None,
    references: np.ndarray | None = None,
) -> FrechetJackknife:
    """The distance of features (N, D), and without each prompt; `without` is empty when that leaves under 2 images.

    references: (M, D), the features behind `reference`, where the distances without each of them are wanted too.
    Raises MetricInputError for references that are not those of which `reference` was made.
    """
    gaussian = Gaussian.of_features(features)
    if references is not None:
        _require_behind(reference, references)
    value = frechet_distance(gaussian, reference)
    n, dimension = features.shape
    groups = PromptGroups.of(prompts, n)
    if groups.count < 2 or n - groups.sizes.max() < 2:
        return FrechetJackknife(value, np.zeros(0), n)
    seen = _through(features, gaussian, reference)
    width = len(seen.eigenvalues) + dimension
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
    shares = None if groups.sizes.min() == groups.sizes.max() else groups.sizes / n
    if n <= dimension:
        return FrechetJackknife(value, without, n, shares)
    theirs = None
    if references is not None and len(references) > dimension:
        theirs = _without_references(value, references, seen, gaussian, reference)
    return FrechetJackknife(value, without, n, shares, theirs, None if groups.count == n else alone * (n - 1) / n)


def _require_behind(reference: Gaussian, references: np.ndarray) -> None:
    """Raise MetricInputError unless the features can be those of the Gaussian, by number, mean and total variance."""
    given = np.asarray(references)
    if given.ndim != 2 or given.dtype.kind != "f" or given.shape[1] != len(reference.mean):
        raise MetricInputError(
            f"references must be a table (M, {len(reference.mean)}) of floats, not {given.dtype} of shape {given.shape}"
        )
    if reference.n not in (0, len(given)):
        raise MetricInputError(f"{len(given)} references are given with statistics of {reference.n}")
    total = max(reference.total_variance, float(reference.mean @ reference.mean))
    mean = given.mean(axis=0, dtype=np.float64)
    variance = given.var(axis=0, ddof=1, dtype=np.float64).sum() if len(given) > 1 else 0.0
    off = max(float(np.abs(mean - reference.mean).max()) ** 2, abs(variance - reference.total_variance))
    if not off <= SAME_FEATURES * total:
        raise MetricInputError(
            f"these {len(given)} references are not those of which the reference statistics were made"
        )


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
    directions: F U, (D, r); None with fewer images than references span dimensions.
    """

    eigenvalues: np.ndarray
    rows: Callable[[np.ndarray, np.ndarray], np.ndarray]
    directions: np.ndarray | None = None


def _deleted(
    features: np.ndarray, images: np.ndarray, seen: _Seen, gaussian: Gaussian, reference: Gaussian
) -> tuple[np.ndarray, float]:
    """What deleting each of g prompts, images (g, k), adds to the distance, (g,); the sum of that for single images."""
    centred = features[images].astype(np.float64) - gaussian.mean  # (g, k, D)
    rows = seen.rows(images, centred)
    changes = _changes(centred, rows, seen.eigenvalues, gaussian, reference)
    if images.shape[1] == 1:
        return changes, float(changes.sum())
    one, by_one = (each.reshape(-1, 1, each.shape[2]) for each in (centred, rows))
    return changes, float(_changes(one, by_one, seen.eigenvalues, gaussian, reference).sum())


def _without_references(
    value: float, references: np.ndarray, seen: _Seen, gaussian: Gaussian, reference: Gaussian
) -> Jackknife:
    """The distance without each reference (M, D). Projected in float32, which features are: half of the time."""
    assert gaussian.covariance is not None
    assert seen.directions is not None
    m = len(references)
    basis = gaussian.covariance @ seen.directions / np.sqrt(seen.eigenvalues * (m - 1))  # G^T F U / sqrt(l), after G
    basis = basis.astype(np.float32)
    without = np.empty(m)
    step = BLOCK // _held(1, sum(basis.shape))
    for start in range(0, m, step):
        centred = references[start : start + step].astype(np.float64) - reference.mean
        rows = (centred.astype(np.float32) @ basis).astype(np.float64)
        changes = _changes(centred[:, None], rows[:, None], seen.eigenvalues, reference, gaussian)
        without[start : start + step] = value + changes
    return Jackknife(value, without, m)


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
    directions = factor @ vectors
    basis = directions / np.sqrt(n - 1)

    def rows(_: np.ndarray, centred: np.ndarray) -> np.ndarray:
        return (centred.reshape(-1, len(basis)) @ basis).reshape(*centred.shape[:2], -1)

    return _Seen(values, rows, directions)


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
