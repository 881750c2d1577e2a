"""The paired comparison of each two runs of a report."""

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

from drawbench.comparing.compare import Comparison, compare_runs
from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.report.sources import ReportedRun
from drawbench.results.comparable import comparison_key
from drawbench.results.files import Result
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.protocols import NAMED, get_protocol
from metrics.errors import MetricInputError

Pair = tuple[ReportedRun, ReportedRun]


def compare_pairs(
    runs: Sequence[ReportedRun], references_of: Callable[[Path], Path | None], device: str, progress: Progress
) -> tuple[tuple[Comparison, ...], tuple[str, ...]]:
    """The comparison of each two runs under each protocol that both were scored under, and why others were not made.

    references_of: the reference images of a run, if they are known. Nothing is compared that a table would not show
    together, nor under definitions or references that are not those of the scores.
    """
    found: list[Comparison] = []
    missing: dict[str, None] = {}
    by_protocol = _by_protocol(runs)
    with progress.counted("comparing", 0, sum(map(len, by_protocol.values())), "pairs of runs"):
        for name, pairs in by_protocol.items():
            try:
                if name not in NAMED:
                    spec = pairs[0][2].protocol.typed
                    raise UserError(
                        f"it is of your own; `drawbench compare RUN RUN --protocol {spec}` compares two runs"
                    )
                protocol = get_protocol(name)
                extractors = Extractors([metric.extractor for metric in protocol.metrics], device, progress.note)
                if any(result.protocol.fingerprint != protocol.ref.fingerprint for _, _, result in pairs):
                    raise UserError("the scores are of other definitions than today's; score the runs again")
                for one, other, result in pairs:
                    found.append(_compared((one, other), result, protocol, references_of, extractors))
                    progress.advance(1)
            except (UserError, MetricInputError) as error:
                missing[f"protocol {name}: {error}"] = None
    return tuple(found), tuple(missing)


def _by_protocol(runs: Sequence[ReportedRun]) -> dict[str, list[tuple[ReportedRun, ReportedRun, Result]]]:
    """Protocol -> the pairs whose results compare, each with the result of the first."""
    pairs: dict[str, list[tuple[ReportedRun, ReportedRun, Result]]] = {}
    for one, other in combinations(runs, 2):
        keys = {comparison_key(result) for result in other.results}
        for result in one.results:
            if comparison_key(result) in keys and one.run.plan.prompts_sha256 == other.run.plan.prompts_sha256:
                pairs.setdefault(result.protocol.name, []).append((one, other, result))
    return dict(sorted(pairs.items()))


def _compared(
    pair: Pair,
    result: Result,
    protocol: Protocol,
    references_of: Callable[[Path], Path | None],
    extractors: Extractors,
) -> Comparison:
    """Raises UserError for references that are not those of the scores."""
    paths = pair[0].run.path, pair[1].run.path
    reference = references_of(paths[0]) if result.reference else None
    comparison = compare_runs(*paths, protocol, reference, extractors=extractors)
    theirs = comparison.reference.sha256 if comparison.reference else None
    if result.reference and theirs not in (None, result.reference.sha256):
        raise UserError("the references that were named are not those of the scores")
    names = {"a": pair[0].label, "b": pair[1].label}
    return comparison.model_copy(
        update={side: getattr(comparison, side).model_copy(update={"name": name}) for side, name in names.items()}
    )
