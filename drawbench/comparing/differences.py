"""What each kind of metric says of the difference of two runs of the same prompts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from drawbench.comparing.pairing import Paired
from drawbench.records import Record
from drawbench.results.scores import OVERALL, Interval
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.protocols import Kind, MetricDefinition
from drawbench.scoring.references import ReferenceFeatures
from drawbench.scoring.run_features import images_of
from metrics.clip_score import NOT_MEASURABLE, clip_score_results, prompt_scores
from metrics.diversity import pairwise_distance, vendi_score
from metrics.frechet.difference import FrechetDifference, frechet_difference
from metrics.statistics.intervals import t_interval
from metrics.statistics.jackknife import PAIRED, PAIRED_TO_REFERENCES, Jackknife, paired_interval
from metrics.statistics.result import Interval as MetricInterval
from metrics.statistics.vectors import unit

Verdict = Literal["A is higher", "B is higher", "within noise", "n too small for FID", "no interval"]
T_PAIRED = "t over prompts, paired"


@dataclass(frozen=True)
class Compared:
    """What the differences of two runs are made from.

    references: None where there are none, or no metric asks. frechet: by extractor, filled as they are asked for.
    """

    pair: Paired
    extractors: Extractors
    references: ReferenceFeatures | None
    size: int  # pixels that extractors saw
    frechet: dict[str, FrechetDifference] = field(default_factory=dict)

    def frechet_difference(self, metric: MetricDefinition) -> FrechetDifference:
        """Computed once for all metrics of an extractor."""
        name, gaussian = metric.extractor.name, _references(self).gaussians[metric.metric]
        if name not in self.frechet:
            self.frechet[name] = frechet_difference(*self.images(metric), gaussian, self.pair.rows)
        return self.frechet[name]

    def images(self, metric: MetricDefinition) -> tuple[np.ndarray, np.ndarray]:
        """The features of both runs' images, (N, D) each."""
        return self.pair.a[metric.extractor.name], self.pair.b[metric.extractor.name]


class Difference(Record):
    """One metric over one scope in both runs, on the samples that both have an image for.

    difference: a - b, with its interval. n: prompts behind it, or images for a distance. note: what must be known.
    """

    metric: str
    scope: str
    a: float
    b: float
    difference: float
    interval: Interval | Literal["not available"]
    n: int
    lower_is_better: bool
    verdict: Verdict
    note: str = ""


def mean_difference(
    metric: str, scope: str, a: np.ndarray, b: np.ndarray, *, lower_is_better: bool = False, note: str = ""
) -> Difference:
    """The difference of two means over the same prompts, (n,) each, with the t interval of the paired values."""
    gap = float(a.mean() - b.mean())
    interval = _varying(t_interval(a - b, T_PAIRED))
    return Difference(
        metric=metric,
        scope=scope,
        a=float(a.mean()),
        b=float(b.mean()),
        difference=gap,
        interval=_bounds(interval),
        n=len(a),
        lower_is_better=lower_is_better,
        verdict=verdict(gap, interval),
        note=note,
    )


def _varying(interval: MetricInterval | None) -> MetricInterval | None:
    """None for a difference that every prompt shows alike: hits of all against hits of none say nothing of others."""
    return None if interval is not None and interval.low == interval.high != 0 else interval


def verdict(gap: float, interval: MetricInterval | None, *, hopeless: bool = False, doubtful: bool = False) -> Verdict:
    """In words. hopeless: n tells nothing of this metric. doubtful: what is no noise may still be bias."""
    if interval is None:
        return "no interval"
    if hopeless:
        return "n too small for FID"
    if interval.low <= 0 <= interval.high:
        return "within noise"
    if doubtful:
        return "n too small for FID"
    return "A is higher" if gap > 0 else "B is higher"


def _frechet(metric: MetricDefinition, compared: Compared, left_out: dict[str, str]) -> list[Difference]:
    return frechet_rows(metric, compared.frechet_difference(metric), left_out)


def frechet_rows(metric: MetricDefinition, found: FrechetDifference, left_out: dict[str, str]) -> list[Difference]:
    """The row of a distance, at this n or extrapolated as the metric is defined; none where it cannot be."""
    if metric.kind == "frechet":
        words = verdict(
            found.difference, found.interval, hopeless=found.n <= found.dimension, doubtful=found.n_is_too_small
        )
        values, note = (found.a, found.b), _bias_note(found)
        return [_row(metric.metric, values, found.interval, found.n, words, lower_is_better=True, note=note)]
    if found.limits is None:
        left_out[metric.metric] = f"{found.n} images of {found.dimension} dimensions cannot be extrapolated"
        return []
    words = verdict(found.limits[0] - found.limits[1], found.limit_interval)
    return [_row(metric.metric, found.limits, found.limit_interval, found.n, words, lower_is_better=True)]


def jackknife_row(
    metric: str, a: Jackknife, b: Jackknife, *, lower_is_better: bool, method: str = PAIRED_TO_REFERENCES
) -> Difference:
    """The row of a score over all images, from both runs' values without each prompt."""
    interval = _varying(paired_interval(a, b, method.format(units="prompts")))
    words = verdict(a.value - b.value, interval)
    return _row(metric, (a.value, b.value), interval, a.n, words, lower_is_better=lower_is_better)


def _row(
    metric: str,
    values: tuple[float, float],
    interval: MetricInterval | None,
    n: int,
    words: Verdict,
    *,
    lower_is_better: bool,
    note: str = "",
) -> Difference:
    return Difference(
        metric=metric,
        scope=OVERALL,
        a=values[0],
        b=values[1],
        difference=values[0] - values[1],
        interval=_bounds(interval),
        n=n,
        lower_is_better=lower_is_better,
        verdict=words,
        note=note,
    )


def _bias_note(found: FrechetDifference) -> str:
    if found.bias is None:
        return f"n = {found.n} images is at most the dimension {found.dimension}: bias cannot be told from distance"
    how = "FID-infinity fit" if found.limits else "jackknife; too few images for a FID-infinity fit"
    a, b = found.bias
    return f"finite-sample bias about {a:.3g} in A and {b:.3g} in B, {a - b:+.2g} in the difference ({how})"


def _clip_scores(metric: MetricDefinition, compared: Compared, _: dict[str, str]) -> list[Difference]:
    """Overall and for each category; marked where the scorer cannot tell either run's captions from shuffled ones."""
    pair, captions = compared.pair, compared.pair.captions
    texts = compared.extractors.texts(metric.extractor.name, captions)
    a, b = (prompt_scores(each, pair.rows.tolist(), captions, texts.vectors) for each in compared.images(metric))
    found = []
    for scope, inside in pair.scopes():
        notes = [clip_score_results(each.subset(inside), "", "")[0].note for each in (a, b)]
        note = NOT_MEASURABLE if all(NOT_MEASURABLE in each for each in notes) else ""
        found.append(mean_difference(metric.metric, scope, a.own[inside], b.own[inside], note=note))
    return found


def _diversity(metric: MetricDefinition, compared: Compared, left_out: dict[str, str]) -> list[Difference]:
    """Overall and for each category, over the prompts that have two images or more in both runs."""
    pair = compared.pair
    counts = np.bincount(pair.rows, minlength=len(pair.prompts))
    found = []
    for name, measure in (("pairwise_distance", pairwise_distance), ("vendi_score", vendi_score)):
        values = {
            (side, place): measure(unit(rows[pair.rows == place]))
            for side, rows in (("a", pair.a[metric.extractor.name]), ("b", pair.b[metric.extractor.name]))
            for place in np.flatnonzero(counts > 1).tolist()
        }
        for scope, inside in pair.scopes():
            several = [place for place in inside if counts[place] > 1]
            if several:
                a, b = (np.array([values[side, place] for place in several]) for side in ("a", "b"))
                found.append(mean_difference(name, scope, a, b))
    if not found:
        left_out[metric.metric] = "no prompt has two images in both runs"
    return found


def _kid(metric: MetricDefinition, compared: Compared, _: dict[str, str]) -> list[Difference]:
    from metrics.kernel import kid_jackknife

    theirs, rows = _references(compared).features[metric.extractor.name], compared.pair.rows
    a, b = (kid_jackknife(each, theirs, rows) for each in compared.images(metric))
    return [jackknife_row(metric.metric, a, b, lower_is_better=True)]


def _cmmd(metric: MetricDefinition, compared: Compared, _: dict[str, str]) -> list[Difference]:
    from metrics.kernel import cmmd_jackknife

    theirs, rows = _references(compared).features[metric.extractor.name], compared.pair.rows
    a, b = (cmmd_jackknife(each, theirs, rows) for each in compared.images(metric))
    return [jackknife_row(metric.metric, a, b, lower_is_better=True)]


def _manifold(metric: MetricDefinition, compared: Compared, left_out: dict[str, str]) -> list[Difference]:
    """Precision, recall, density and coverage."""
    from metrics.manifold import LEAST_IMAGES, manifold_jackknives

    if len(compared.pair.rows) < LEAST_IMAGES:
        left_out[metric.metric] = f"{len(compared.pair.rows)} images are in both runs, and it needs {LEAST_IMAGES}"
        return []
    theirs, rows = _references(compared).features[metric.extractor.name], compared.pair.rows
    a, b = (manifold_jackknives(each, theirs, rows) for each in compared.images(metric))
    return [jackknife_row(name, a[name], b[name], lower_is_better=False) for name in a]


def _inception_score(metric: MetricDefinition, compared: Compared, _: dict[str, str]) -> list[Difference]:
    from metrics.inception_score import inception_score_jackknife

    name, what = metric.extractor.name, f"{compared.size} px, logits"
    a, b = (
        inception_score_jackknife(compared.extractors.logits(name, what, hashes, images), compared.pair.rows)
        for hashes, images in zip(compared.pair.hashes, compared.images(metric), strict=True)
    )
    return [jackknife_row(metric.metric, a, b, lower_is_better=False, method=PAIRED)]


def _r_precision(metric: MetricDefinition, compared: Compared, left_out: dict[str, str]) -> list[Difference]:
    """Overall and for each category, an image choosing among the captions of the scope only."""
    from metrics.retrieval import prompt_hits

    pair, captions = compared.pair, compared.pair.captions
    texts = compared.extractors.texts(metric.extractor.name, captions)
    found = []
    for scope, inside in pair.scopes():
        own = [captions[place] for place in inside]
        if len(set(own)) < 2:
            left_out[f"{metric.metric} of {scope}"] = "which needs two different captions to choose from"
            continue
        chosen, rows = images_of(pair.rows, inside)
        a, b = (prompt_hits(each[chosen], rows, own, texts.vectors[inside]) for each in compared.images(metric))
        found.append(mean_difference(metric.metric, scope, a, b))
    return found


def _references(compared: Compared) -> ReferenceFeatures:
    assert compared.references is not None, "metrics that look at references are left out without them"
    return compared.references


def _bounds(interval: MetricInterval | None) -> Interval | Literal["not available"]:
    if interval is None:
        return "not available"
    return Interval(low=interval.low, high=interval.high, method=interval.method, level=interval.level)


# A metric's rows; what these runs do not have is put into the dictionary, with the reason.
KINDS: dict[Kind, Callable[[MetricDefinition, Compared, dict[str, str]], list[Difference]]] = {
    "clip_score": _clip_scores,
    "frechet": _frechet,
    "frechet_infinity": _frechet,
    "kid": _kid,
    "cmmd": _cmmd,
    "manifold": _manifold,
    "inception_score": _inception_score,
    "r_precision": _r_precision,
    "diversity": _diversity,
}
