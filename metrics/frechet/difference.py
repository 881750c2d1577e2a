"""The difference of two Fréchet distances to the same references, paired by prompt, and what of it is bias."""

from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.infinity import FrechetLine, enough_images, frechet_line
from metrics.frechet.interval import frechet_jackknife
from metrics.statistics.jackknife import PAIRED_TO_REFERENCES, Jackknife, jackknife_interval, paired_interval
from metrics.statistics.paired import PairedResult
from metrics.statistics.result import Interval


@dataclass(frozen=True)
class FrechetDifference:
    """Distances of two sets of n images of the same prompts, and a - b.

    interval: of a - b as expected at this n; None with fewer than 3 prompts. limits: both distances extrapolated to
    infinite n, and limit_interval that of their difference; None with fewer than 3 images a dimension.
    bias: what n being finite adds to a and to b, by the extrapolation, else by the jackknife; None when n <= D, where
    nothing in the sets tells it.
    """

    a: float
    b: float
    interval: Interval | None
    n: int
    dimension: int
    limits: tuple[float, float] | None
    limit_interval: Interval | None
    bias: tuple[float, float] | None

    @property
    def difference(self) -> float:
        """a - b at this n."""
        return self.a - self.b

    @property
    def at_this_n(self) -> PairedResult:
        """Both distances as they are, with what of them is bias."""
        hopeless, doubtful = self.n <= self.dimension, self.n_is_too_small
        return PairedResult(self.a, self.b, self.interval, self.n, self._bias_note, hopeless, doubtful)

    @property
    def at_infinity(self) -> PairedResult | None:
        """Both distances extrapolated to infinite n; None where they cannot be."""
        return PairedResult(*self.limits, self.limit_interval, self.n) if self.limits else None

    @property
    def _bias_note(self) -> str:
        if self.bias is None:
            return f"n = {self.n} images is at most the dimension {self.dimension}: bias cannot be told from distance"
        how = "FID-infinity fit" if self.limits else "jackknife; too few images for a FID-infinity fit"
        a, b = self.bias
        return f"finite-sample bias about {a:.3g} in A and {b:.3g} in B, {a - b:+.2g} in the difference ({how})"

    @property
    def n_is_too_small(self) -> bool:
        """Whether bias may make the difference: n <= D, or without the biases it has no clear sign or the other one."""
        if self.bias is None or self.interval is None:
            return self.bias is None
        shift = self.bias[0] - self.bias[1]
        low, high = self.interval.low - shift, self.interval.high - shift
        return low <= 0 <= high or (low > 0) != (self.difference > 0)


def frechet_difference(
    features_a: np.ndarray, features_b: np.ndarray, reference: Gaussian, prompts: np.ndarray | None = None
) -> FrechetDifference:
    """Compare features (N, D) and (N, D), row by row of the same prompt: prompts (N,), or None for one image each.

    A prompt is left out of both sets at once, so that what makes it easy or hard for both leaves the interval.
    Raises MetricInputError for sets of different shapes, and for what `frechet_result` refuses.
    """
    if features_a.shape != features_b.shape:
        raise MetricInputError(
            f"the sets hold {features_a.shape} and {features_b.shape} features: a paired difference needs equal shapes"
        )
    n, dimension = features_a.shape
    a, b = (frechet_jackknife(features, reference, prompts) for features in (features_a, features_b))
    method = PAIRED_TO_REFERENCES.format(units="images" if prompts is None else "prompts")
    lines = None
    if enough_images(n, dimension):
        lines = tuple(frechet_line(features, reference, prompts=prompts) for features in (features_a, features_b))
    limits = (lines[0].limit, lines[1].limit) if lines else None
    moved = limits[0] - limits[1] if limits else 0.0
    without = a.without - b.without - (a.value - b.value) + moved
    return FrechetDifference(
        a=a.value,
        b=b.value,
        interval=paired_interval(a, b, method),
        n=n,
        dimension=dimension,
        limits=limits,
        limit_interval=jackknife_interval(moved, without, method) if limits else None,
        bias=_bias(n, dimension, (a, b), lines),
    )


def _bias(
    n: int, dimension: int, sets: tuple[Jackknife, Jackknife], lines: tuple[FrechetLine, ...] | None
) -> tuple[float, float] | None:
    if n <= dimension or len(sets[0].without) < 2:
        return None
    return (lines[0].bias, lines[1].bias) if lines else (sets[0].bias, sets[1].bias)
