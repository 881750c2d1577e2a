"""The Fréchet distance of infinitely many images (FID-infinity, Chong & Forsyth 2020): a line in 1/n, read at 0.

The set is cut at random, whole prompts at a time, into 1, 2 and 4 parts of equal size; the mean distance of the parts
is one point of the line. Parts that fill the set, instead of subsets that overlap, make the error that is linear in the
images the same at every point, so that it cannot tilt the line: its slope is far steadier than through single subsets.
"""

from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import SLICE, Gaussian
from metrics.frechet.interval import frechet_jackknife
from metrics.frechet.moments import Moments, merge_all
from metrics.statistics.jackknife import Jackknife, jackknife_interval
from metrics.statistics.prompt_units import PromptGroups
from metrics.statistics.result import Interval, MetricResult

LEAST_IMAGES = 3  # per dimension: below, the distance is no line in 1/n
QUARTER_IMAGES = 8  # per dimension, from which on quarters are used
CONVENTION = "extrapolated to infinite n by a line in 1/n"
METHOD = "jackknife over {units} at full n, around the extrapolation, references fixed"


@dataclass(frozen=True)
class FrechetLine:
    """Distances of ever smaller parts and the line through them.

    sizes: (p,), mean images in a part, the full set first. distances: (p,), the mean over the parts of a size.
    limit: the line at 1/n = 0, in squared feature units, which may fall below 0 by chance.
    """

    sizes: np.ndarray
    distances: np.ndarray
    limit: float

    @property
    def bias(self) -> float:
        """What n being finite adds to the distance of the full set."""
        return float(self.distances[0]) - self.limit


def enough_images(n: int, dimension: int) -> bool:
    """Whether the distance of n images can be extrapolated: at least 3 a dimension."""
    return n >= LEAST_IMAGES * dimension


def frechet_infinity_result(
    features: np.ndarray,
    reference: Gaussian,
    *,
    prompts: np.ndarray | None = None,
    seed: int = 0,
    jackknife: Jackknife | None = None,
) -> MetricResult:
    """The extrapolated distance of features (N, D) to fixed references, with an interval over prompts.

    prompts: (N,) int, which images belong to one prompt; without it every image stands for itself.
    seed: of the cut into parts. jackknife: of these very features, where it is there already.
    Only the generated set grows to infinity: the references stay as they are.
    Raises MetricInputError for fewer than 3 images a dimension (see `enough_images`), NaN, infinity, or another
    dimension than the references'.
    """
    line = frechet_line(features, reference, prompts=prompts, seed=seed)
    full = jackknife or frechet_jackknife(features, reference, prompts)
    interval = _interval(line, full, "images" if prompts is None else "prompts")
    return MetricResult(line.limit, interval, full.n, f"{line.bias:.3g} below the distance of all {full.n} images")


def frechet_infinity_definition(n: int, dimension: int, seed: int = 0) -> str:
    """How the distance of n images is extrapolated, in words."""
    sizes = ", ".join(f"{size:.0f}" for size in _sizes(n, dimension))
    return f"{CONVENTION} over parts of {sizes} images, seed {seed}"


def frechet_line(
    features: np.ndarray, reference: Gaussian, *, prompts: np.ndarray | None = None, seed: int = 0
) -> FrechetLine:
    """The line of features (N, D): one pass over them, and one distance for each part."""
    n, dimension = features.shape
    if not enough_images(n, dimension):
        raise MetricInputError(
            f"{n} images of {dimension} feature dimensions cannot be extrapolated to infinity: "
            f"at least {LEAST_IMAGES * dimension} are needed"
        )
    if not np.isfinite(features).all():
        raise MetricInputError("features hold NaN or infinity: no distance can be computed from them")
    groups = PromptGroups.of(prompts, n)
    counts = _counts(n, dimension)
    moments = [_moments(features[rows]) for rows in _parts(groups, counts[-1], seed)]
    distances = [_mean_distance(moments, count, reference) for count in counts]
    sizes = _sizes(n, dimension)
    limit = float(np.polyfit(1 / sizes, distances, 1)[1])
    return FrechetLine(sizes, np.asarray(distances), limit)


def _counts(n: int, dimension: int) -> tuple[int, ...]:
    """Into how many parts the set is cut, at each point of the line."""
    return (1, 2, 4) if n >= QUARTER_IMAGES * dimension else (1, 2)


def _sizes(n: int, dimension: int) -> np.ndarray:
    """Mean images of a part at each point, (p,)."""
    return n / np.asarray(_counts(n, dimension), dtype=np.float64)


def _parts(groups: PromptGroups, count: int, seed: int) -> list[np.ndarray]:
    """Image numbers of `count` random parts, a prompt's images always in one, with as many images as can be in each."""
    if groups.count < count:
        raise MetricInputError(f"{groups.count} prompts cannot be cut into {count} parts: more prompts are needed")
    order = np.random.default_rng(seed).permutation(groups.count)
    sizes = groups.sizes[order]
    middles = np.cumsum(sizes) - sizes / 2
    part_of = np.empty(groups.count, dtype=np.int64)
    part_of[order] = np.minimum(middles * count // len(groups.label), count - 1)
    return [np.flatnonzero(part_of[groups.label] == part) for part in range(count)]


def _moments(features: np.ndarray) -> Moments:
    return merge_all(Moments.of(features[start : start + SLICE]) for start in range(0, len(features), SLICE))


def _mean_distance(moments: list[Moments], count: int, reference: Gaussian) -> float:
    """The mean distance of `count` parts, each of several of the finest ones."""
    width = len(moments) // count
    merged = [merge_all(moments[start : start + width]) for start in range(0, len(moments), width)]
    distances = [frechet_distance(Gaussian(m.n, m.mean, m.covariance, None, computed=True), reference) for m in merged]
    return float(np.mean(distances))


def _interval(line: FrechetLine, full: Jackknife, units: str) -> Interval | None:
    """The full set's own error, moved to the limit: what is linear in the images is the same in both."""
    moved = full.without + (line.limit - full.value)
    return jackknife_interval(line.limit, moved, METHOD.format(units=units))
