"""The Fréchet distance of infinitely many images and references (after FID-infinity, Chong & Forsyth 2020).

The mean distance of sets of n images and m references is a power series in 1/n and 1/m. With both numbers divided by k,

    D_k = D + k a + k^2 b + ...,

the jackknife gives the slope at k = 1, a + 2b, and halves of both sets give D_2: so D = D_2 - 2 (slope), without any
term of second order. A line through D_1, D_2 and D_4, which leaves those terms in, was off by many standard errors
(docs/metrics_in_depth.md). Halves fill the sets and hold whole prompts, so that the error which is linear in images and
references is the same at both points; and a reference that belongs to a prompt is always in the half of its prompt, so
that what both share cancels in halves as it does in the sets.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import SLICE, Gaussian
from metrics.frechet.interval import INDEPENDENT, WITHOUT_REFERENCES, FrechetJackknife, frechet_jackknife
from metrics.frechet.moments import Moments, merge_all
from metrics.statistics.jackknife import jackknife_interval
from metrics.statistics.prompt_units import PromptGroups
from metrics.statistics.result import Interval, MetricResult
from metrics.threads import one_blas_thread

LEAST_IMAGES = 3  # independent ones, and references, per dimension: below, the series tells nothing
CUTS = (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2)))  # of quarters into halves
QUARTERS = 4
METHOD = "jackknife over {units} at full n, around the extrapolation"


@dataclass(frozen=True)
class FrechetLimit:
    """value: the distance of the images there are. limit: that of infinitely many, which may fall below 0 by chance.

    correction: what of the limit is due to the term of second order.
    """

    value: float
    limit: float
    correction: float

    @property
    def bias(self) -> float:
        """What n being finite adds to the distance."""
        return self.value - self.limit


def trusted(interval: Interval | None, correction: float) -> Interval | None:
    """An interval about a limit, if it is wider than the term of second order, and so than those that are left out."""
    return interval if interval and interval.high - interval.low >= 2 * abs(correction) else None


def too_few(found: FrechetJackknife, dimension: int, references: np.ndarray | None) -> str:
    """Why a distance cannot be extrapolated, in words that follow its name; empty where it can be."""
    least = LEAST_IMAGES * dimension
    needs = f"which needs {LEAST_IMAGES} {{}} for each of {dimension} dimensions and has {{}}"
    if found.n < least:
        return needs.format("images", found.n)
    if references is not None and len(references) < least:
        return needs.format("references", len(references))
    if len(found.without) < QUARTERS:
        return f"which needs {QUARTERS} prompts and has {len(found.without)}"
    if found.independent < least:
        return needs.format("independent images", f"{found.independent:.0f}: those of a prompt are alike")
    return ""


def frechet_infinity_result(
    features: np.ndarray,
    reference: Gaussian,
    *,
    prompts: np.ndarray | None = None,
    references: np.ndarray | None = None,
    prompt_references: np.ndarray | None = None,
    seed: int = 0,
    jackknife: FrechetJackknife | None = None,
) -> MetricResult:
    """The extrapolated distance of features (N, D) to references, with an interval over prompts and references.

    prompts: (N,) int, which images belong to one prompt; without it every image stands for itself.
    references: (M, D), the features behind `reference`. Without them the references are taken as they are: only the
    generated set grows to infinity, the interval holds them fixed, and the note says so. prompt_references: see
    `frechet_jackknife`; without it they are taken as independent of the prompts, and the note says that.
    seed: of the cuts. jackknife: of these very features, where it is there already.
    No interval is given where the term of second order is larger than it would be.
    Raises MetricInputError for too few images, prompts or references (see `too_few`), NaN, infinity, or another
    dimension than the references'.
    """
    found = jackknife or frechet_jackknife(features, reference, prompts, references, prompt_references)
    limit = frechet_limit(features, reference, found, prompts=prompts, references=references, seed=seed)
    whole = _interval(limit, found, "images" if prompts is None else "prompts")
    interval = trusted(whole, limit.correction)
    sets = f"{found.n} images" if references is None else f"{found.n} images and {len(references)} references"
    apart = f", {found.belonging} of which belong to prompts" if found.belonging else f", {INDEPENDENT}"
    if references is None:
        apart = f", the images' finite-sample bias ({WITHOUT_REFERENCES})"
    note = f"{limit.bias:.3g} below the distance of these {sets}{apart}"
    if whole and not interval:
        note += f"; no interval, as terms of second order ({limit.correction:+.2g}) are larger: too few images"
    return MetricResult(limit.limit, interval, found.n, note)


def frechet_infinity_definition(references: bool, seed: int = 0, *, together: bool = False) -> str:
    """How a distance is extrapolated, in words. references: whether theirs is, too. together: those of prompts jointly
    with the images."""
    what = "of images, references as they are"
    if references:
        what = f"of images and references{', those of a prompt together' if together else ''}"
    return f"extrapolated to infinite n {what}: to second order in 1/n, by jackknife and halves (3 cuts, seed {seed})"


@one_blas_thread()
def frechet_limit(
    features: np.ndarray,
    reference: Gaussian,
    found: FrechetJackknife,
    *,
    prompts: np.ndarray | None = None,
    references: np.ndarray | None = None,
    seed: int = 0,
) -> FrechetLimit:
    """The limit for features (N, D) whose jackknife is known: one pass over both sets, and six distances.

    Raises MetricInputError where `too_few` says why there is none.
    """
    reason = too_few(found, features.shape[1], references)
    if reason:
        raise MetricInputError(f"there is no distance of infinitely many images, {reason}")
    random = np.random.default_rng(seed)
    groups = PromptGroups.of(prompts, len(features))
    part_of = _quarters(groups.sizes, random)
    images = _halves(features, part_of[groups.label])
    theirs: Iterator[Gaussian | None] = iter([None] * 2 * len(CUTS))
    if references is not None:
        theirs = _halves(references, _reference_quarters(len(references), part_of, found.prompt_references, random))
    halves = [frechet_distance(half, other or reference) for half, other in zip(images, theirs, strict=True)]
    moved = float(np.mean(halves)) - found.value
    return FrechetLimit(found.value, found.value + moved - 2 * found.whole_bias, moved - found.whole_bias)


def _halves(features: np.ndarray, part_of: np.ndarray) -> Iterator[Gaussian]:
    """The Gaussians of both halves of each cut. part_of: the quarter of each row."""
    quarters = [_moments(features[part_of == part]) for part in range(QUARTERS)]
    for cut in CUTS:
        for half in cut:
            found = merge_all(quarters[i] for i in half)
            yield Gaussian(found.n, found.mean, found.covariance, None, computed=True)


def _quarters(sizes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Which of four random parts each prompt is in, (G,), with as many images as can be in each. sizes: (G,)."""
    order = random.permutation(len(sizes))
    middles = np.cumsum(sizes[order]) - sizes[order] / 2
    part_of = np.empty(len(sizes), dtype=np.int64)
    part_of[order] = np.minimum(middles * QUARTERS // sizes.sum(), QUARTERS - 1)
    return part_of


def _reference_quarters(
    m: int, part_of: np.ndarray, prompt_references: np.ndarray | None, random: np.random.Generator
) -> np.ndarray:
    """Which quarter each of m references is in: that of its prompt, (G,), or a random one."""
    found = np.full(m, -1)
    if prompt_references is not None:
        own = prompt_references >= 0
        found[prompt_references[own]] = part_of[own]
    others = np.flatnonzero(found < 0)
    found[others] = _quarters(np.ones(len(others)), random)
    return found


def _moments(features: np.ndarray) -> Moments:
    return merge_all(Moments.of(features[start : start + SLICE]) for start in range(0, len(features), SLICE))


def _interval(limit: FrechetLimit, found: FrechetJackknife, units: str) -> Interval | None:
    """The full sets' own errors, moved to the limit: what is linear in images and references is the same in both."""
    moved = found.without + (limit.limit - found.value)
    if found.references:
        method = METHOD.format(units=f"{units} and references")
        theirs, pairs = found.references.without, found.prompt_references
        return jackknife_interval(limit.limit, moved, method, beside=theirs, pairs=pairs)
    return jackknife_interval(limit.limit, moved, f"{METHOD.format(units=units)}, references fixed")
