"""Whether two runs are of the same model for all that matters: a quantised, compiled, ported or fine-tuned one.

Paired by prompt and seed. `same` when every difference is shown to be within its margin, `different` when one is shown
not to be zero and they are not the same, else `undecided`.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from drawbench.comparing.compare import Comparison, prepare_pair
from drawbench.comparing.differences import Difference
from drawbench.comparing.pairs import ImagePairs, image_pairs
from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.records import Record
from drawbench.results.scores import OVERALL
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.protocol import Protocol
from drawbench.tables.headers import measure_of
from metrics.statistics.equivalence import LEVEL, Equivalence, equivalence, holm, units_that_decide
from metrics.statistics.intervals import LEAST_UNITS
from metrics.statistics.paired import MEANS

JACKKNIFE = 2.0
Verdict = Literal["same", "different", "undecided"]


class Test(Record):
    """One number against its margin. difference: A - B. low, high: the interval that is held against the margin, of
    `level`: 90% for means, 95% for jackknives.

    p_within: small when it is shown to be within the margin. p_zero: Holm's, small when it is shown not to be zero.
    prompts_needed: about how many would decide it; None where it is decided, or none would.
    """

    metric: str
    margin: float
    a: float
    b: float
    difference: float
    low: float
    high: float
    level: float
    p_within: float
    p_zero: float
    prompts: int
    verdict: Verdict
    prompts_needed: int | None = None
    note: str = ""


class Sameness(Record):
    """The verdict on two runs, and all it stands on. pairs: how far the images of a pair are from each other.

    refused_once: samples of which one model drew an image and the other refused to: they are in no pair, and whatever
    the others show, the models are not shown to be the same.
    """

    schema_version: int = 1
    verdict: Verdict
    refused_once: int = 0
    tests: list[Test]
    pairs: ImagePairs
    comparison: Comparison


def parse_margins(texts: Sequence[str]) -> dict[str, float]:
    """`metric=value` texts. Raises UserError for one that is none, is not above zero, or is given twice."""
    margins: dict[str, float] = {}
    for text in texts:
        metric, _, value = text.partition("=")
        try:
            margin = float(value)
        except ValueError:
            margin = 0.0
        if not metric or not 0 < margin < float("inf"):
            raise UserError(f"--margin {text} is no margin: write --margin METRIC=VALUE, with a value above 0")
        if metric in margins:
            raise UserError(f"--margin {metric} is given twice: keep one of them")
        margins[metric] = margin
    return margins


def refuse_other_seeds(a: Path, b: Path) -> None:
    """Raises UserError when the runs were drawn from other seeds: then two images of a prompt are no pair."""
    seeds = [RunDirectory.open(path).plan.seed for path in (a, b)]
    if seeds[0] != seeds[1]:
        raise UserError(
            f"{a} has seed {seeds[0]} and {b} has seed {seeds[1]}: draw both with one --seed, so that their images pair"
        )


def sameness(
    comparison: Comparison, margins: Mapping[str, float], pairs: ImagePairs, refused_once: int = 0
) -> Sameness:
    """Test every margin. Raises UserError for a metric that was not compared, or has no interval to test."""
    rows = {row.metric: row for row in comparison.differences if row.scope == OVERALL}
    for metric in margins:
        if metric not in rows:
            why = comparison.left_out.get(metric)
            there = f"{metric} was left out, {why}" if why else f"there is {', '.join(rows) or 'nothing'}"
            raise UserError(f"--margin {metric} cannot be tested: {there}")
    tested = [rows[metric] for metric in margins]
    found = [_equivalence(row, comparison.prompts, margins[row.metric]) for row in tested]
    adjusted = holm([each.p_zero for each in found])
    tests = [_test(*each) for each in zip(tested, found, adjusted, strict=True)]
    verdict = _joint(tests)
    if verdict == "same" and refused_once:
        verdict = "undecided"
    return Sameness(verdict=verdict, refused_once=refused_once, tests=tests, pairs=pairs, comparison=comparison)


def _equivalence(row: Difference, prompts: int, margin: float) -> Equivalence:
    if row.interval == "not available":
        why = "draw more prompts" if prompts < LEAST_UNITS else row.note or "nothing in it varies"
        raise UserError(
            f"--margin {row.metric} cannot be tested: the difference of {prompts} prompts has no interval; {why}"
        )
    return equivalence(row.difference, _half_width(row), _units(row, prompts), margin, _caution(row))


def _half_width(row: Difference) -> float:
    """Of the interval as it was before it ended where the number does; infinite where both of its ends were cut."""
    assert row.interval != "not available"
    most = _most(row.metric)
    if row.interval.low <= -most and row.interval.high >= most:
        return math.inf
    return max(row.interval.high - row.difference, row.difference - row.interval.low)


def _most(metric: str) -> float:
    """How far two such numbers can be from each other."""
    measure = measure_of(metric)
    return measure.most - measure.least


def _units(row: Difference, prompts: int) -> float:
    """The prompts behind the interval, or as many as it counts for: of a mean its n, of a jackknife all."""
    return (row.units or row.n) if _is_mean(row) else prompts


def _caution(row: Difference) -> float:
    """1 for a mean over prompts; 2 for a number over all images, which has a jackknife's interval."""
    return 1.0 if _is_mean(row) else JACKKNIFE


def _is_mean(row: Difference) -> bool:
    return row.interval != "not available" and row.interval.method in MEANS


def _test(row: Difference, found: Equivalence, p_zero: float) -> Test:
    verdict: Verdict = "same" if found.within else "different" if p_zero <= LEVEL else "undecided"
    return Test(
        metric=row.metric,
        margin=found.margin,
        a=row.a,
        b=row.b,
        difference=row.difference,
        low=max(found.low, -_most(row.metric)),
        high=min(found.high, _most(row.metric)),
        level=1 - 2 * LEVEL / _caution(row),
        p_within=found.p_within,
        p_zero=p_zero,
        prompts=round(found.freedom) + 1,
        verdict=verdict,
        prompts_needed=units_that_decide(found) if verdict == "undecided" else None,
        note=row.note,
    )


def _joint(tests: Sequence[Test]) -> Verdict:
    verdicts = {test.verdict for test in tests}
    if verdicts == {"same"}:
        return "same"
    return "different" if "different" in verdicts else "undecided"


def same_runs(
    a: Path,
    b: Path,
    margins: Mapping[str, float],
    protocol: Protocol,
    reference: Path | None = None,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Sameness:
    """The verdict on two sealed runs. margins: by metric, each in its own unit.

    Raises UserError for runs that do not compare or pair, and for margins that cannot be tested.
    """
    progress = progress or Progress()
    refuse_other_seeds(a, b)
    pair = prepare_pair(a, b, protocol, reference, device=device, progress=progress)
    comparison = pair.compared(progress)
    pairs = image_pairs(pair.runs, (pair.a.features, pair.b.features), protocol, progress)
    return sameness(comparison, margins, pairs, _refused_once(*pair.runs))


def _refused_once(a: RunDirectory, b: RunDirectory) -> int:
    refused = [
        {(each.prompt_id, each.index) for each in run.samples() if run.refusal(each) is not None} for run in (a, b)
    ]
    return len(refused[0] ^ refused[1])
