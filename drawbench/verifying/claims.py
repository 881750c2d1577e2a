"""A result against the run that it says it is of: hashes, the table of samples, and the scores made anew."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from drawbench.errors import UserError, is_input_error
from drawbench.interface import Sample
from drawbench.progress import Progress
from drawbench.results.comparable import comparison_key
from drawbench.results.files import Result
from drawbench.results.scores import OVERALL, Score, scores_path
from drawbench.runs.directory import RunDirectory, named
from drawbench.scoring.protocols import MetricDefinition, Protocol
from drawbench.scoring.score import score_run
from drawbench.verifying.check import Check, fails, holds, not_checkable
from metrics.images.decode import pixel_hash

RUN, IMAGES, TABLE, SCORES = "run", "images", "table of samples", "scores made anew"
TABLE_TOLERANCE = 1e-9  # of a mean of values that are there to the last digit
# What rounding in float32 leaves of a score, whatever the batch and on like devices; then across devices.
TOLERANCE, ACROSS = 1e-4, 1e-2


def check_run(result: Result, run: RunDirectory) -> Check:
    """Is it the run that the result names."""
    seal, plan = run.require_seal(), run.plan
    if result.run is None:
        return not_checkable(RUN, "the result names no run")
    stated = {
        "plan": (result.run.plan_sha256[:12], plan.sha256[:12]),
        "pixels": (result.run.pixels_sha256[:12], seal.pixels_sha256[:12]),
        "model": (result.model, plan.model),
        "prompt set": (result.prompt_set.sha256, plan.prompt_set_sha256),
        "samples": (result.samples, plan.samples),
        "refusals": (result.refusals, seal.refused),
        "completeness": (result.complete, plan.complete),
    }
    other = [f"{name} ({_short(mine)} against {_short(its)})" for name, (mine, its) in stated.items() if mine != its]
    if other:
        return fails(RUN, f"the result and {run.path} differ in {'; '.join(other)}")
    return holds(RUN, f"plan {plan.sha256[:12]}, pixels {seal.pixels_sha256[:12]}, {seal.images} images")


def check_images(run: RunDirectory, progress: Progress) -> Check:
    """Are all images those that were sealed: each is decoded and hashed."""
    drawn = [sample for sample in run.samples() if run.refusal(sample) is None]
    changed: list[Sample] = []
    with progress.counted("hashing", 0, len(drawn)):
        for sample in drawn:
            try:
                same = pixel_hash(run.pixels(sample)) == run.pixel_sha256(sample)
            except (UserError, ValueError):  # gone, or no image any more
                same = False
            changed += [] if same else [sample]
            progress.advance(1)
    if changed:
        return fails(IMAGES, f"{len(changed)} of {len(drawn)} are not as sealed ({named(changed)})")
    return holds(IMAGES, f"all {len(drawn)} are as sealed")


def check_table(result: Result, run: RunDirectory, protocol: Protocol) -> Check:
    """Are the means those of the values in the table of samples."""
    import pandas

    path = scores_path(run.path, result.protocol.name).with_suffix(".parquet")
    if not path.is_file():
        return not_checkable(TABLE, f"{path} is not there")
    table, looked_at, wrong = pandas.read_parquet(path), 0, []
    for metric in protocol.metrics:
        if metric.metric not in table or not metric.kind.by_category:
            continue
        for score in (each for each in result.scores if each.metric == metric.metric):
            part = table if score.scope == OVERALL else table[table.category == score.scope]
            by_prompt = part.groupby("prompt_id")[metric.metric].mean().dropna()
            looked_at += 1
            if abs(by_prompt.mean() - score.value) > TABLE_TOLERANCE or len(by_prompt) != score.n:
                wrong.append(f"{score.metric} of {score.scope} is {by_prompt.mean():.6g} there, not {score.value:.6g}")
    if wrong:
        return fails(TABLE, "; ".join(wrong[:3]))
    return holds(TABLE, f"{looked_at} means are those of its values") if looked_at else not_checkable(TABLE, "no means")


def check_scores(
    result: Result, run: RunDirectory, protocol: Protocol, reference: Path | None, device: str, progress: Progress
) -> Check:
    """Are the scores those that the images give now."""
    with TemporaryDirectory(prefix="drawbench-verify-") as folder:
        try:
            again = score_run(run.path, protocol, reference, device=device, progress=progress, out=Path(folder))
        except (UserError, ValueError) as error:
            if not isinstance(error, UserError) and not is_input_error(error):
                raise
            return not_checkable(SCORES, str(error))
    if reference and comparison_key(result)._replace(kind="") != _key_of(again, result):
        return not_checkable(SCORES, "these are other references than those of the result")
    like = result.environment.get("device", "").partition(":")[0] == device.partition(":")[0]
    tolerance = TOLERANCE if like else ACROSS
    new = {(each.metric, each.scope): each for each in again.scores}
    moved = list(_moved(result, new, protocol, reference is not None, tolerance))
    if moved:
        return fails(SCORES, "; ".join(moved[:3]) + (f"; and {len(moved) - 3} more" if len(moved) > 3 else ""))
    compared = sum((each.metric, each.scope) in new for each in result.scores)
    left = len(result.scores) - compared
    beside = f", {left} distances were not: give --reference" if left else ""
    where = "" if like else " across devices"
    return holds(SCORES, f"{compared} numbers came out within {tolerance:g}{where}{beside}")


def _key_of(again: object, result: Result) -> object:
    both = {
        name: getattr(again, name) for name in ("prompt_set", "protocol", "reference", "size", "samples", "complete")
    }
    return comparison_key(result.model_copy(update=both))._replace(kind="")


def _moved(
    result: Result, new: Mapping[tuple[str, str], Score], protocol: Protocol, referred: bool, tolerance: float
) -> Iterator[str]:
    needed = {name for metric in protocol.metrics if metric.kind.needs.references for name in _names(metric)}
    for score in result.scores:
        other = new.get((score.metric, score.scope))
        if other is None:
            if referred or score.metric not in needed:
                yield f"{score.metric} of {score.scope} is not among them"
        elif not np.isclose(score.value, other.value, rtol=tolerance, atol=tolerance):
            yield f"{score.metric} of {score.scope} is {other.value:.6g}, not {score.value:.6g}"
        elif score.n != other.n:
            yield f"{score.metric} of {score.scope} is over {other.n}, not {score.n}"
        elif not _alike(score, other, tolerance):
            yield f"the interval of {score.metric} of {score.scope} is another one"


def _alike(score: Score, other: Score, tolerance: float) -> bool:
    """Whether both have the same interval, or none."""
    mine, its = score.interval, other.interval
    if mine == "not available" or its == "not available":
        return mine == its
    return bool(np.allclose((mine.low, mine.high), (its.low, its.high), rtol=tolerance, atol=tolerance))


def _names(metric: MetricDefinition) -> list[str]:
    return [metric.name_of(measure.name) for measure in metric.kind.measures] + [metric.metric]


def _short(value: object) -> str:
    name = getattr(value, "name", None)
    return str(name if name is not None else value)[:40]
