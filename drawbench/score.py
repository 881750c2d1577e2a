"""Scoring: a sealed run and a protocol in; scores/<protocol>.json and scores/<protocol>.parquet out."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.protocols import MetricDefinition, Protocol
from drawbench.reference_set import ReferenceFeatures, ReferenceSet, find_references, read_references
from drawbench.run_directory import RunDirectory
from drawbench.samples import Sample
from drawbench.scores import OVERALL, Interval, PromptSetRef, Score, ScoreFile
from metrics.clip_score import clip_score_results, prompt_scores, sample_cosines
from metrics.errors import MetricInputError
from metrics.features.clip import ClipExtractor
from metrics.features.decode import centre_square, pixel_hash, read_images
from metrics.features.extractor import Extractor
from metrics.frechet import frechet_distance
from metrics.gaussian import FeatureStream, Gaussian
from metrics.result import MetricResult

BATCH = 32
FOLDER = "scores"


@dataclass(frozen=True)
class _Job:
    """What every step of scoring one run reads. `drawn` are the samples that have an image, in plan order."""

    run: RunDirectory
    protocol: Protocol
    drawn: tuple[Sample, ...]
    size: int
    extractors: dict[str, Extractor]
    batch: int
    progress: Progress


@dataclass(frozen=True)
class _RunFeatures:
    """Features of a run's images: per scorer all of them in plan order, per distance their Gaussian."""

    clip: dict[str, np.ndarray]
    gaussians: dict[str, Gaussian]


def score_run(
    run_path: Path,
    protocol: Protocol,
    reference: Path | None = None,
    *,
    device: str = "cpu",
    batch: int = BATCH,
    progress: Progress | None = None,
) -> ScoreFile:
    """Score a sealed run, write its two score files, and return the aggregates.

    reference: folder of images or .npz; without it the protocol's distances are left out.
    Scores do not depend on `batch` beyond float32 rounding (1e-6 for a CLIP score, 1e-4 relative for a distance).
    Raises UserError for a run that is not finished, or was changed since, and for a reference that cannot be used;
    MetricInputError for weights that are missing and images that cannot be read.
    """
    progress = progress or Progress()
    run = RunDirectory.open(run_path)
    run.require_seal()
    size = _evaluated_size(run, protocol)
    references = find_references(reference) if reference else None
    metrics = [metric for metric in protocol.metrics if metric.kind == "clip_score" or references]
    if len(metrics) < len(protocol.metrics):
        progress.note(f"{run_path.name}: no reference images, so no distance is computed")
    drawn = tuple(sample for sample in run.samples() if run.refusal(sample) is None)
    if not drawn:
        raise UserError(f"the model refused every image of {run_path}: there is nothing to score")
    entries = {metric.extractor.name: metric.extractor for metric in metrics}
    extractors = {name: entry.load(device) for name, entry in entries.items()}
    return _score(_Job(run, protocol, drawn, size, extractors, batch, progress), metrics, references, device)


def _score(job: _Job, metrics: Sequence[MetricDefinition], references: ReferenceSet | None, device: str) -> ScoreFile:
    """References, then the run's images, then the numbers, then the files."""
    theirs = None
    if references:
        asked = [metric for metric in metrics if metric.kind == "frechet"]
        theirs = read_references(references, asked, job.extractors, job.size, job.batch, job.progress)
        metrics = [metric for metric in metrics if metric.kind != "frechet" or metric.metric in theirs.gaussians]
    features = _run_features(job, metrics)
    scores: list[Score] = []
    cosines: dict[str, np.ndarray] = {}
    for metric in metrics:
        if metric.kind == "clip_score":
            found, cosines[metric.metric] = _clip_scores(job, metric, features.clip[metric.extractor.name])
            scores += found
        elif references and theirs:
            scores.append(_distance(job, metric, features.gaussians[metric.metric], references, theirs))
    plan, seal = job.run.plan, job.run.require_seal()
    result = ScoreFile(
        protocol=job.protocol.ref,
        prompt_set=PromptSetRef(name=plan.prompt_set_name, sha256=plan.prompt_set_sha256, n=plan.n_prompts),
        reference=theirs.ref if theirs else None,
        size=job.size,
        samples=plan.samples,
        complete=plan.complete,
        refusals=seal.refused,
        scores=scores,
        plan_sha256=job.run.manifest.plan_sha256,
        pixels_sha256=seal.pixels_sha256,
        environment=_environment(device, metrics),
        date=datetime.now(UTC).date().isoformat(),
    )
    _write(job.run, result, _columns(job, cosines))
    return result


def _evaluated_size(run: RunDirectory, protocol: Protocol) -> int:
    """Pixels the metrics see. Enlarging images would measure the enlargement, so it is refused."""
    size = protocol.size or run.plan.size
    if run.plan.size < size:
        raise UserError(
            f"protocol {protocol.name} evaluates at {size} px and {run.path} holds images of {run.plan.size} px: "
            f"generate them with --size {size} or more"
        )
    return size


def _run_features(job: _Job, metrics: Sequence[MetricDefinition]) -> _RunFeatures:
    """One pass over the images: decode once, check against the seal, run every extractor once."""
    clip: dict[str, list[np.ndarray]] = {m.extractor.name: [] for m in metrics if m.kind == "clip_score"}
    distances = [m for m in metrics if m.kind == "frechet"]
    streams = {m.metric: FeatureStream(job.extractors[m.extractor.name].dimension) for m in distances}
    job.progress.start("scoring", 0, len(job.drawn))
    try:
        for start in range(0, len(job.drawn), job.batch):
            part = job.drawn[start : start + job.batch]
            images = [centre_square(image, job.size) for image in _read_sealed(job.run, part)]
            features = {
                name: _finite(job.extractors[name](images), job.run, part)
                for name in dict.fromkeys(m.extractor.name for m in metrics)
            }
            for name, parts in clip.items():
                parts.append(features[name])
            for metric in distances:
                streams[metric.metric].add(features[metric.extractor.name])
            job.progress.advance(len(part))
    finally:
        job.progress.finish()
    return _RunFeatures(
        {name: np.concatenate(parts) for name, parts in clip.items()},
        {name: stream.gaussian() for name, stream in streams.items()},
    )


def _read_sealed(run: RunDirectory, samples: Sequence[Sample]) -> list[np.ndarray]:
    """The samples' pixels; refused when they are not the ones that were sealed."""
    paths = [run.image_path(sample) for sample in samples]
    images = read_images(paths)
    for sample, path, image in zip(samples, paths, images, strict=True):
        if pixel_hash(image) != run.pixel_sha256(sample):
            raise UserError(
                f"{path} was changed after the run was sealed: run its generate command again to restore it"
            )
    return images


def _finite(features: np.ndarray, run: RunDirectory, samples: Sequence[Sample]) -> np.ndarray:
    for sample, row in zip(samples, features, strict=True):
        if not np.isfinite(row).all():
            raise MetricInputError(f"the features of {run.image_path(sample)} are NaN or infinite: check the weights")
    return features


def _clip_scores(job: _Job, metric: MetricDefinition, images: np.ndarray) -> tuple[list[Score], np.ndarray]:
    """Scores overall and for each category in plan order, prompts being the unit; and each drawn sample's cosine."""
    scorer = job.extractors[metric.extractor.name]
    assert isinstance(scorer, ClipExtractor)
    prompts = list({sample.prompt_id: sample for sample in job.drawn}.values())
    texts = [prompt.text for prompt in prompts]
    vectors = scorer.encode_texts(texts)  # once per prompt, whatever the number of samples
    row = {prompt.prompt_id: number for number, prompt in enumerate(prompts)}
    rows = [row[sample.prompt_id] for sample in job.drawn]
    gathered = prompt_scores(images, rows, texts, vectors)
    cut = scorer.truncated(texts)
    scores = []
    for scope in [OVERALL, *(category for category in _categories(job.run) if category)]:
        inside = [i for i, prompt in enumerate(prompts) if scope in (OVERALL, prompt.category)]
        if inside:  # a category that was refused altogether is named in the overall note
            note = _scope_note(job.run, scope, sum(cut[i] for i in inside), scorer.config.context_length)
            found = clip_score_results(gathered.subset(inside), metric.definition, scorer.fingerprint, note)
            scores += [_record(each, scope) for each in found]
    return scores, sample_cosines(images, vectors[rows])


def _categories(run: RunDirectory) -> list[str]:
    return list(dict.fromkeys(sample.category for sample in run.samples()))


def _scope_note(run: RunDirectory, scope: str, cut: int, context_length: int) -> str:
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
        notes.append(f"{cut} caption{'s were' if cut > 1 else ' was'} cut at {context_length} tokens")
    return "; ".join(notes)


def _distance(
    job: _Job, metric: MetricDefinition, mine: Gaussian, references: ReferenceSet, theirs: ReferenceFeatures
) -> Score:
    """One Fréchet distance over all images of the run."""
    n, dimension, published = mine.n, len(mine.mean), job.protocol.published_n
    refused = job.run.require_seal().refused
    notes = []
    if min(n, theirs.ref.n or n) <= dimension:
        notes.append(f"no more images than feature dimensions ({dimension}): strongly biased upwards")
    if n < published:
        notes.append(f"{n} images where published distances use {published}: compare at equal n only")
    if references.jpeg:
        notes.append("references are JPEG files and the images are not: that alone moves the distance")
    if refused:
        notes.append(f"{refused} images were refused by the model and are left out")
    value = frechet_distance(mine, theirs.gaussians[metric.metric])
    definition = f"{metric.definition}; references {theirs.ref.name}"
    fingerprint = job.extractors[metric.extractor.name].fingerprint
    return _record(MetricResult(metric.metric, value, None, n, definition, fingerprint, "; ".join(notes)), OVERALL)


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


def _environment(device: str, metrics: Sequence[MetricDefinition]) -> dict[str, str]:
    packages = {
        name: version(name) for name in ("drawbench", "torch", "open_clip_torch", "clean-fid", "numpy", "pillow")
    }
    weights = {f"weights {m.extractor.name}": m.extractor.weights_sha256 or "unverified" for m in metrics}
    return {"python": platform.python_version(), "device": device, **packages, **weights}


def _columns(job: _Job, cosines: dict[str, np.ndarray]) -> dict[str, list[object]]:
    """The table of samples by columns: every sample of the plan, a refused one with an empty score."""
    run, samples = job.run, job.run.samples()
    columns: dict[str, list[object]] = {
        "file_name": [run.file_name(sample) for sample in samples],
        "prompt_id": [sample.prompt_id for sample in samples],
        "category": [sample.category for sample in samples],
        "sample": [sample.index for sample in samples],
    }
    for metric, values in cosines.items():
        of = dict(zip(job.drawn, values.tolist(), strict=True))
        columns[metric] = [of.get(sample) for sample in samples]
    return columns


def _write(run: RunDirectory, result: ScoreFile, columns: dict[str, list[object]]) -> None:
    """Both files under temporary names first, then renamed, the aggregates last: they stand for the whole."""
    import pyarrow
    from pyarrow import parquet

    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    table, aggregates = folder / f"{result.protocol.name}.parquet", folder / f"{result.protocol.name}.json"
    mark = f".{os.getpid()}.partial"
    partial = [path.with_name(f".{path.name}{mark}") for path in (table, aggregates)]
    types = {"sample": pyarrow.int32(), "clip_score": pyarrow.float64()}
    arrays = {name: pyarrow.array(values, types.get(name, pyarrow.string())) for name, values in columns.items()}
    try:
        parquet.write_table(pyarrow.table(arrays), partial[0])
        partial[1].write_text(result.model_dump_json(indent=2) + "\n", encoding="utf-8")
        partial[0].replace(table)
        partial[1].replace(aggregates)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
