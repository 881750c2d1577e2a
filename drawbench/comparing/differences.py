"""What each metric says of the difference of two runs of the same prompts."""

from dataclasses import replace
from typing import Literal

from drawbench.records import Record
from drawbench.results.scores import OVERALL, MaybeInterval
from drawbench.scoring.kinds.kind import joined
from drawbench.scoring.prepared import PreparedRun
from drawbench.scoring.protocol import MetricDefinition
from metrics.image_set import CannotMeasureError, NoSuchPromptError
from metrics.statistics.paired import PairedResult

Verdict = Literal["A is higher", "B is higher", "within noise", "n too small for FID", "no interval"]


class Difference(Record):
    """One metric over one scope in both runs, on the samples that both have an image for.

    difference: a - b, with its interval. n: prompts behind it, or images for a distance. note: what must be known.
    units: of a mean's interval, its degrees of freedom plus one where they are not n's.
    """

    metric: str
    scope: str
    a: float
    b: float
    difference: float
    interval: MaybeInterval
    n: int
    lower_is_better: bool
    verdict: Verdict
    note: str = ""
    units: float | None = None

    @classmethod
    def of(cls, metric: str, scope: str, found: PairedResult, *, lower_is_better: bool) -> "Difference":
        """With its verdict."""
        return cls(
            metric=metric,
            scope=scope,
            a=found.a,
            b=found.b,
            difference=found.difference,
            interval=found.interval or "not available",
            n=found.n,
            lower_is_better=lower_is_better,
            verdict=verdict(found),
            note=found.note,
            units=found.units,
        )


def verdict(found: PairedResult) -> Verdict:
    """In words."""
    if found.interval is None:
        return "no interval"
    if found.hopeless:
        return "n too small for FID"
    if found.interval.low <= 0 <= found.interval.high:
        return "within noise"
    if found.doubtful:
        return "n too small for FID"
    return "A is higher" if found.difference > 0 else "B is higher"


def metric_differences(
    metric: MetricDefinition, a: PreparedRun, b: PreparedRun, left_out: dict[str, str]
) -> list[Difference]:
    """A metric's rows, number by number; what these runs do not have is put into `left_out`, with the reason.

    a, b: row by row images of the same samples.
    """
    kind, ours, theirs = metric.kind, a.images(metric), b.images(metric)
    if len(a.rows) < kind.needs.images:
        left_out[metric.metric] = f"{len(a.rows)} images are in both runs, and it needs {kind.needs.images}"
        return []
    found: dict[str, list[Difference]] = {}
    for scope, inside in a.scopes(metric):
        chosen = a.served(metric, inside)
        if not chosen:
            continue
        try:
            part = ours.of_prompts(chosen)
            pairs = kind.differences(part, theirs.of_prompts(chosen))
        except NoSuchPromptError as reason:
            if scope == OVERALL:
                left_out[metric.metric] = str(reason).removeprefix("which ")
                return []
            continue
        except CannotMeasureError as reason:
            what = f"{metric.metric} of {scope}" if kind.by_category else metric.metric
            left_out[what] = str(reason).removeprefix("which ")
            continue
        for number, pair in pairs.items():
            measure = kind.measure(number)
            note = joined(pair.note, kind.interval_note(part))
            pair = replace(pair, note=note, interval=measure.interval_of_difference(pair.interval))
            row = Difference.of(metric.name_of(number), scope, pair, lower_is_better=not measure.higher_is_better)
            found.setdefault(number, []).append(row)
    if kind.needs.pairs and not found:
        left_out[metric.metric] = "no prompt has two images in both runs"
    return [row for rows in found.values() for row in rows]
