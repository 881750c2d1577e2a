"""The metrics of a protocol on one run: each over its scopes, with what must be known beside the number."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from drawbench.progress import Progress
from drawbench.results.scores import OVERALL, Score
from drawbench.runs.directory import RunDirectory
from drawbench.runs.failures import is_failure
from drawbench.scoring.image_notes import copied, few_different
from drawbench.scoring.kinds.kind import joined
from drawbench.scoring.kinds.manifold import MANIFOLD
from drawbench.scoring.prepared import PreparedRun
from drawbench.scoring.protocol import MetricDefinition
from metrics.image_set import CannotMeasureError, NoSuchPromptError

NO_PAIRS = "which compares the images of a prompt, and no prompt has two"


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
    needs = metric.kind.needs
    if needs.pairs and len({sample.prompt_id for sample in drawn}) == len(drawn):
        return NO_PAIRS
    return f"which needs {needs.images} images or more" if len(drawn) < needs.images else ""


def measure(
    prepared: PreparedRun, metrics: Sequence[MetricDefinition], published_n: int, progress: Progress
) -> Measured:
    """All scores of all metrics. published_n: images behind published numbers, 0 for none."""
    measured = Measured()
    with progress.counted("measuring", 0, len(metrics), "metrics"):
        for metric in metrics:
            _measure(prepared, metric, published_n, measured)
            progress.advance(1)
    for reason in dict.fromkeys(measured.left_out.values()):
        left_out = ", ".join(what for what, why in measured.left_out.items() if why == reason)
        progress.note(f"{prepared.run.path.name}: no {left_out}, {reason}")
    return measured


def _measure(prepared: PreparedRun, metric: MetricDefinition, published_n: int, measured: Measured) -> None:
    kind, images = metric.kind, prepared.images(metric)
    for scope, inside in prepared.scopes(metric):
        chosen = prepared.served(metric, inside)
        try:
            if not chosen:
                raise CannotMeasureError(NO_PAIRS)
            part = images.of_prompts(chosen)
            found = kind.results(part)
        except NoSuchPromptError as reason:
            if scope == OVERALL:
                measured.left_out[metric.metric] = str(reason)
                return
            continue  # the overall note counts these prompts
        except CannotMeasureError as reason:
            measured.left_out[f"{metric.metric} of {scope}" if kind.by_category else metric.metric] = str(reason)
            continue
        beside = [*kind.cautions(part, published_n), kind.interval_note(part)]
        notes = [*beside, *_notes(prepared, metric, scope, inside)]
        words = _definition(prepared, metric)
        for name, result in found.items():
            measured.scores.append(
                Score(
                    metric=metric.name_of(name),
                    scope=scope,
                    value=result.value,
                    interval=kind.measure(name).interval(result.interval) or "not available",
                    n=result.n,
                    definition=joined(words, kind.definition(name, part)),
                    note=joined(*notes, result.note),
                )
            )
    values = kind.per_image(images)
    if values is not None:
        measured.per_sample[metric.metric] = values


def _definition(prepared: PreparedRun, metric: MetricDefinition) -> str:
    """The protocol's words, with what is known of the weights, and the reference set."""
    theirs = prepared.references
    used = f"references {theirs.ref.name}" if theirs and metric.kind.needs.references else ""
    return joined(metric.definition, metric.extractor.origin, used)


def _notes(prepared: PreparedRun, metric: MetricDefinition, scope: str, inside: Sequence[int]) -> list[str]:
    """What a reader must know beside the number: other files' artefacts, refusals, captions and prompts left out."""
    run, needs, notes = prepared.run, metric.kind.needs, []
    if needs.references and prepared.references:
        dimension = prepared.images(metric).features.shape[1]
        few = copied(prepared.references) if metric.kind is MANIFOLD else few_different(prepared.references, dimension)
        notes += [*few, *prepared.references.notes, *prepared.reference_notes]
    samples = [sample for sample in run.samples() if scope in (OVERALL, sample.category)]
    drawn = [sample for sample in samples if run.refusal(sample) is None]
    if len(drawn) < len(samples):
        refused = len(samples) - len(drawn)
        failed = sum(is_failure(run.refusal(sample) or "") for sample in samples)
        why = f", {failed} of them because it failed," if failed else ""
        notes.append(f"{refused} of {len(samples)} images were refused by the model{why} and are left out")
    if scope == OVERALL:
        shown = {sample.category for sample in drawn}
        notes += [f"no image in {category}" for category in prepared.categories() if category not in shown]
    if needs.texts or metric.extractor.reads_prompts:
        captions = prepared.cut(metric.extractor.name)
        cut = sum(captions.texts[i] for i in inside)
        notes += [f"{cut} caption{'s were' if cut > 1 else ' was'} cut at {captions.limit} tokens"] if cut else []
    single = len(inside) - len(prepared.served(metric, inside))
    if single:
        words = "1 prompt with one image is" if single == 1 else f"{single} prompts with one image are"
        notes.append(f"{words} left out")
    notes += [note for note in (metric.blind.get(scope, ""), metric.extractor.caution) if note]
    return [*notes, *prepared.image_notes]
