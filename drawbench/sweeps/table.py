"""The points of a sweep as a CSV file and as a table for people."""

import csv
import io
from collections.abc import Sequence

from drawbench.results.scores import OVERALL, Score
from drawbench.sweeps.pareto_plot import curves
from drawbench.sweeps.sweep import SweepPoint
from drawbench.tables.headers import CLIP_SCORE, distances
from drawbench.terminal import aligned


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


def sweep_text(points: Sequence[SweepPoint]) -> str:
    """A table with the swept settings, CLIP score and distance; `*` marks the smallest distance of each curve."""
    axes = list(dict.fromkeys(name for point in points for name in point.settings))
    several = len({point.model for point in points}) > 1
    distance = next((m for m in distances() if any(p.result.score(m, OVERALL) for p in points)), None)
    best = {id(curve.best.distance) for curve in curves(points)}
    rows = [[*(["model"] if several else []), *axes, "CLIP score", *([distance] if distance else []), ""]]
    for point in points:
        score = point.result.score(distance, OVERALL) if distance else None
        row = [point.model] if several else []
        row += [point.settings.get(name, "") for name in axes]
        row += [_shown(point.result.score(CLIP_SCORE, OVERALL))]
        row += [_shown(score)] if distance else []
        rows.append([*row, "*" if id(score) in best else ""])
    lines = aligned(rows)
    rule = "-" * max(len(line) for line in lines)
    note = ["* smallest distance of its curve; in brackets 95% intervals"] if distance else []
    return "\n".join([lines[0], rule, *lines[1:], *note]) + "\n"


def _cells(score: Score | None) -> list[object]:
    if score is None:
        return ["", "", "", ""]
    interval = score.interval
    bounds = ["", ""] if interval == "not available" else [repr(interval.low), repr(interval.high)]
    return [repr(score.value), *bounds, score.n]


def _shown(score: Score | None) -> str:
    if score is None:
        return "-"
    digits = 4 if abs(score.value) < 10 else 2
    interval = score.interval
    if interval == "not available":
        return f"{score.value:.{digits}f}"
    return f"{score.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"
