"""A 95% interval of the Fréchet distance, and its bias: the exact jackknife that deletes one prompt at a time.

Where references belong to prompts (the photographs that captions were written for), the two sets are no independent
samples: an image and the photograph of its prompt move the distance together. The bias then has a third part, the sum
of what deleting both at once adds beyond the sum of both alone; it is negative where what they share cancels.
"""

from dataclasses import dataclass, replace

import numpy as np

from metrics.errors import MetricInputError
from metrics.frechet.deleted import changes_together, through, without_prompts, without_references
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.statistics.jackknife import Jackknife, jackknife_interval
from metrics.statistics.prompt_units import PromptGroups
from metrics.statistics.result import MetricResult
from metrics.threads import one_blas_thread

METHOD = "jackknife over {units}, references fixed; of the distance expected at this n"
WITHOUT_REFERENCES = "that of the references is not in it"
INDEPENDENT = "taken as independent of the prompts"
SAME_FEATURES = 1e-4  # of the total variance, that float32 sums of the same features may differ by


@dataclass(frozen=True)
class FrechetJackknife(Jackknife):
    """A Fréchet distance without each prompt, and without each reference.

    references: the distance without each reference, (M,); None where their features are not at hand, or where images or
    references are no more than the dimensions. alone: the bias, were all images independent, those of a prompt too;
    None where each has a prompt of its own, and with no more images than dimensions. prompt_references: (G,), each
    prompt's reference, -1 for none; None where they are taken as independent. together: the bias that they make.
    """

    references: Jackknife | None = None
    alone: float | None = None
    prompt_references: np.ndarray | None = None
    together: float = 0.0

    @property
    def whole_bias(self) -> float:
        """The bias of the images and, where it can be told, that of the references and of what both share."""
        return self.bias + (self.references.bias if self.references else 0.0) + self.together

    @property
    def belonging(self) -> int:
        """How many references belong to prompts, as far as that is known."""
        rows = self.prompt_references
        return 0 if rows is None else len(np.unique(rows[rows >= 0]))

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
    prompt_references: np.ndarray | None = None,
    jackknife: FrechetJackknife | None = None,
) -> MetricResult:
    """The Fréchet distance of features (N, D) to fixed references, with an interval over prompts.

    prompts: (N,) int, which images belong to one prompt; without it every image stands for itself.
    references: (M, D), the features behind `reference`, where they are at hand. prompt_references: see
    `frechet_jackknife`. jackknife: of these very features, where it is there already.
    The interval is that of the distance expected at this n. The part of it that only the numbers of images and of
    references being finite make is estimated in the note and never subtracted; the note says where it leaves the
    references' part out, and where it takes them as independent of the prompts. With n <= D it is larger than any
    estimate from the set, and the note says that.
    Raises MetricInputError for fewer than 2 images, NaN, infinity, or another dimension than the references'.
    """
    found = jackknife or frechet_jackknife(features, reference, prompts, references, prompt_references)
    method = METHOD.format(units="images" if prompts is None else "prompts")
    interval = jackknife_interval(found.value, found.without, method, least=0.0)
    note = _bias_note(found, features.shape[1]) if len(found.without) else ""
    return MetricResult(found.value, interval, found.n, note)


def _bias_note(found: FrechetJackknife, dimension: int) -> str:
    if found.n <= dimension:
        return f"mostly finite-sample bias, as n = {found.n} images is at most the dimension {dimension}"
    bias, whole = found.bias, found.whole_bias
    if found.references:
        theirs = f"{found.references.bias:.3g} of the references"
        parts = f"{bias:.3g} of the images and {theirs}, {INDEPENDENT}"
        if found.belonging:
            shared = f"{found.together:.3g} as {found.belonging} of them belong to prompts"
            parts = f"{bias:.3g} of the images, {theirs} and {shared}"
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
    prompt_references: np.ndarray | None = None,
) -> FrechetJackknife:
    """The distance of features (N, D), and without each prompt; `without` is empty when that leaves under 2 images.

    references: (M, D), the features behind `reference`, where the distances without each of them are wanted too.
    prompt_references: (G,) int, for each prompt, in ascending order of their numbers, the row of the reference that
    belongs to it (the photograph that a caption was written for), or -1. Without it references are taken as independent
    of the prompts.
    Raises MetricInputError for references that are not those of which `reference` was made, and rows that are none.
    """
    gaussian = Gaussian.of_features(features)
    n, dimension = features.shape
    groups = PromptGroups.of(prompts, n)
    if references is not None:
        _require_behind(reference, references)
        reference = replace(reference, n=len(references), computed=True)
    rows = _checked_rows(prompt_references, groups.count, references)
    value = frechet_distance(gaussian, reference)
    if groups.count < 2 or n - groups.sizes.max() < 2:
        return FrechetJackknife(value, np.zeros(0), n)
    seen = through(features, gaussian, reference)
    without, alone = without_prompts(features, groups, value, seen, gaussian, reference)
    shares = None if groups.sizes.min() == groups.sizes.max() else groups.sizes / n
    if n <= dimension:
        return FrechetJackknife(value, without, n, shares)
    found = FrechetJackknife(value, without, n, shares, alone=None if groups.count == n else alone * (n - 1) / n)
    if references is None or len(references) <= dimension:
        return found
    theirs = Jackknife(value, without_references(references, value, seen, gaussian, reference), len(references))
    if rows is None:
        return replace(found, references=theirs)
    images = np.flatnonzero(rows[groups.label] >= 0)
    own = rows[groups.label[images]]  # the reference of each
    added = changes_together(features[images], references[own], seen, gaussian, reference)
    return replace(found, references=theirs, prompt_references=rows, together=_bias_together(added, own, n, theirs.n))


def _bias_together(added: np.ndarray, own: np.ndarray, n: int, m: int) -> float:
    """The bias that images (P,) and their references, rows `own` of m, make together.

    What both share is seen about means that have a part of it, too: the divisor makes up for that, as n - 1 does in a
    covariance, and is exact for what is linear in images and references.
    """
    pairs, images_of = len(own), np.bincount(own).astype(np.float64)
    seen = pairs - images_of @ images_of / n - pairs / m + pairs**2 / (n * m)
    return float(added.sum() * pairs * (n - 1) * (m - 1) / (n * m) / seen) if seen > 0 else 0.0


def _checked_rows(
    prompt_references: np.ndarray | None, prompts: int, references: np.ndarray | None
) -> np.ndarray | None:
    """The references' rows (G,); None where no prompt has one."""
    if prompt_references is None:
        return None
    rows, m = np.asarray(prompt_references), 0 if references is None else len(references)
    if rows.shape != (prompts,) or rows.dtype.kind not in "iu" or not -1 <= rows.min() <= rows.max() < m:
        raise MetricInputError(
            f"prompt_references must hold one row of the {m} references, or -1, for each of the {prompts} prompts, not "
            f"{rows.dtype} of shape {rows.shape}"
        )
    return rows if rows.max() >= 0 else None


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
