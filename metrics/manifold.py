"""How much of one set of features lies where the other is: balls around each point, out to its k-th neighbour.

Precision and recall: Kynkäänniemi et al. 2019 (k = 3, the edge belongs to the ball). Density and coverage: Naeem et
al. 2020 (k = 5, it does not). Euclidean, float64, in blocks of rows.

Precision and density look from the images at fixed balls of the references: means over images. Recall and coverage look
from the references at the images, whose balls change when a prompt is deleted: their intervals are a prompt jackknife.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metrics.statistics.jackknife import Jackknife
from metrics.statistics.prompt_units import (
    PromptGroups,
    feature_table,
    jackknife_variance,
    mean_variance,
    proportion_interval,
    same_dimension,
    t_around,
)
from metrics.statistics.result import Interval, MetricResult
from metrics.statistics.vectors import blocks

if TYPE_CHECKING:
    import torch

K_PRECISION, K_DENSITY = 3, 5
LEAST_IMAGES = K_DENSITY + 1  # of each set: the nearest neighbours of density and coverage need as many
BLOCK = 2**24  # distances held at once, 128 MB
TIE = 1e-9  # distances closer than this to a radius are equal to it: the k-th neighbour itself lies on the edge
DEFINITIONS = {
    "precision": f"share of images in a ball of a reference, out to its neighbour {K_PRECISION}, edge included",
    "recall": f"share of references in a ball of an image, out to its neighbour {K_PRECISION}, edge included",
    "density": f"balls of references (neighbour {K_DENSITY}, edge excluded) that hold an image, divided by {K_DENSITY}",
    "coverage": f"share of references with an image in their ball (neighbour {K_DENSITY}, edge excluded)",
}


def manifold_results(
    features: np.ndarray, references: np.ndarray, *, prompts: np.ndarray | None = None
) -> dict[str, MetricResult]:
    """`precision`, `recall`, `density` and `coverage` of features (N, D) against references (M, D).

    All in [0, 1] but density, which is >= 0 and 1 for equal sets. At least 6 images and 6 references. prompts: (N,),
    the prompt row of each image, the unit of the intervals; None: the images themselves. Fewer than 3 have no interval.
    """
    found = _Measured.of(features, references, prompts)
    intervals = _intervals(found)
    return {metric: MetricResult(value, intervals[metric], len(features)) for metric, value in found.values.items()}


def manifold_jackknives(
    features: np.ndarray, references: np.ndarray, prompts: np.ndarray | None = None
) -> dict[str, Jackknife]:
    """The four scores, and without each prompt: for the differences of two sets. Input as for `manifold_results`.

    Recall has no values without a prompt where no more than 3 images would be left.
    """
    found, n = _Measured.of(features, references, prompts), len(features)
    sizes, label = found.groups.sizes, found.groups.label
    without = dict.fromkeys(DEFINITIONS, np.zeros(0))
    if len(sizes) > 1:
        for metric, values in (("precision", found.hits), ("density", found.balls)):
            lost = np.bincount(label, weights=values, minlength=len(sizes))
            without[metric] = (values.sum() - lost) / (n - sizes)
        without["coverage"] = found.reached.coverage_without
        if found.reached.recall_without is not None:
            without["recall"] = found.reached.recall_without
    return {metric: Jackknife(found.values[metric], without[metric], n) for metric in DEFINITIONS}


@dataclass(frozen=True)
class _Measured:
    """All that is counted, and the four scores. hits, balls: (N,), each image's part in precision and in density."""

    values: dict[str, float]
    hits: np.ndarray
    balls: np.ndarray
    reached: _Reached
    groups: PromptGroups

    @classmethod
    def of(cls, features: np.ndarray, references: np.ndarray, prompts: np.ndarray | None) -> _Measured:
        images = feature_table(features, "features", LEAST_IMAGES)
        others = feature_table(references, "references", LEAST_IMAGES)
        same_dimension(images, others)
        groups = PromptGroups.of(prompts, len(images))
        # Distances are differences of squares: the centre keeps these small.
        centre = np.asarray(np.mean(others, axis=0, dtype=np.float64))
        points, around = _Points.of(images, centre), _Points.of(others, centre)
        radii, _ = _nearest(around, K_DENSITY)
        outer = _edges(radii[:, K_PRECISION - 1], points, around, +1)
        inner = _edges(radii[:, K_DENSITY - 1], points, around, -1)
        closed, opened = _count_in_balls(points, around, outer, inner)
        reached = _reached(points, around, inner, groups)
        hits, balls = (closed > 0).astype(np.float64), opened / K_DENSITY
        values = {
            "precision": float(hits.mean()),
            "recall": float(reached.recalled.mean()),
            "density": float(balls.mean()),
            "coverage": float(reached.covered.mean()),
        }
        return cls(values, hits, balls, reached, groups)


@dataclass(frozen=True)
class _Points:
    """A set to be centred block by block: table (n, D), centre (D,), squared lengths of the centred rows (n,)."""

    table: np.ndarray
    centre: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, table: np.ndarray, centre: np.ndarray) -> _Points:
        parts = [table[rows].astype(np.float64) - centre for rows in blocks(0, len(table), 1024)]
        return cls(table, centre, np.concatenate([np.einsum("nd,nd->n", part, part) for part in parts]))

    def block(self, rows: slice) -> torch.Tensor:
        import torch

        return torch.from_numpy(self.table[rows].astype(np.float64) - self.centre)

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True)
class _Reached:
    """For each reference (M,), whether it is recalled and covered; both shares without each prompt, (G,) or None."""

    recalled: np.ndarray
    covered: np.ndarray
    recall_without: np.ndarray | None
    coverage_without: np.ndarray


def _squared_distances(a: _Points, rows: slice, b: _Points) -> torch.Tensor:
    """(rows, len(b)); rounding below 0 stays, as part of the tie."""
    import torch

    distances = torch.empty(rows.stop - rows.start, len(b), dtype=torch.float64)
    left = a.block(rows).mul_(-2)
    for columns in blocks(0, len(b), 4096):
        distances[:, columns] = left @ b.block(columns).T
    return distances.add_(torch.from_numpy(a.squares[rows, None])).add_(torch.from_numpy(b.squares))


def _nearest(points: _Points, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared distances to and rows of the k nearest other points, (n, k) each, ascending."""
    distances, rows_of = [], []
    for rows in _rows(points, points):
        found = _squared_distances(points, rows, points)
        found.diagonal(rows.start).fill_(float("inf"))
        nearest = found.topk(k, dim=1, largest=False, sorted=True)
        distances.append(nearest.values.numpy())
        rows_of.append(nearest.indices.numpy())
    return np.concatenate(distances), np.concatenate(rows_of)


def _edges(radii: np.ndarray, a: _Points, b: _Points, sign: int) -> torch.Tensor:
    """Squared radii moved out (sign +1) or in (-1) by the tie, which covers rounding near 0 as well."""
    import torch

    scale = max(float(a.squares.max()), float(b.squares.max()))
    return torch.from_numpy(radii + sign * (TIE * np.abs(radii) + 1e-13 * scale))


def _count_in_balls(
    points: _Points, around: _Points, outer: torch.Tensor, inner: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """For each image, (N,), the references' balls that hold it, with their edges and without.

    outer, inner: (M,), the squared radii of these balls.
    """
    closed, opened = [], []
    for rows in _rows(points, around):
        distances = _squared_distances(points, rows, around)
        closed.append((distances <= outer).sum(dim=1).numpy())
        opened.append((distances < inner).sum(dim=1).numpy())
    return np.concatenate(closed), np.concatenate(opened)


def _reached(points: _Points, around: _Points, inner: torch.Tensor, groups: PromptGroups) -> _Reached:
    """inner: (M,), the squared radii of the references' balls without their edge."""
    import torch

    balls = _ImageBalls.of(points, groups, around)
    label = torch.from_numpy(groups.label)
    recall, coverage = (_Deletions(np.zeros(groups.count, dtype=np.int64)) for _ in range(2))
    recalled, covered = [], []
    for rows in _rows(around, points):
        distances = _squared_distances(around, rows, points)
        inside = distances <= balls.edge
        covering = distances < inner[rows, None]
        recalled.append(inside.any(dim=1).numpy())
        covered.append(covering.any(dim=1).numpy())
        coverage.lose(covering, label)
        recall.lose(inside, label, *balls.regained(distances))
    hits, covers = np.concatenate(recalled), np.concatenate(covered)
    without = None if balls.edges_without is None else recall.shares(hits)
    return _Reached(hits, covers, without, coverage.shares(covers))


@dataclass(frozen=True)
class _ImageBalls:
    """Balls of the images. edge: (N,), squared radius with tie. prompts: (N, k), the prompts of the k nearest images.

    edges_without: (N, k), the edge when that prompt is deleted: it moves out to the next neighbour that stays. Minus
    infinity where that prompt is the image's own, since the ball is gone then. None when too few images would stay.
    """

    edge: torch.Tensor
    prompts: torch.Tensor
    edges_without: torch.Tensor | None

    @classmethod
    def of(cls, points: _Points, groups: PromptGroups, around: _Points) -> _ImageBalls:
        import torch

        k, largest = K_PRECISION, int(groups.sizes.max())
        enough = len(points) - largest > k
        squared, rows = _nearest(points, min(k + largest, len(points) - 1) if enough else k)
        near = groups.label[rows]
        edge, prompts = _edges(squared[:, k - 1], points, around, +1), torch.from_numpy(near[:, :k].copy())
        if not enough:
            return cls(edge, prompts, None)
        without = np.empty((len(points), k))
        for slot in range(k):
            stays = near != near[:, slot, None]
            kth = np.argmax(np.cumsum(stays, axis=1) == k, axis=1)
            without[:, slot] = squared[np.arange(len(points)), kth]
        edges = _edges(without, points, around, +1)
        edges[prompts == torch.from_numpy(groups.label)[:, None]] = -torch.inf
        return cls(edge, prompts, edges)

    def regained(self, distances: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pairs (row, prompt) where a grown ball holds the reference once the prompt is deleted; distances (b, N)."""
        import torch

        if self.edges_without is None:
            return torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
        found = []
        for slot in range(self.prompts.shape[1]):
            row, image = (distances <= self.edges_without[:, slot]).nonzero(as_tuple=True)
            found.append(torch.stack([row, self.prompts[image, slot]], dim=1))
        pairs = torch.cat(found).unique(dim=0)
        return pairs[:, 0], pairs[:, 1]


@dataclass
class _Deletions:
    """Change (G,) in the number of references held, if a prompt is deleted."""

    change: np.ndarray

    def lose(
        self,
        holds: torch.Tensor,
        label: torch.Tensor,
        row: torch.Tensor | None = None,
        prompt: torch.Tensor | None = None,
    ) -> None:
        """References (b,) held by the images of one prompt only are lost with it, unless (row, prompt) regains them."""
        import torch

        count = len(self.change)
        lowest = torch.where(holds, label, count).amin(dim=1)
        highest = torch.where(holds, label, -1).amax(dim=1)
        single = lowest == highest
        self.change -= torch.bincount(lowest[single], minlength=count).numpy()
        if row is not None and prompt is not None:
            gained = (highest[row] < 0) | (single[row] & (lowest[row] == prompt))
            self.change += torch.bincount(prompt[gained], minlength=count).numpy()

    def shares(self, held: np.ndarray) -> np.ndarray:
        """The share of references held without each prompt, (G,)."""
        return (held.sum() + self.change) / len(held)


def _intervals(found: _Measured) -> dict[str, Interval | None]:
    values, reached, unit, units = found.values, found.reached, found.groups.unit, found.groups.count
    none: dict[str, Interval | None] = dict.fromkeys(DEFINITIONS)
    hit_variance, ball_variance = (mean_variance(each, found.groups) for each in (found.hits, found.balls))
    if hit_variance is None or ball_variance is None:
        return none
    fixed = f"{unit} independent, references fixed"
    jackknife = f"Wilson with t, size from a jackknife over {unit}; {fixed}"
    intervals: dict[str, Interval | None] = {
        "precision": proportion_interval(
            values["precision"], hit_variance, units, f"Wilson with t over {unit}; {fixed}"
        ),
        "density": t_around(values["density"], ball_variance, units, f"t over {unit}; {fixed}", low=0.0),
        "coverage": proportion_interval(
            values["coverage"], jackknife_variance(reached.coverage_without), units, jackknife
        ),
    }
    if reached.recall_without is not None:
        variance = jackknife_variance(reached.recall_without)
        intervals["recall"] = proportion_interval(values["recall"], variance, units, jackknife)
    return none | intervals


def _rows(a: _Points, b: _Points) -> Iterator[slice]:
    return blocks(0, len(a), max(1, BLOCK // len(b)))
