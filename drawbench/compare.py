"""Two runs of the same prompts, paired: what differs, and whether the difference is more than noise."""

from pathlib import Path
from typing import Literal

import numpy as np

from drawbench.extractors import Extractors
from drawbench.image_features import BATCH, Reading
from drawbench.pairing import Paired, comparable_size, paired
from drawbench.progress import Progress
from drawbench.protocols import FRECHET_KINDS, Kind, MetricDefinition, Protocol
from drawbench.reference_set import find_references, read_references
from drawbench.run_directory import RunDirectory
from drawbench.run_features import features_of_run
from drawbench.scores import OVERALL, Interval, PromptSetRef, ProtocolRef, Record, ReferenceRef
from metrics.clip_score import NOT_MEASURABLE, clip_score_results, prompt_scores, unit
from metrics.diversity import pairwise_distance, vendi_score
from metrics.frechet_difference import FrechetDifference, frechet_difference
from metrics.intervals import t_interval
from metrics.result import Interval as MetricInterval

Verdict = Literal["A is higher", "B is higher", "within noise", "n too small for FID", "no interval"]
PAIRED_KINDS: tuple[Kind, ...] = ("clip_score", "diversity", *FRECHET_KINDS)
PAIRED = "t over prompts, paired"


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


class ComparedRun(Record):
    """One of the two runs."""

    name: str
    path: str
    plan_sha256: str
    refusals: int


class Comparison(Record):
    """Everything that was compared. left_out: metrics of the protocol without a paired difference, and why."""

    schema_version: int = 1
    a: ComparedRun
    b: ComparedRun
    protocol: ProtocolRef
    prompt_set: PromptSetRef
    reference: ReferenceRef | None
    size: int
    samples: int
    complete: bool
    images: int  # compared, of each run
    differences: list[Difference]
    left_out: dict[str, str]


def compare_runs(
    path_a: Path,
    path_b: Path,
    protocol: Protocol,
    reference: Path | None = None,
    *,
    device: str = "cpu",
    batch: int = BATCH,
    verify: bool = False,
    progress: Progress | None = None,
) -> Comparison:
    """The paired differences of two sealed runs under a protocol; nothing is written.

    reference: folder of images or .npz for the distances, the same for both runs; without it they are left out.
    Raises UserError for runs that do not compare, naming what differs, and for all that scoring refuses.
    """
    progress = progress or Progress()
    runs = RunDirectory.open(path_a), RunDirectory.open(path_b)
    size = comparable_size(runs[0], runs[1], protocol)
    references = find_references(reference) if reference else None
    asked, left_out = _comparable_metrics(protocol, bool(references))
    extractors = Extractors([metric.extractor for metric in asked], device, progress.note)
    reading = Reading(size, batch, None, verify)
    theirs = None
    frechet = [metric for metric in asked if metric.kind in FRECHET_KINDS]
    if references and frechet:
        theirs = read_references(references, frechet, extractors, reading, progress)
        for metric in [metric for metric in frechet if metric.metric not in theirs.gaussians]:
            left_out[metric.metric] = f"{theirs.ref.name} does not hold what it needs"
            asked.remove(metric)
    names = list(dict.fromkeys(metric.extractor.name for metric in asked))
    pair = paired(*(features_of_run(run, extractors, names, reading, progress) for run in runs))
    found: list[Difference] = []
    for metric in asked:
        if metric.kind == "clip_score":
            found += _clip_scores(metric, pair, extractors)
        elif metric.kind == "diversity":
            found += _diversity(metric, pair, left_out)
        elif theirs:
            features = pair.a[metric.extractor.name], pair.b[metric.extractor.name]
            difference = frechet_difference(*features, theirs.gaussians[metric.metric], pair.rows)
            found += frechet_rows(metric, difference, left_out)
    plan = runs[0].plan
    return Comparison(
        a=_compared(runs[0]),
        b=_compared(runs[1]),
        protocol=protocol.ref,
        prompt_set=PromptSetRef(name=plan.prompt_set_name, sha256=plan.prompt_set_sha256, n=plan.n_prompts),
        reference=theirs.ref if theirs else None,
        size=size,
        samples=plan.samples,
        complete=plan.complete,
        images=len(pair.rows),
        differences=found,
        left_out=left_out,
    )


def mean_difference(
    metric: str, scope: str, a: np.ndarray, b: np.ndarray, *, lower_is_better: bool = False, note: str = ""
) -> Difference:
    """The difference of two means over the same prompts, (n,) each, with the t interval of the paired values."""
    gap = float(a.mean() - b.mean())
    interval = t_interval(a - b, PAIRED)
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


def frechet_rows(metric: MetricDefinition, found: FrechetDifference, left_out: dict[str, str]) -> list[Difference]:
    """The row of a distance, at this n or extrapolated as the metric is defined; none where it cannot be."""
    if metric.kind == "frechet":
        words = verdict(
            found.difference, found.interval, hopeless=found.n <= found.dimension, doubtful=found.n_is_too_small
        )
        return [_distance_row(metric, (found.a, found.b), found.interval, found.n, words, _bias_note(found))]
    if found.limits is None:
        left_out[metric.metric] = f"{found.n} images of {found.dimension} dimensions cannot be extrapolated"
        return []
    words = verdict(found.limits[0] - found.limits[1], found.limit_interval)
    return [_distance_row(metric, found.limits, found.limit_interval, found.n, words, "")]


def _distance_row(
    metric: MetricDefinition,
    values: tuple[float, float],
    interval: MetricInterval | None,
    n: int,
    words: Verdict,
    note: str,
) -> Difference:
    return Difference(
        metric=metric.metric,
        scope=OVERALL,
        a=values[0],
        b=values[1],
        difference=values[0] - values[1],
        interval=_bounds(interval),
        n=n,
        lower_is_better=True,
        verdict=words,
        note=note,
    )


def _bias_note(found: FrechetDifference) -> str:
    if found.bias is None:
        return f"n = {found.n} images is at most the dimension {found.dimension}: bias cannot be told from distance"
    how = "FID-infinity fit" if found.limits else "jackknife; too few images for a FID-infinity fit"
    a, b = found.bias
    return f"finite-sample bias about {a:.3g} in A and {b:.3g} in B, {a - b:+.2g} in the difference ({how})"


def _clip_scores(metric: MetricDefinition, pair: Paired, extractors: Extractors) -> list[Difference]:
    """Overall and for each category; marked where the scorer cannot tell either run's captions from shuffled ones."""
    captions = [prompt.text for prompt in pair.prompts]
    texts = extractors.texts(metric.extractor.name, captions)
    images = pair.a[metric.extractor.name], pair.b[metric.extractor.name]
    a, b = (prompt_scores(each, pair.rows.tolist(), captions, texts.vectors) for each in images)
    found = []
    for scope, inside in pair.scopes():
        notes = [clip_score_results(each.subset(inside), "", "")[0].note for each in (a, b)]
        note = NOT_MEASURABLE if all(NOT_MEASURABLE in each for each in notes) else ""
        found.append(mean_difference(metric.metric, scope, a.own[inside], b.own[inside], note=note))
    return found


def _diversity(metric: MetricDefinition, pair: Paired, left_out: dict[str, str]) -> list[Difference]:
    """Overall and for each category, over the prompts that have two images or more in both runs."""
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


def _comparable_metrics(protocol: Protocol, has_references: bool) -> tuple[list[MetricDefinition], dict[str, str]]:
    """The metrics that are compared, and why the others are not."""
    asked, left_out = [], {}
    for metric in protocol.metrics:
        if metric.kind not in PAIRED_KINDS:
            left_out[metric.metric] = "it has no paired interval"
        elif metric.kind in FRECHET_KINDS and not has_references:
            left_out[metric.metric] = "no reference images"
        else:
            asked.append(metric)
    return asked, left_out


def _compared(run: RunDirectory) -> ComparedRun:
    return ComparedRun(
        name=run.plan.model.name,
        path=str(run.path),
        plan_sha256=run.manifest.plan_sha256,
        refusals=run.require_seal().refused,
    )


def _bounds(interval: MetricInterval | None) -> Interval | Literal["not available"]:
    if interval is None:
        return "not available"
    return Interval(low=interval.low, high=interval.high, method=interval.method, level=interval.level)
