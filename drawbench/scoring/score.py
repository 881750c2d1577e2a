"""Scoring: a sealed run and a protocol in; scores/<protocol>.json and scores/<protocol>.parquet out."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.results.files import read_result
from drawbench.results.scores import ScoreFile, read_scores, scores_path
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import ReadSettings, default_batch
from drawbench.scoring.measure import lacking, measure
from drawbench.scoring.prepared import PreparedRun, conditions, evaluated_size
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.references import ReferenceFeatures, find_references, read_references
from drawbench.scoring.run_features import features_of_run
from drawbench.scoring.score_files import destination, write_scores

PACKAGES = ("drawbench", "torch", "open_clip_torch", "clean-fid", "numpy", "pillow")


def score_run(
    run_path: Path,
    protocol: Protocol,
    reference: Path | None = None,
    *,
    device: str = "cpu",
    batch: int | None = None,
    workers: int | None = None,
    verify: bool = False,
    progress: Progress | None = None,
    out: Path | None = None,
    extractors: Extractors | None = None,
) -> ScoreFile:
    """Score a sealed run, write its two score files, and return the aggregates.

    reference: folder of images or .npz; without it the protocol's distances are left out. What else cannot be
    measured on this run is left out too, and a note says why.
    verify: read every image again, also those that did not change since they were sealed or last read.
    out: a folder for the two files, as result files for tables; then nothing is written into the run.
    extractors: the protocol's on this device, where something has loaded them already.
    Scores do not depend on `batch` and `workers` beyond float32 rounding (1e-6 for a CLIP score, 1e-4 relative for a
    distance), nor on what is in the cache.
    Raises UserError for a run that is not finished, or was changed since, and for a reference that cannot be used;
    MetricInputError for weights that are missing and images that cannot be read.
    """
    progress, device = progress or Progress(), extractors.device if extractors else device
    run = RunDirectory.open(run_path)
    run.require_seal()
    path = destination(run, protocol.name, out)
    reading = ReadSettings(evaluated_size(run, protocol), batch or default_batch(device), workers, verify)
    references = find_references(reference) if reference else None
    metrics = [metric for metric in protocol.metrics if references or not metric.kind.needs.references]
    if not references:
        _keep_distances(path, run, protocol)
    if len(metrics) < len(protocol.metrics):
        progress.note(f"{run_path.name}: no reference images, so no distance is computed")
    metrics = _measurable(metrics, run, progress)
    extractors = extractors or Extractors([metric.extractor for metric in metrics], device, progress.note)
    theirs = None
    if references and any(metric.kind.needs.references for metric in metrics):
        theirs = read_references(references, metrics, extractors, reading, progress)
        metrics = _served(metrics, theirs, progress)
    names = list(dict.fromkeys(metric.extractor.name for metric in metrics))
    features = features_of_run(run, extractors, names, reading, progress)
    prepared = PreparedRun.of(run, reading.size, features, extractors, theirs)
    for note in (*prepared.image_notes, *prepared.reference_notes):
        progress.note(f"{run_path.name}: {note}")
    measured = measure(prepared, metrics, protocol.published_n, progress)
    if measured.left_out and not measured.scores:
        what, reason = next(iter(measured.left_out.items()))
        raise UserError(f"{run_path} has no {what}, {reason}: score it by another protocol")
    seal = run.require_seal()
    result = ScoreFile(
        **vars(conditions(run.plan, protocol, theirs.ref if theirs else None)),
        refusals=seal.refused,
        scores=measured.scores,
        plan_sha256=run.manifest.plan_sha256,
        pixels_sha256=seal.pixels_sha256,
        environment=_environment(device, metrics),
        date=datetime.now(UTC).date().isoformat(),
        cost=run.cost(),
    )
    write_scores(path, run, result, features.samples, measured.per_sample)
    return result


def _keep_distances(path: Path, run: RunDirectory, protocol: Protocol) -> None:
    """Refuse to replace scores of these very images that have distances by scores that have none."""
    try:
        inside = path == scores_path(run.path, protocol.name)
        found = read_scores(path) if inside else read_result(path)
    except (FileNotFoundError, UserError):  # none yet, or none that can be read
        return
    images = found.pixels_sha256 if isinstance(found, ScoreFile) else found.run and found.run.pixels_sha256
    same = (found.protocol.fingerprint, images) == (protocol.fingerprint, run.require_seal().pixels_sha256)
    if same and found.reference:
        raise UserError(
            f"{path} holds distances to the references {found.reference.name}, which scoring without references would "
            "delete: give --reference again, or delete that file"
        )


def _measurable(metrics: Sequence[MetricDefinition], run: RunDirectory, progress: Progress) -> list[MetricDefinition]:
    """The metrics that this run has enough images for; for each other one a note."""
    kept = []
    for metric in metrics:
        reason = lacking(metric, run)
        if reason:
            progress.note(f"{run.path.name}: no {metric.metric}, {reason}")
        else:
            kept.append(metric)
    return kept


def _served(
    metrics: Sequence[MetricDefinition], theirs: ReferenceFeatures, progress: Progress
) -> list[MetricDefinition]:
    """The metrics that these references allow: statistics of one resize mode allow the distances of that mode only."""
    kept = []
    for metric in metrics:
        reason = theirs.lacking(metric)
        if reason:
            progress.note(f"no {metric.metric}: {reason}")
        else:
            kept.append(metric)
    return kept


def _environment(device: str, metrics: Sequence[MetricDefinition]) -> dict[str, str]:
    packages = {name: version(name) for name in PACKAGES}
    weights = {f"weights {m.extractor.name}": m.extractor.weights_sha256 or "unverified" for m in metrics}
    return {"python": platform.python_version(), "device": device, **packages, **weights}
