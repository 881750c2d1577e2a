"""Kernel distances between two sets of features: KID (Binkowski et al. 2018) and CMMD (Jayasumana et al. 2024).

Both are a squared maximum mean discrepancy, mean k(x, x') + mean k(y, y') - 2 mean k(x, y), here over all pairs, in
float64 and in blocks, so that memory does not grow with the number of pairs.

With the references y fixed and a(x) = mean k(x, y), it is one U-statistic of the images with the kernel

    h(x, x') = k(x, x') - a(x) - a(x') + mean k(y, y')

so the variance of U-statistics (Hoeffding 1948) gives the interval, with sums over a prompt's images as the unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metrics.clip_score import unit
from metrics.errors import MetricInputError
from metrics.prompt_units import PromptGroups, feature_table, same_dimension, t_around
from metrics.result import MetricResult

if TYPE_CHECKING:
    import torch

ROWS, COLUMNS = 256, 4096  # a block of pairs, 8 MB
STRIP = 2**23  # sums of pairs of prompts held at once, 64 MB
CMMD_SIGMA, CMMD_SCALE = 10.0, 1000.0
KID_DEFINITION = "squared MMD, kernel (x.y/d + 1)^3, unbiased, mean over all pairs"
CMMD_DEFINITION = "1000 x squared MMD, Gaussian kernel of sigma 10, features of length 1, biased (with equal pairs)"
METHOD = "t, U-statistic variance over {}; {} independent, references fixed"

Kernel = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def kid_result(
    features: np.ndarray,
    references: np.ndarray,
    definition: str,
    fingerprint: str,
    note: str = "",
    *,
    prompts: np.ndarray | None = None,
) -> MetricResult:
    """`kid` of features (N, D) to references (M, D), in the kernel's unit (not times 1000); may be below 0.

    All pairs: the mean that random subsets of any size scatter around. prompts: (N,), the prompt row of each image,
    the unit of the interval; None: the images themselves. No interval below 4 units.
    """
    images, others = _checked(features, references)
    found = _discrepancy(images, others, PromptGroups.of(prompts, len(images)), _cubic, biased=False)
    return _result("kid", found, 1.0, len(images), f"{definition}; {KID_DEFINITION}", fingerprint, note)


def cmmd_result(
    features: np.ndarray,
    references: np.ndarray,
    definition: str,
    fingerprint: str,
    note: str = "",
    *,
    prompts: np.ndarray | None = None,
) -> MetricResult:
    """`cmmd` of features (N, D) to references (M, D), >= 0; rows are scaled to length 1 here. Else as `kid_result`.

    The published estimator keeps the pairs of an image with itself, a bias of about 1/N + 1/M: the note says how much.
    """
    images, others = _checked(features, references)
    found = _discrepancy(unit(images), unit(others), PromptGroups.of(prompts, len(images)), _gaussian, biased=True)
    bias = f"finite-sample bias {CMMD_SCALE * found.bias:+.4g} is part of the value"
    notes = f"{note}; {bias}" if note else bias
    return _result("cmmd", found, CMMD_SCALE, len(images), f"{definition}; {CMMD_DEFINITION}", fingerprint, notes)


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
    groups = PromptGroups.of(None, size)
    values = []
    for _ in range(subsets):
        chosen = images[random.choice(len(images), size, replace=False)]
        against = others[random.choice(len(others), size, replace=False)]
        values.append(_discrepancy(chosen, against, groups, _cubic, biased=False).value)
    return float(np.mean(values)), float(np.std(values))


def _checked(features: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    images, others = feature_table(features, "features"), feature_table(references, "references")
    same_dimension(images, others)
    return images, others


def _result(
    metric: str, found: _Discrepancy, scale: float, n: int, definition: str, fingerprint: str, note: str
) -> MetricResult:
    value, interval = scale * found.value, None
    if found.variance is not None:
        method = METHOD.format(found.unit, found.unit)
        interval = t_around(value, scale**2 * found.variance, found.units, method)
    return MetricResult(metric, value, interval, n, definition, fingerprint, note)


def _cubic(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(x.y/d + 1)^3 - 1 for all pairs, (b, D) and (c, D) -> (b, c): the -1 cancels in the distance and saves digits."""
    s = (x @ y.T).div_(x.shape[1])
    return (s + 3).mul_(s).add_(3).mul_(s)


def _gaussian(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """exp(-|x - y|^2 / (2 sigma^2)) - 1 for all pairs of rows of length 1."""
    return (x @ y.T).sub_(1).div_(CMMD_SIGMA**2).expm1_()


@dataclass(frozen=True)
class _Discrepancy:
    """A squared MMD, the variance of its sampling error (None below 4 units), and its known finite-sample bias."""

    value: float
    variance: float | None
    bias: float
    units: int
    unit: str


def _discrepancy(x: np.ndarray, y: np.ndarray, groups: PromptGroups, kernel: Kernel, *, biased: bool) -> _Discrepancy:
    n, m = len(x), len(y)
    x = x[groups.order] if groups.unit == "prompts" else x
    references_sum, references_diagonal = _sum_of_pairs(y, kernel)
    between = references_sum / m**2 if biased else (references_sum - references_diagonal) / (m * (m - 1))
    attraction = _mean_to(x, y, kernel)
    pairs = _pairs_of_prompts(x, attraction - between / 2, groups, kernel, with_self=biased)
    normaliser = n**2 if biased else n * (n - 1)
    value = float(pairs.row.sum() + pairs.within.sum()) / normaliser
    variance = _variance(pairs, value, groups.sizes, normaliser, biased) if groups.count >= 4 else None
    # the diagonal of kernel - 1 is 0 for the Gaussian, so the biased means are (n - 1) / n of the unbiased
    bias = 0.0
    if biased:
        own = value * n**2 + 2 * n * float(attraction.sum()) - n**2 * between
        bias = -own / (n**2 * (n - 1)) - references_sum / (m**2 * (m - 1))
    return _Discrepancy(value, variance, bias, groups.count, groups.unit)


@dataclass(frozen=True)
class _Pairs:
    """Sums of h over pairs of images, for prompts g (G,); H_gh is the sum over images of g and of another prompt h.

    row: sum over h of H_gh. row_sized: sum over h of H_gh n_h. within: pairs inside the prompt. squares: sum of H_gh^2.
    """

    row: np.ndarray
    row_sized: np.ndarray
    within: np.ndarray
    squares: float


def _pairs_of_prompts(
    x: np.ndarray, shift: np.ndarray, groups: PromptGroups, kernel: Kernel, *, with_self: bool
) -> _Pairs:
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
    if not with_self:
        itself = _diagonal(x, kernel) - 2 * shift
        within -= np.add.reduceat(itself, start[:-1])
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
    for rows in _ranges(start[first], start[last], ROWS):
        left = _block(x, rows)
        row_label = torch.from_numpy(label[rows] - first)
        for columns in _ranges(start[first], len(x), COLUMNS):
            h = kernel(left, _block(x, columns)).sub_(shifts[rows, None]).sub_(shifts[columns])
            low, high = label[columns.start] - first, label[columns.stop - 1] - first + 1
            if high - low < h.shape[1]:  # several images a prompt
                column_label = torch.from_numpy(label[columns] - first - low)
                h = torch.zeros(len(h), high - low, dtype=h.dtype).index_add_(1, column_label, h)
            sums[:, low:high].index_add_(0, row_label, h)
    return sums.numpy()


def _variance(pairs: _Pairs, value: float, sizes: np.ndarray, normaliser: int, biased: bool) -> float:
    """Variance of the statistic over prompts, by the unbiased estimates of both of Hoeffding's terms.

    The statistic is a U-statistic of G prompts with kernel Q_gh = H_gh - value n_g n_h + (w_g + w_h) / (2 (G - 1)),
    where w_g is the prompt's own centred pairs; its sum is 0, so the degree-4 term has no mean in it. The term of
    first order is held at 0 or above, which near equal sets leaves that of second order, the one that is there.
    """
    count, n = len(sizes), sizes.astype(np.float64)
    own = pairs.within - value * (n**2 if biased else n * (n - 1))
    row = pairs.row - value * n * (n.sum() - n)
    squares = pairs.squares - 2 * value * float(n @ pairs.row_sized)
    squares += value**2 * float(np.sum(n**2) ** 2 - np.sum(n**4))
    squares += 2 * float(row @ own) / (count - 1)
    squares += ((count - 2) * float(own @ own) + float(own.sum()) ** 2) / (2 * (count - 1) ** 2)
    row = row + own / 2 + (own.sum() - own) / (2 * (count - 1))
    chains = float(row @ row)
    shared = (chains - squares) / (count * (count - 1) * (count - 2))
    disjoint = (2 * squares - 4 * chains) / (count * (count - 1) * (count - 2) * (count - 3))
    first = max(shared - disjoint, 0.0)
    second = max(squares / (count * (count - 1)) - disjoint, 0.0)
    return (4 * (count - 2) * first + 2 * second) * count * (count - 1) / normaliser**2


def _sum_of_pairs(y: np.ndarray, kernel: Kernel) -> tuple[float, float]:
    """The kernel's sum over all pairs of one set, and over the pairs of a row with itself; half is computed."""
    total = []
    for rows in _ranges(0, len(y), ROWS):
        left = _block(y, rows)
        total.append(float(kernel(left, left).sum()))
        total += [2 * float(kernel(left, _block(y, c)).sum()) for c in _ranges(rows.stop, len(y), COLUMNS)]
    return math.fsum(total), float(_diagonal(y, kernel).sum())


def _mean_to(x: np.ndarray, y: np.ndarray, kernel: Kernel) -> np.ndarray:
    """Mean kernel of each row of x (N, D) with all rows of y (M, D), (N,)."""
    sums = np.zeros(len(x))
    for columns in _ranges(0, len(y), COLUMNS):
        right = _block(y, columns)
        for rows in _ranges(0, len(x), ROWS):
            sums[rows] += kernel(_block(x, rows), right).sum(dim=1).numpy()
    return sums / len(y)


def _diagonal(x: np.ndarray, kernel: Kernel) -> np.ndarray:
    """The kernel of each row with itself, (N,)."""
    parts = [kernel(_block(x, rows), _block(x, rows)).diagonal().numpy() for rows in _ranges(0, len(x), ROWS)]
    return np.concatenate(parts)


def _ranges(first: int, last: int, step: int) -> Iterator[slice]:
    return (slice(begin, min(begin + step, last)) for begin in range(int(first), int(last), step))


def _block(table: np.ndarray, rows: slice) -> torch.Tensor:
    """Rows as a float64 tensor of their own."""
    import torch

    return torch.from_numpy(np.array(table[rows], dtype=np.float64))
