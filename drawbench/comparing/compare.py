"""Two runs of the same prompts, paired: what differs, and whether the difference is more than noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

from drawbench.comparing.differences import Difference, metric_differences
from drawbench.comparing.pairing import comparable_size, paired
from drawbench.progress import Progress
from drawbench.records import Record
from drawbench.results.scores import Cost, PromptSetRef, ProtocolRef, ReferenceRef
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import BATCH, ReadSettings
from drawbench.scoring.prepared import PreparedRun, conditions
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.references import find_references, read_references
from drawbench.scoring.run_features import features_of_run


class ComparedRun(Record):
    """One of the two runs. notes: what must be known of its images, alone and beside the references."""

    name: str
    path: str
    plan_sha256: str
    refusals: int
    notes: tuple[str, ...] = ()
    cost: Cost | None = None


class Comparison(Record):
    """Everything that was compared.

    left_out: metrics of the protocol that these runs do not have, and why. notes: what must be known of the
    references and of the networks.
    """

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
    prompts: int  # that these are of
    differences: list[Difference]
    left_out: dict[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PreparedPair:
    """Two runs made ready, row by row of the same samples. left_out: metrics that cannot be compared, and why."""

    runs: tuple[RunDirectory, RunDirectory]
    a: PreparedRun
    b: PreparedRun
    metrics: tuple[MetricDefinition, ...]
    protocol: Protocol
    left_out: Mapping[str, str]

    def compared(self, progress: Progress) -> Comparison:
        """Their paired differences under the protocol."""
        theirs, left_out = self.a.references, dict(self.left_out)
        cautions = dict.fromkeys(metric.extractor.caution for metric in self.metrics if metric.extractor.caution)
        found = _differences(self.metrics, self.a, self.b, left_out, progress)
        return Comparison(
            a=_compared(self.a),
            b=_compared(self.b),
            **vars(conditions(self.runs[0].plan, self.protocol, theirs.ref if theirs else None)),
            images=len(self.a.rows),
            prompts=len(self.a.prompts),
            differences=found,
            left_out=left_out,
            notes=(*(theirs.notes if theirs else ()), *cautions),
        )


class Reading(TypedDict, total=False):
    """How two runs are read. extractors: the protocol's, where something has loaded them; then `device` is theirs."""

    device: str
    batch: int
    verify: bool
    extractors: Extractors | None
    progress: Progress | None


def prepare_pair(
    path_a: Path, path_b: Path, protocol: Protocol, reference: Path | None = None, **how: Unpack[Reading]
) -> PreparedPair:
    """Read two sealed runs, and the references of their distances; nothing is written.

    reference: folder of images or .npz for the distances, the same for both runs; without it they are left out.
    Raises UserError for runs that do not compare, naming what differs, and for all that scoring refuses.
    """
    progress = how.get("progress") or Progress()
    runs = RunDirectory.open(path_a), RunDirectory.open(path_b)
    size = comparable_size(runs[0], runs[1], protocol)
    references = find_references(reference) if reference else None
    left_out: dict[str, str] = {}
    asked = [metric for metric in protocol.metrics if references or not metric.kind.needs.references]
    left_out |= {metric.metric: "no reference images" for metric in protocol.metrics if metric not in asked}
    entries = [metric.extractor for metric in asked]
    extractors = how.get("extractors") or Extractors(entries, how.get("device", "cpu"), progress.note)
    reading = ReadSettings(size, how.get("batch", BATCH), None, how.get("verify", False))
    theirs = None
    if references and any(metric.kind.needs.references for metric in asked):
        theirs = read_references(references, asked, extractors, reading, progress)
        lacking = {metric.metric: theirs.lacking(metric) for metric in asked}
        left_out |= {name: reason for name, reason in lacking.items() if reason}
        asked = [metric for metric in asked if not lacking[metric.metric]]
    names = list(dict.fromkeys(metric.extractor.name for metric in asked))
    pair = paired(*(features_of_run(run, extractors, names, reading, progress) for run in runs))
    a, b = (PreparedRun.of(run, size, part, extractors, theirs) for run, part in zip(runs, pair, strict=True))
    return PreparedPair(runs, a, b, tuple(asked), protocol, left_out)


def compare_runs(
    path_a: Path, path_b: Path, protocol: Protocol, reference: Path | None = None, **how: Unpack[Reading]
) -> Comparison:
    """The paired differences of two sealed runs under a protocol. Arguments and errors are those of `prepare_pair`."""
    return prepare_pair(path_a, path_b, protocol, reference, **how).compared(how.get("progress") or Progress())


def _differences(
    metrics: Sequence[MetricDefinition],
    a: PreparedRun,
    b: PreparedRun,
    left_out: dict[str, str],
    progress: Progress,
) -> list[Difference]:
    found: list[Difference] = []
    with progress.counted("comparing", 0, len(metrics), "metrics"):
        for metric in metrics:
            found += metric_differences(metric, a, b, left_out)
            progress.advance(1)
    return found


def _compared(prepared: PreparedRun) -> ComparedRun:
    run = prepared.run
    return ComparedRun(
        name=run.plan.model.name,
        path=str(run.path),
        plan_sha256=run.manifest.plan_sha256,
        refusals=run.require_seal().refused,
        notes=(*prepared.image_notes, *prepared.reference_notes),
        cost=run.cost(),
    )
