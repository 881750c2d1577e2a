"""Kernel distances between two sets of features: KID (Binkowski et al. 2018) and CMMD (Jayasumana et al. 2024).

Both are a squared maximum mean discrepancy, mean k(x, x') + mean k(y, y') - 2 mean k(x, y), here over all pairs, in
float64 and in blocks, so that memory does not grow with the number of pairs.

With the references y fixed and a(x) = mean k(x, y), all that the interval needs are sums of one kernel of the images,

    h(x, x') = k(x, x') - a(x) - a(x') + mean k(y, y'),

the inner product of both images' distances from the references' mean in the kernel's feature space.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metrics.errors import MetricInputError
from metrics.statistics.jackknife import Jackknife
from metrics.statistics.prompt_units import PromptGroups, feature_table, same_dimension
from metrics.statistics.result import Interval, MetricResult
from metrics.statistics.squared_length import NoisyLength
from metrics.statistics.vectors import blocks, unit

if TYPE_CHECKING:
    import torch

ROWS, COLUMNS = 256, 4096  # a block of pairs, 8 MB
STRIP = 2**23  # sums of pairs of prompts held at once, 64 MB
LEAST = 4  # units, below which no interval is given
CMMD_SIGMA, CMMD_SCALE = 10.0, 1000.0
KID_DEFINITION = "squared MMD, kernel (x.y/d + 1)^3, unbiased, mean over all pairs"
CMMD_DEFINITION = "1000 x squared MMD, Gaussian kernel of sigma 10, features of length 1, biased (with equal pairs)"
METHOD = "inverted squared length with error (moments, t) over {}; {} independent, references fixed"

Kernel = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def kid_result(features: np.ndarray, references: np.ndarray, *, prompts: np.ndarray | None = None) -> MetricResult:
    """`kid` of features (N, D) to references (M, D), in the kernel's unit (not times 1000); may be below 0.

    All pairs: the mean that random subsets of any size scatter around. prompts: (N,), the prompt row of each image,
    the unit of the interval; None: the images themselves. No interval below 4 units.
    """
    images, others = _checked(features, references)
    found = _discrepancy(images, others, PromptGroups.of(prompts, len(images)), _cubic, biased=False)
    return _result(found, 1.0, len(images))


def cmmd_result(features: np.ndarray, references: np.ndarray, *, prompts: np.ndarray | None = None) -> MetricResult:
    """`cmmd` of features (N, D) to references (M, D), >= 0; rows are scaled to length 1 here. Else as `kid_result`.

    The published estimator keeps the pairs of an image with itself, a bias of about 1/N + 1/M: the note says how much.
    """
    images, others = _checked(features, references)
    found = _discrepancy(unit(images), unit(others), PromptGroups.of(prompts, len(images)), _gaussian, biased=True)
    note = f"finite-sample bias {CMMD_SCALE * found.bias:+.4g} is part of the value"
    return _result(found, CMMD_SCALE, len(images), note)


def kid_jackknife(features: np.ndarray, references: np.ndarray, prompts: np.ndarray | None = None) -> Jackknife:
    """`kid` of features (N, D) to references (M, D), and without each prompt: for the difference of two sets."""
    images, others = _checked(features, references)
    groups = PromptGroups.of(prompts, len(images))
    return _Sums.of(images, others, groups, _cubic).jackknife(groups.sizes, biased=False)


def cmmd_jackknife(features: np.ndarray, references: np.ndarray, prompts: np.ndarray | None = None) -> Jackknife:
    """The same for `cmmd`, times 1000 as there."""
    images, others = _checked(features, references)
    groups = PromptGroups.of(prompts, len(images))
    found = _Sums.of(unit(images), unit(others), groups, _gaussian).jackknife(groups.sizes, biased=True)
    return Jackknife(CMMD_SCALE * found.value, CMMD_SCALE * found.without, found.n)


def kid_of_subsets(
    features: np.ndarray, references: np.ndarray, *, subsets: int = 100, size: int = 1000, seed: int = 2020
) -> tuple[float, float]:
    """Mean and standard deviation of KID over random subsets: torch-fidelity's convention, draws and default seed.

    The deviation says how much subsets differ, not how sure the mean is: it is no standard error.
    """
    images, others = _checked(features, references)
    if min(len(images), len(others)) < size or size < 2:
        raise MetricInputError(
            f"subsets of {size} need 2 or more and at most {min(len(images), len(others))} images: choose another size"
        )
    random = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        chosen = images[random.choice(len(images), size, replace=False)]
        against = others[random.choice(len(others), size, replace=False)]
        own = sum(_mean_of_others(rows) for rows in (chosen, against))
        values.append(own - 2 * float(_mean_to(chosen, against, _cubic).mean()))
    return float(np.mean(values)), float(np.std(values))


def _mean_of_others(rows: np.ndarray) -> float:
    """KID's kernel, mean over all pairs of two different rows."""
    total, diagonal = _sum_of_pairs(rows, _cubic)
    return (total - diagonal) / (len(rows) * (len(rows) - 1))


def _checked(features: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    images, others = feature_table(features, "features"), feature_table(references, "references")
    same_dimension(images, others)
    return images, others


def _result(found: _Discrepancy, scale: float, n: int, note: str = "") -> MetricResult:
    value, interval = scale * found.value, None
    if found.limits is not None:
        low, high = (scale * limit for limit in found.limits)
        interval = Interval(min(value, low), max(value, high), METHOD.format(found.unit, found.unit))
    return MetricResult(value, interval, n, note)


def _cubic(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(x.y/d + 1)^3 - 1 for all pairs, (b, D) and (c, D) -> (b, c): the -1 cancels in the distance and saves digits."""
    s = (x @ y.T).div_(x.shape[1])
    return (s + 3).mul_(s).add_(3).mul_(s)


def _gaussian(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """exp(-|x - y|^2 / (2 sigma^2)) - 1 for all pairs of rows of length 1."""
    return (x @ y.T).sub_(1).div_(CMMD_SIGMA**2).expm1_()


@dataclass(frozen=True)
class _Discrepancy:
    """A squared MMD, its interval's limits (None below LEAST units), and its known finite-sample bias."""

    value: float
    limits: tuple[float, float] | None
    bias: float
    unit: str


@dataclass(frozen=True)
class _Sums:
    """All that is summed over pairs, prompts sorted. itself: (G,), h of a prompt's images with themselves.

    between, between_others: the mean kernel of the references, with and without each one's pair with itself.
    """

    pairs: _Pairs
    itself: np.ndarray
    between: float
    between_others: float

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray, groups: PromptGroups, kernel: Kernel) -> _Sums:
        m = len(y)
        x = x[groups.order] if groups.unit == "prompts" else x
        references_sum, references_diagonal = _sum_of_pairs(y, kernel)
        between = references_sum / m**2
        shift = _mean_to(x, y, kernel) - between / 2
        itself = np.add.reduceat(_diagonal(x, kernel) - 2 * shift, groups.start[:-1])
        between_others = (references_sum - references_diagonal) / (m * (m - 1))
        return cls(_pairs_of_prompts(x, shift, groups, kernel), itself, between, between_others)

    def unbiased(self, total: float | np.ndarray, itself: float | np.ndarray, n: int | np.ndarray) -> np.ndarray:
        """The unbiased squared MMD of n images whose h sums to `total`, of which `itself` on the diagonal."""
        return np.asarray((total - itself) / (n * (n - 1)) - self.between + self.between_others)

    def jackknife(self, sizes: np.ndarray, *, biased: bool) -> Jackknife:
        """The squared MMD of all images and without each prompt. sizes: (G,), its images."""
        n = int(sizes.sum())
        total, left = float((self.pairs.row + self.pairs.within).sum()), n - sizes
        lost = total - 2 * self.pairs.row - self.pairs.within
        itself = float(self.itself.sum())
        enough = len(sizes) > 1 and int(left.min()) >= 2
        if biased:
            return Jackknife(total / n**2, lost / left**2 if enough else np.zeros(0), n)
        without = self.unbiased(lost, itself - self.itself, left) if enough else np.zeros(0)
        return Jackknife(float(self.unbiased(total, itself, n)), without, n)


def _discrepancy(x: np.ndarray, y: np.ndarray, groups: PromptGroups, kernel: Kernel, *, biased: bool) -> _Discrepancy:
    n = len(x)
    sums = _Sums.of(x, y, groups, kernel)
    length = _noisy_length(sums.pairs, groups.sizes.astype(np.float64))
    unbiased = float(sums.unbiased(length.observed * n**2, float(sums.itself.sum()), n))
    value = length.observed if biased else unbiased
    limits = None
    if groups.count >= LEAST:
        low, high = length.interval()
        offset = length.total - length.observed + value  # of the value's expectation from |d|^2
        limits = low + offset, high + offset
    return _Discrepancy(value, limits, value - unbiased, groups.unit)


def _noisy_length(pairs: _Pairs, sizes: np.ndarray) -> NoisyLength:
    """The biased squared MMD as the squared length of shift plus error; the error's covariance is that over prompts.

    The products of two prompts' errors are H_gh - n_h u_g - n_g u_h, with the u below; their squares are expanded.
    """
    count, n = len(sizes), float(sizes.sum())
    row = (pairs.row + pairs.within) / n
    observed = max(float(row.sum()) / n, 0.0)  # rounding leaves -1e-17 on equal sets
    if count < LEAST:
        return NoisyLength(observed, 0.0, 0.0, 0.0, count)
    few = count / (count - 1)
    u = row - sizes * observed / 2
    total = float((pairs.within - 2 * sizes * u).sum()) / n**2 * few
    squares = pairs.squares - 4 * float(u @ pairs.row_sized)
    squares += 2 * (float(u @ u) * float(sizes @ sizes) + float(sizes @ u) ** 2 - 2 * float(np.sum((sizes * u) ** 2)))
    squares = max(squares, 0.0) / n**4 * few
    along = row - sizes * observed
    variance = float(along @ along) / n**2 * few
    skew = float(np.mean(along**3)) / float(np.mean(along**2)) ** 1.5 if variance > 0 else 0.0
    return NoisyLength(observed, variance, total, squares, count, skew)


@dataclass(frozen=True)
class _Pairs:
    """Sums of h over pairs of images, for prompts g (G,); H_gh is the sum over images of g and of another prompt h.

    row: sum over h of H_gh. row_sized: sum over h of H_gh n_h. within: H_gg. squares: the sum of all H_gh^2.
    """

    row: np.ndarray
    row_sized: np.ndarray
    within: np.ndarray
    squares: float


def _pairs_of_prompts(x: np.ndarray, shift: np.ndarray, groups: PromptGroups, kernel: Kernel) -> _Pairs:
    """All sums in one pass over the upper half of the pairs, by strips of prompts. x: (N, D), sorted by prompt.

    shift: (N,), so that h(x_i, x_j) = k(x_i, x_j) - shift_i - shift_j.
    """
    count, start, sizes = groups.count, groups.start, groups.sizes.astype(np.float64)
    row, row_sized, within, squares = np.zeros(count), np.zeros(count), np.zeros(count), 0.0
    for first, last in _strips(groups):
        sums = _strip_sums(x, shift, start, first, last, kernel)
        inside, beyond = sums[:, : last - first], sums[:, last - first :]
        within[first:last] = inside.diagonal()
        np.fill_diagonal(inside, 0)
        row[first:last] += inside.sum(axis=1) + beyond.sum(axis=1)
        row[last:] += beyond.sum(axis=0)
        row_sized[first:last] += inside @ sizes[first:last] + beyond @ sizes[last:]
        row_sized[last:] += sizes[first:last] @ beyond
        squares += float(np.vdot(inside, inside)) + 2 * float(np.vdot(sums, sums) - np.vdot(inside, inside))
    return _Pairs(row, row_sized, within, squares)


def _strips(groups: PromptGroups) -> Iterator[tuple[int, int]]:
    """Ranges of prompts of about ROWS images whose sums with all prompts fit in STRIP."""
    most = max(1, STRIP // groups.count)
    first = 0
    while first < groups.count:
        last = int(np.searchsorted(groups.start, groups.start[first] + ROWS, side="right")) - 1
        last = min(max(last, first + 1), first + most, groups.count)
        yield first, last
        first = last


def _strip_sums(
    x: np.ndarray, shift: np.ndarray, start: np.ndarray, first: int, last: int, kernel: Kernel
) -> np.ndarray:
    """H_gh of prompts first <= g < last with all h >= first, (last - first, G - first), pairs i = j included."""
    import torch

    label = np.repeat(np.arange(len(start) - 1), np.diff(start))
    sums = torch.zeros(last - first, len(start) - 1 - first, dtype=torch.float64)
    shifts = torch.from_numpy(shift)
    for rows in blocks(start[first], start[last], ROWS):
        left = _block(x, rows)
        row_label = torch.from_numpy(label[rows] - first)
        for columns in blocks(start[first], len(x), COLUMNS):
            h = kernel(left, _block(x, columns)).sub_(shifts[rows, None]).sub_(shifts[columns])
            low, high = label[columns.start] - first, label[columns.stop - 1] - first + 1
            if high - low < h.shape[1]:  # several images a prompt
                column_label = torch.from_numpy(label[columns] - first - low)
                h = torch.zeros(len(h), high - low, dtype=h.dtype).index_add_(1, column_label, h)
            sums[:, low:high].index_add_(0, row_label, h)
    return sums.numpy()


def _sum_of_pairs(y: np.ndarray, kernel: Kernel) -> tuple[float, float]:
    """The kernel's sum over all pairs of one set, and over the pairs of a row with itself; half is computed."""
    total = []
    for rows in blocks(0, len(y), ROWS):
        left = _block(y, rows)
        total.append(float(kernel(left, left).sum()))
        total += [2 * float(kernel(left, _block(y, c)).sum()) for c in blocks(rows.stop, len(y), COLUMNS)]
    return math.fsum(total), float(_diagonal(y, kernel).sum())


def _mean_to(x: np.ndarray, y: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Mean kernel of each row of x (N, D) with all rows of y (M, D), (N,)."""
    sums = np.zeros(len(x))
    for columns in blocks(0, len(y), COLUMNS):
        right = _block(y, columns)
        for rows in blocks(0, len(x), ROWS):
            sums[rows] += kernel(_block(x, rows), right).sum(dim=1).numpy()
    return sums / len(y)


def _diagonal(x: np.ndarray, kernel: Kernel) -> np.ndarray:
    """The kernel of each row with itself, (N,)."""
    parts = [kernel(_block(x, rows), _block(x, rows)).diagonal().numpy() for rows in blocks(0, len(x), ROWS)]
    return np.concatenate(parts)


def _block(table: np.ndarray, rows: slice) -> torch.Tensor:
    """Rows as a float64 tensor of their own."""
    import torch

    return torch.from_numpy(np.array(table[rows], dtype=np.float64))
