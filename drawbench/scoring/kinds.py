"""Features to scores: what each kind of metric computes on a run, and over which scopes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from drawbench.interface import Sample
from drawbench.progress import Progress
from drawbench.results.scores import OVERALL, Interval, Score
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.protocols import FRECHET_KINDS, REFERENCE_KINDS, Kind, MetricDefinition, Protocol
from drawbench.scoring.references import ReferenceFeatures
from drawbench.scoring.run_features import RunFeatures, images_of
from metrics.clip_score import clip_score_results, prompt_scores, sample_cosines
from metrics.statistics.jackknife import Jackknife
from metrics.statistics.result import MetricResult

NO_PAIRS = "which compares the images of a prompt, and no prompt has two"


@dataclass(frozen=True)
class ScoredRun:
    """What every metric of one run reads.

    prompts: one sample for each prompt that has an image, in plan order. rows: (N,), for each image its prompt's place
    in `prompts`. size: pixels that extractors saw. jackknives: by extractor, filled as they are asked for.
    """

    run: RunDirectory
    protocol: Protocol
    size: int
    features: RunFeatures
    extractors: Extractors
    references: ReferenceFeatures | None
    prompts: tuple[Sample, ...]
    rows: np.ndarray
    jackknives: dict[str, Jackknife] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        run: RunDirectory,
        protocol: Protocol,
        size: int,
        features: RunFeatures,
        extractors: Extractors,
        references: ReferenceFeatures | None,
    ) -> "ScoredRun":
        """Group the images by prompt."""
        prompts = tuple({sample.prompt_id: sample for sample in features.samples}.values())
        row = {prompt.prompt_id: number for number, prompt in enumerate(prompts)}
        rows = np.array([row[sample.prompt_id] for sample in features.samples])
        return cls(run, protocol, size, features, extractors, references, prompts, rows)

    def images(self, metric: MetricDefinition) -> np.ndarray:
        """The metric's features of all images, float32 (N, D)."""
        return self.features.features[metric.extractor.name]

    def fingerprint(self, metric: MetricDefinition) -> str:
        """Of the metric's extractor."""
        return self.extractors.fingerprint(metric.extractor.name)

    def jackknife(self, metric: MetricDefinition) -> Jackknife:
        """The Fréchet distance without each prompt, computed once for all metrics of an extractor."""
        from metrics.frechet.interval import frechet_jackknife

        name, gaussian = metric.extractor.name, _references(self).gaussians[metric.metric]
        if name not in self.jackknives:
            self.jackknives[name] = frechet_jackknife(self.images(metric), gaussian, self.rows)
        return self.jackknives[name]

    def scopes(self) -> Iterator[tuple[str, list[int]]]:
        """`overall`, then each category that has an image, in plan order: its name, and the places of its prompts."""
        yield OVERALL, list(range(len(self.prompts)))
        for category in _categories(self.run):
            inside = [i for i, prompt in enumerate(self.prompts) if prompt.category == category]
            if category and inside:  # a category that was refused altogether is named in the overall note
                yield category, inside


@dataclass
class Measured:
    """What came of a protocol's metrics.

    scores: in the protocol's order. per_sample: metric -> values (N,) of the images, for the table of samples.
    left_out: what could not be measured on this run, and why.
    """

    scores: list[Score] = field(default_factory=list)
    per_sample: dict[str, np.ndarray] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def lacking(metric: MetricDefinition, run: RunDirectory) -> str:
    """Why a run has not the images that a metric is defined by, in words; empty when it has."""
    drawn = [sample for sample in run.samples() if run.refusal(sample) is None]
    if metric.kind == "diversity" and len({sample.prompt_id for sample in drawn}) == len(drawn):
        return NO_PAIRS
    least = least_images(metric)
    return f"which needs {least} images or more" if len(drawn) < least else ""


def least_images(metric: MetricDefinition) -> int:
    """How many images and how many references a metric needs above the two that every distance does."""
    if metric.kind != "manifold":
        return 0
    from metrics.manifold import LEAST_IMAGES

    return LEAST_IMAGES


def measure(scored: ScoredRun, metrics: Sequence[MetricDefinition], progress: Progress) -> Measured:
    """All scores of all metrics."""
    measured = Measured()
    progress.start("measuring", 0, len(metrics), "metrics")
    try:
        for metric in metrics:
            KINDS[metric.kind](scored, metric, measured)
            progress.advance(1)
    finally:
        progress.finish()
    for what, reason in measured.left_out.items():
        progress.note(f"{scored.run.path.name}: no {what}, {reason}")
    return measured


def _clip_score(scored: ScoredRun, metric: MetricDefinition, measured: Measured) -> None:
    """Scores overall and for each category, prompts being the unit; and each sample's cosine."""
    images, captions = scored.images(metric), [prompt.text for prompt in scored.prompts]
    texts = scored.extractors.texts(metric.extractor.name, captions)
    gathered = prompt_scores(images, scored.rows.tolist(), captions, texts.vectors)
    for scope, inside in scored.scopes():
        note = _scope_note(scored.run, scope, sum(texts.cut[i] for i in inside), texts.limit)
        part = gathered if len(inside) == len(captions) else gathered.subset(inside)
        found = clip_score_results(part, metric.definition, scored.fingerprint(metric), note)
        measured.scores += [_record(each, scope) for each in found]
    measured.per_sample[metric.metric] = sample_cosines(images, texts.vectors[scored.rows])


def _frechet(scored: ScoredRun, metric: MetricDefinition, measured: Measured) -> None:
    from metrics.frechet.interval import frechet_result

    _from_moments(scored, metric, measured, frechet_result)


def _frechet_infinity(scored: ScoredRun, metric: MetricDefinition, measured: Measured) -> None:
    from metrics.frechet.infinity import LEAST_IMAGES, enough_images, frechet_infinity_result

    n, dimension = scored.images(metric).shape
    if not enough_images(n, dimension):
        least = f"which needs {LEAST_IMAGES} images for each of {dimension} dimensions and has {n}"
        measured.left_out[metric.metric] = least
        return
    _from_moments(scored, metric, measured, frechet_infinity_result)


def _from_moments(
    scored: ScoredRun, metric: MetricDefinition, measured: Measured, result: Callable[..., MetricResult]
) -> None:
    """A distance to the moments of the references."""
    definition, note = _distance_words(scored, metric)
    found = result(
        scored.images(metric),
        _references(scored).gaussians[metric.metric],
        metric.metric,
        definition,
        scored.fingerprint(metric),
        note,
        prompts=scored.rows,
        jackknife=scored.jackknife(metric),
    )
    measured.scores.append(_record(found, OVERALL))


def _kid(scored: ScoredRun, metric: MetricDefinition, measured: Measured) -> None:
    from metrics.kernel import kid_result

    _from_both(scored, metric, measured, kid_result)


def _cmmd(scored: ScoredRun, metric: MetricDefinition, measured: Measured) -> None:
    from metrics.kernel import cmmd_result

    _from_both(scored, metric, measured, cmmd_result)


def _from_both(
    scored: ScoredRun, metric: MetricDefinition, measured: Measured, result: Callable[..., MetricResult]
) -> None:
    """A distance between the features of the images and of the references."""
    images, theirs = _both(scored, metric)
    definition, note = _distance_words(scored, metric)
    found = result(images, theirs, definition, scored.fingerprint(metric), note, prompts=scored.rows)
    measured.scores.append(_record(found, OVERALL))


def _manifold(scored: ScoredRun, metric: MetricDefinition, measured: Measured) -> None:
    from metrics.manifold import manifold_results

    images, theirs = _both(scored, metric)
    definition, note = _distance_words(scored, metric)
    found = manifold_results(images, theirs, definition, scored.fingerprint(metric), note, prompts=scored.rows)
    measured.scores += [_record(each, OVERALL) for each in found]


def _inception_score(scored: ScoredRun, metric: MetricDefinition, measured: Measured) -> None:
    from metrics.inception_score import inception_score_result

    name, what = metric.extractor.name, f"{scored.size} px, logits"
    logits = scored.extractors.logits(name, what, scored.features.hashes, scored.images(metric))
    note = _scope_note(scored.run, OVERALL)
    found = inception_score_result(logits, metric.definition, scored.fingerprint(metric), note, prompts=scored.rows)
    measured.scores.append(_record(found, OVERALL))


def _r_precision(scored: ScoredRun, metric: MetricDefinition, measured: Measured) -> None:
    """Overall and for each category, an image choosing among the captions of the scope only."""
    from metrics.retrieval import r_precision_result

    captions = [prompt.text for prompt in scored.prompts]
    texts = scored.extractors.texts(metric.extractor.name, captions)
    for scope, inside in scored.scopes():
        if len({captions[i] for i in inside}) < 2:
            measured.left_out[f"{metric.metric} of {scope}"] = "which needs two different captions to choose from"
            continue
        chosen, own = images_of(scored.rows, inside)
        found = r_precision_result(
            scored.images(metric)[chosen],
            own,
            [captions[i] for i in inside],
            texts.vectors[inside],
            metric.definition,
            scored.fingerprint(metric),
            _scope_note(scored.run, scope, sum(texts.cut[i] for i in inside), texts.limit),
        )
        measured.scores.append(_record(found, scope))


def _diversity(scored: ScoredRun, metric: MetricDefinition, measured: Measured) -> None:
    """Overall and for each category, over the prompts that have two images or more."""
    from metrics.diversity import diversity_results

    counts = np.bincount(scored.rows, minlength=len(scored.prompts))
    for scope, inside in scored.scopes():
        several = [i for i in inside if counts[i] > 1]
        if not several:
            measured.left_out[f"{metric.metric} of {scope}"] = NO_PAIRS
            continue
        single = len(inside) - len(several)
        words = "1 prompt with one image is" if single == 1 else f"{single} prompts with one image are"
        note = "; ".join(filter(None, [_scope_note(scored.run, scope), f"{words} left out" if single else ""]))
        chosen, _ = images_of(scored.rows, several)
        found = diversity_results(
            scored.images(metric)[chosen],
            scored.rows[chosen],
            metric.definition,
            scored.fingerprint(metric),
            note,
        )
        measured.scores += [_record(each, scope) for each in found]


KINDS: dict[Kind, Callable[[ScoredRun, MetricDefinition, Measured], None]] = {
    "clip_score": _clip_score,
    "frechet": _frechet,
    "frechet_infinity": _frechet_infinity,
    "kid": _kid,
    "cmmd": _cmmd,
    "manifold": _manifold,
    "inception_score": _inception_score,
    "r_precision": _r_precision,
    "diversity": _diversity,
}


def _references(scored: ScoredRun) -> ReferenceFeatures:
    assert scored.references is not None, f"{REFERENCE_KINDS} are left out without references"
    return scored.references


def _both(scored: ScoredRun, metric: MetricDefinition) -> tuple[np.ndarray, np.ndarray]:
    """The features of the images and of the references."""
    return scored.images(metric), _references(scored).features[metric.extractor.name]


def _distance_words(scored: ScoredRun, metric: MetricDefinition) -> tuple[str, str]:
    """The definition with the reference set, and what must be known beside any distance over all images."""
    theirs, published = _references(scored), scored.protocol.published_n
    n, dimension = scored.images(metric).shape
    notes = []
    if metric.kind in FRECHET_KINDS and theirs.ref.n and theirs.ref.n <= dimension:
        extrapolated = "" if metric.kind == "frechet" else ", which no number of images takes away"
        notes.append(f"no more references than feature dimensions ({dimension}): strongly biased upwards{extrapolated}")
    if metric.kind == "frechet" and n < published:
        notes.append(f"{n} images where published distances use {published}: compare at equal n only")
    if theirs.jpeg:
        notes.append("references are JPEG files and the images are not: that alone moves the distance")
    notes.append(_scope_note(scored.run, OVERALL))
    return f"{metric.definition}; references {theirs.ref.name}", "; ".join(note for note in notes if note)


def _categories(run: RunDirectory) -> list[str]:
    return list(dict.fromkeys(sample.category for sample in run.samples()))


def _scope_note(run: RunDirectory, scope: str, cut: int = 0, limit: int = 0) -> str:
    """What a reader must know beside the number: refusals in its scope, and captions read in part."""
    samples = [sample for sample in run.samples() if scope in (OVERALL, sample.category)]
    refused = [sample for sample in samples if run.refusal(sample) is not None]
    notes = []
    if refused:
        notes.append(f"{len(refused)} of {len(samples)} images were refused by the model and are left out")
    if scope == OVERALL:
        drawn = {sample.category for sample in samples if run.refusal(sample) is None}
        notes += [f"no image in {category}" for category in _categories(run) if category not in drawn]
    if cut:
        notes.append(f"{cut} caption{'s were' if cut > 1 else ' was'} cut at {limit} tokens")
    return "; ".join(notes)


def _record(result: MetricResult, scope: str) -> Score:
    """A metric's result as a row of the score file."""
    interval = result.interval
    bounds: Interval | Literal["not available"] = "not available"
    if interval:
        bounds = Interval(low=interval.low, high=interval.high, method=interval.method, level=interval.level)
    return Score(
        metric=result.metric,
        scope=scope,
        value=result.value,
        interval=bounds,
        n=result.n,
        definition=result.definition,
        note=result.note,
    )
