"""The difference of two Fréchet distances to the same references, paired by prompt, and what of it is bias."""

from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.infinity import FrechetLimit, frechet_limit, too_few, trusted
from metrics.frechet.interval import INDEPENDENT, WITHOUT_REFERENCES, FrechetJackknife, frechet_jackknife
from metrics.statistics.jackknife import PAIRED, PAIRED_TO_REFERENCES, jackknife_interval, paired_interval
from metrics.statistics.paired import PairedResult
from metrics.statistics.result import Interval
from metrics.threads import one_blas_thread


@dataclass(frozen=True)
class FrechetDifference:
    """Distances of two sets of n images of the same prompts, and a - b.

    interval: of a - b as expected at this n; None with fewer than 3 prompts. limits: both distances extrapolated to
    infinite n, or None, and then unlimited says why; limit_interval: of their difference, None where terms of second
    order are larger. bias: what n being finite adds to a and to b, by the extrapolation, else by the jackknife; None
    when n <= D, where nothing in the sets tells it. references: in words, how the bias takes them in.
    """

    a: float
    b: float
    interval: Interval | None
    n: int
    dimension: int
    limits: tuple[float, float] | None
    limit_interval: Interval | None
    bias: tuple[float, float] | None
    unlimited: str = ""
    references: str = ""

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
        how = "FID-infinity" if self.limits else "jackknife; too few images for FID-infinity"
        how += f"; {self.references}" if self.references else ""
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


@one_blas_thread()
def frechet_difference(
    features_a: np.ndarray,
    features_b: np.ndarray,
    reference: Gaussian,
    prompts: np.ndarray | None = None,
    references: np.ndarray | None = None,
    prompt_references: np.ndarray | None = None,
) -> FrechetDifference:
    """Compare features (N, D) and (N, D), row by row of the same prompt: prompts (N,), or None for one image each.

    references: (M, D), the features behind `reference`, where they are at hand: biases and limits then take theirs in.
    prompt_references: see `frechet_jackknife`. A model whose images share more with the references of their prompts is
    nearer to them by that alone, which does not cancel: with it, biases and limits know.
    A prompt is left out of both sets at once, so that what makes it easy or hard for both leaves the interval; so is,
    at the limit, a reference.
    Raises MetricInputError for sets of different shapes, and for what `frechet_result` refuses.
    """
    if features_a.shape != features_b.shape:
        raise MetricInputError(
            f"the sets hold {features_a.shape} and {features_b.shape} features: a paired difference needs equal shapes"
        )
    n, dimension = features_a.shape
    sets = features_a, features_b
    a, b = (frechet_jackknife(features, reference, prompts, references, prompt_references) for features in sets)
    units = "images" if prompts is None else "prompts"
    unlimited = too_few(a, dimension, references) or too_few(b, dimension, references)
    limits = None
    if not unlimited:
        limits = tuple(
            frechet_limit(features, reference, found, prompts=prompts, references=references)
            for features, found in zip(sets, (a, b), strict=True)
        )
    return FrechetDifference(
        a=a.value,
        b=b.value,
        interval=paired_interval(a, b, PAIRED_TO_REFERENCES.format(units=units)),
        n=n,
        dimension=dimension,
        limits=(limits[0].limit, limits[1].limit) if limits else None,
        limit_interval=_limit_interval((a, b), limits, units) if limits else None,
        bias=_bias(dimension, (a, b), limits),
        unlimited=unlimited,
        references=_words(a),
    )


def _words(found: FrechetJackknife) -> str:
    """What the bias does not know of the references."""
    if not found.references:
        return WITHOUT_REFERENCES
    return "" if found.prompt_references is not None else f"references {INDEPENDENT}"


def _limit_interval(
    sets: tuple[FrechetJackknife, FrechetJackknife], limits: tuple[FrechetLimit, ...], units: str
) -> Interval | None:
    """Of the difference of the limits; None where their terms of second order differ by more than its half-width."""
    (a, b), moved = sets, limits[0].limit - limits[1].limit
    method, theirs, pairs = PAIRED_TO_REFERENCES.format(units=units), None, a.prompt_references
    if a.references and b.references:
        method = PAIRED.format(units=f"{units} and references")
        theirs = a.references.without - b.references.without
    without = a.without - b.without - (a.value - b.value) + moved
    interval = jackknife_interval(moved, without, method, beside=theirs, pairs=pairs)
    return trusted(interval, limits[0].correction - limits[1].correction)


def _bias(
    dimension: int, sets: tuple[FrechetJackknife, FrechetJackknife], limits: tuple[FrechetLimit, ...] | None
) -> tuple[float, float] | None:
    if sets[0].n <= dimension or len(sets[0].without) < 2:
        return None
    return (limits[0].bias, limits[1].bias) if limits else (sets[0].whole_bias, sets[1].whole_bias)
