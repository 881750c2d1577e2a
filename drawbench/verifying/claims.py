"""A result against the run that it says it is of: hashes, the table of samples, and the scores made anew."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from drawbench.errors import UserError, is_input_error
from drawbench.interface import Sample
from drawbench.progress import Progress
from drawbench.results.comparable import Conditions, differences
from drawbench.results.files import Result
from drawbench.results.scores import OVERALL, Cost, ReferenceRef, Score, ScoreFile, scores_path
from drawbench.runs.directory import RunDirectory, named
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.score import score_run
from drawbench.verifying.check import Check, fails, holds, not_checkable
from metrics.images.decode import pixel_hash

RUN, IMAGES, TABLE, SCORES = "run", "images", "table of samples", "scores made anew"
TABLE_TOLERANCE = 1e-9  # of a mean of values that are there to the last digit
# What rounding in float32 leaves of a score, whatever the batch and on like devices; then across devices. Shares of the
# score, or what it may move by where it is small.
TOLERANCE, ACROSS = (1e-4, 1e-4), (1e-2, 1e-3)
WORDS = "drawbench"  # in an environment: the version whose words definitions and notes are in


def check_run(result: Result, run: RunDirectory) -> Check:
    """Is it the run that the result names."""
    seal, plan = run.require_seal(), run.plan
    if result.run is None:
        return not_checkable(RUN, "the result names no run")
    stated = {
        "kind": (result.kind, "measured"),
        "plan": (result.run.plan_sha256, plan.sha256),
        "pixels": (result.run.pixels_sha256, seal.pixels_sha256),
        "model": (result.model, plan.model),
        "name of the prompt set": (result.prompt_set.name, plan.prompt_set_name),
        "prompts": (result.prompt_set.sha256, plan.prompt_set_sha256),
        "number of prompts": (result.prompt_set.n, plan.n_prompts),
        "samples": (result.samples, plan.samples),
        "refusals": (result.refusals, seal.refused),
        "completeness": (result.complete, plan.complete),
        "cost": (_rounded(result.cost), _rounded(run.cost()) if result.cost else None),
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
    try:
        table, looked_at, wrong = pandas.read_parquet(path), 0, list[str]()
    except (OSError, ValueError):
        return fails(TABLE, f"{path} is no table")
    if not {"prompt_id", "category"} <= {*table}:
        return fails(TABLE, f"{path} is no table of samples")
    for metric in protocol.metrics:
        if metric.metric not in table or not metric.kind.by_category or metric.kind.weighted:
            continue  # the table does not say how much a prompt counts
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
    """Are the scores those that the images give now: all of them, their intervals and words, under these conditions."""
    referred = reference if result.reference else None
    with TemporaryDirectory(prefix="drawbench-verify-") as folder:
        try:
            again = score_run(run.path, protocol, referred, device=device, progress=progress, out=Path(folder))
        except (UserError, ValueError) as error:
            if not isinstance(error, UserError) and not is_input_error(error):
                raise
            return not_checkable(SCORES, str(error))
    if other := _conditions(result, again, referred is not None):
        foreign = result.protocol.fingerprint != again.protocol.fingerprint or (
            referred and _sha256(result) != _sha256(again)
        )
        return (not_checkable if foreign else fails)(SCORES, f"the result and what was scored differ in {other}")
    like = result.environment.get("device", "").partition(":")[0] == device.partition(":")[0]
    told = like and result.environment.get(WORDS) == again.environment.get(WORDS)
    tolerance = TOLERANCE if like else ACROSS
    moved = list(_moved(result, again, protocol, tolerance, told))
    if moved:
        return fails(SCORES, "; ".join(moved[:3]) + (f"; and {len(moved) - 3} more" if len(moved) > 3 else ""))
    beside = "" if told else ", notes and definitions were not: of another device or drawbench"
    if result.reference and not referred:
        beside += ", distances were not: give --reference"
    within = f"{tolerance[0]:g}" if like else f"{tolerance[0]:.0%} or {tolerance[1]:g} across devices"
    return holds(SCORES, f"{len(again.scores)} numbers came out within {within}{beside}")


def _conditions(result: Result, again: ScoreFile, referred: bool) -> str:
    """In what the conditions of both differ; references are left out where there are none to look at."""
    mine = result if referred else result.model_copy(update={"reference": None})
    names = ("prompt_set", "protocol", "reference", "size", "samples", "complete")
    return "; ".join(differences(mine, Conditions(**{name: getattr(again, name) for name in names})))


def _sha256(scored: Result | ScoreFile) -> str:
    return scored.reference.sha256 if scored.reference else ""


def _moved(
    result: Result, again: ScoreFile, protocol: Protocol, tolerance: tuple[float, float], told: bool
) -> Iterator[str]:
    """What differs, in words. told: whether the words beside the numbers must be the same, too."""
    new = {(each.metric, each.scope): each for each in again.scores}
    needed = {name for metric in protocol.metrics if metric.kind.needs.references for name in _names(metric)}
    unseen = needed if result.reference and not again.reference else set()
    stated = {(each.metric, each.scope) for each in result.scores}
    yield from (f"{metric} of {scope} was left out" for metric, scope in new if (metric, scope) not in stated)
    for score in result.scores:
        where, other = f"{score.metric} of {score.scope}", new.get((score.metric, score.scope))
        if other is None:
            if score.metric not in unseen:
                yield f"{where} is not among them"
        elif not _near(score.value, other.value, tolerance):
            yield f"{where} is {other.value:.6g}, not {score.value:.6g}"
        elif score.n != other.n:
            yield f"{where} is over {other.n}, not {score.n}"
        elif not _alike(score, other, tolerance):
            yield f"the interval of {where} is another one"
        elif told and _words(score, result.reference) != _words(other, again.reference):
            yield f"what is said of {where} is not what belongs beside it"


def _words(score: Score, reference: ReferenceRef | None) -> tuple[str, ...]:
    """All that is said of a number. References go by whatever their folder is called."""
    method = "" if score.interval == "not available" else score.interval.method
    named = f"references {reference.name}" if reference else "references"
    return score.definition.replace(named, "references"), score.note, method


def _near(a: float, b: float, tolerance: tuple[float, float]) -> bool:
    return bool(np.isclose(a, b, rtol=tolerance[0], atol=tolerance[1]))


def _alike(score: Score, other: Score, tolerance: tuple[float, float]) -> bool:
    """Whether both have the same interval, or none."""
    mine, its = score.interval, other.interval
    if mine == "not available" or its == "not available":
        return mine == its
    ends = _near(mine.low, its.low, tolerance) and _near(mine.high, its.high, tolerance)
    return ends and mine.level == its.level


def _names(metric: MetricDefinition) -> list[str]:
    return [metric.name_of(measure.name) for measure in metric.kind.measures] + [metric.metric]


def _rounded(cost: Cost | None) -> Cost | None:
    """Shards that are merged add their seconds in another order."""
    if cost is None:
        return None
    seconds = {name: float(f"{getattr(cost, name):.9g}") for name in ("seconds_per_image", "warm_up_seconds")}
    return cost.model_copy(update=seconds)


def _short(value: object) -> str:
    name = getattr(value, "name", None)
    return str(name if name is not None else value)[:40]
