"""The points of a sweep as a CSV file and as a table for people."""

import csv
import io
from collections.abc import Sequence

from drawbench.results.scores import OVERALL, Score
from drawbench.sweeps.pareto_plot import curves
from drawbench.sweeps.sweep import SweepPoint, equal_points
from drawbench.tables.footnotes import Footnotes
from drawbench.tables.headers import alignment_of, distances, measure_of
from drawbench.tables.layout import Block, Cell, Column, Sheet, prompts_of, score_cell, table_title
from drawbench.tables.text import sheet_text
from drawbench.terminal import WIDTH

MODEL = "model"
SMALLEST = "smallest"  # of its curve


def sweep_csv(points: Sequence[SweepPoint]) -> str:
    """One row per point: what was swept, what makes it comparable, and each overall metric with interval and n."""
    axes = list(dict.fromkeys(name for point in points for name in point.settings))
    metrics = list(dict.fromkeys(s.metric for point in points for s in point.result.scores if s.scope == OVERALL))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    facts = ["prompt_set", "prompt_set_sha256", "prompts", "complete", "samples", "size", "refusals"]
    facts += ["protocol", "protocol_version", "protocol_fingerprint", "reference", "reference_sha256", "reference_n"]
    parts = [f"{metric}{end}" for metric in metrics for end in ("", "_low", "_high", "_n")]
    writer.writerow(["model", "spec", *axes, *parts, *facts, "weights_sha256", "plan_sha256", "pixels_sha256", "run"])
    for point in points:
        result = point.result
        reference = result.reference
        numbers = [cell for metric in metrics for cell in _cells(result.score(metric, OVERALL))]
        writer.writerow(
            [
                result.model.name,
                point.model,
                *(point.settings.get(name, "") for name in axes),
                *numbers,
                result.prompt_set.name,
                result.prompt_set.sha256,
                result.prompt_set.n,
                str(result.complete).lower(),
                result.samples,
                result.size,
                result.refusals,
                result.protocol.name,
                result.protocol.version,
                result.protocol.fingerprint,
                *((reference.name, reference.sha256, reference.n) if reference else ("", "", "")),
                result.model.weights_sha256,
                *((result.run.plan_sha256, result.run.pixels_sha256) if result.run else ("", "")),
                point.run,
            ]
        )
    return text.getvalue()


def sweep_text(points: Sequence[SweepPoint], width: int = WIDTH) -> str:
    """A table with the swept settings, CLIP score and distance; `*` marks the smallest distance of each curve."""
    if not points:
        return ""
    axes = list(dict.fromkeys(name for point in points for name in point.settings))
    alignment = alignment_of([point.result for point in points])
    metrics = [alignment, *[m for m in distances() if any(p.result.score(m, OVERALL) for p in points)][:1]]
    several = len({point.model for point in points}) > 1
    best = {id(curve.best.distance) for curve in curves(points)}
    notes = Footnotes()
    columns = [Column(name, numeric=False) for name in ([MODEL] if several else []) + axes]
    columns += [Column(measure_of(metric).arrowed) for metric in metrics]
    columns += [Column("prompts"), Column("refused"), Column(SMALLEST if best else "", numeric=False)]
    rows = []
    for point in points:
        scores = [point.result.score(metric, OVERALL) for metric in metrics]
        words = ([point.model] if several else []) + [point.settings.get(name, "") for name in axes]
        counts = [str(prompts_of(point.result)), str(point.result.refusals)]
        cells = [score_cell(score, 4 if score and abs(score.value) < 10 else 2, notes) for score in scores]
        starred = any(id(score) in best for score in scores)
        rows.append((*map(Cell, words), *cells, *map(Cell, counts), Cell("*" if starred else "")))
    first = points[0].result
    block = Block("", tuple(columns), tuple(rows))
    return sheet_text(Sheet(table_title(first), (block,), notes.listed(), _told(points)), width) + "\n"


def _told(points: Sequence[SweepPoint]) -> tuple[tuple[str, str], ...]:
    first = points[0].result
    facts = [("prompt set", f"{first.prompt_set.name}, {first.prompt_set.n} prompts")]
    if first.reference:
        count = f", {first.reference.n} images" if first.reference.n else ""
        facts += [("reference", f"{first.reference.name}{count}")]
    facts += [("intervals", "95%, each for its point alone: a smallest distance need not be smaller than the next")]
    facts += [("caution", said) for said in equal_points(points)]
    if not all(point.result.complete for point in points):
        facts += [("caution", "PARTIAL: made from a part of the prompt set; compare with the same part only")]
    return tuple(facts)


def _cells(score: Score | None) -> list[object]:
    if score is None:
        return ["", "", "", ""]
    interval = score.interval
    bounds = ["", ""] if interval == "not available" else [repr(interval.low), repr(interval.high)]
    return [repr(score.value), *bounds, score.n]
