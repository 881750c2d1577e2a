"""A sweep: one model, or several, drawn and scored at every combination of some settings, with the same seeds."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import ValidationError

from drawbench.errors import UserError
from drawbench.files import write_text_atomically
from drawbench.interface import TextToImage
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import PromptSet, category_slug
from drawbench.records import Record, first_problem
from drawbench.results.comparable import Measured, differences
from drawbench.results.files import Result, result_from_score_file
from drawbench.results.scores import ReferenceRef
from drawbench.runs.directory import read_manifest
from drawbench.runs.failures import STOP, OnError
from drawbench.runs.generate import Request, generate, make_plan
from drawbench.runs.plan import Plan
from drawbench.scoring.chosen import refuse_inapplicable
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.prepared import conditions
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.references import reference_name
from drawbench.scoring.score import score_run
from metrics.images.image_folder import read_image_folder

SWEEP_FILE = "sweep.json"
LOCK = f".{SWEEP_FILE}.lock"
RUNS = "runs"

# (spec, settings) -> a model; models of one spec may share what they loaded.
ModelSource = Callable[[str, Mapping[str, str]], TextToImage]


class SweepPoint(Record):
    """One combination of settings that was drawn and scored.

    model: its spec. settings: the swept ones only, as typed. run: the run's folder, within the sweep's.
    reference_state: hash over names, sizes and times of the reference files, to know whether they changed since.
    """

    model: str
    settings: dict[str, str]
    run: str
    reference_state: str
    result: Result


class SweepFile(Record):
    """sweep.json, as the last call wrote it.

    points: those that it asked for and that are finished, in its order. earlier: other points that were measured in
    this folder and whose runs it still holds.
    """

    schema_version: Literal[1] = 1
    points: list[SweepPoint]
    earlier: tuple[SweepPoint, ...] = ()


@dataclass(frozen=True)
class Sweep:
    """What is to be drawn: `models` (specs) at every combination of `axes` (setting -> values, as typed).

    fixed: settings that all points share. The rest is as for a single run, and equal in all points: so are the seeds.
    """

    models: tuple[str, ...]
    axes: Mapping[str, tuple[str, ...]]
    fixed: Mapping[str, str]
    prompt_set: PromptSet
    samples: int
    size: int
    seed: int
    limit: int | None
    slice_size: int
    protocol: Protocol
    reference: Path | None
    on_error: OnError = STOP
    workers: int | None = None

    def combinations(self) -> list[tuple[str, dict[str, str]]]:
        """(model, swept settings) of every point; the last axis changes fastest."""
        values = itertools.product(*self.axes.values())
        grid = [dict(zip(self.axes, combination, strict=True)) for combination in values]
        return [(model, settings) for model in self.models for settings in grid]

    def requests(self, model_at: ModelSource, out: Path) -> Iterator[Request]:
        """The run of every point in a sweep's folder, each with its model, which is loaded when it is its turn."""
        for model, settings in self.combinations():
            run = out / RUNS / _folder_name(self, model, settings)
            yield self.request(model_at(model, {**self.fixed, **settings}), run)

    def request(self, model: TextToImage, out: Path | None = None) -> Request:
        """The run of one point."""
        return Request(
            model,
            self.prompt_set,
            out,
            samples=self.samples,
            size=self.size,
            seed=self.seed,
            limit=self.limit,
            slice_size=self.slice_size,
            on_error=self.on_error,
            workers=self.workers,
        )


def run_sweep(
    sweep: Sweep,
    out: Path,
    model_at: ModelSource,
    *,
    others: Mapping[Path, Sequence[SweepPoint]] | None = None,
    begin: Callable[[], None] | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[SweepPoint]:
    """Draw and score every point that is not finished, and return all, in order.

    others: folder -> points of other sweeps, which are to stand in one plot with this one.
    begin: called when nothing is left that could be refused before anything is drawn, and nothing is written yet.

    `out/sweep.json` is written anew after every point, and keeps those of earlier calls, and of others that are at work
    in the folder, beside them. A point counts as finished when its run is sealed under the same plan, and was scored
    under the same protocol against references that did not change since: of such a run the manifest alone is read, and
    no image. Raises UserError before anything is drawn when a combination cannot be (each one is planned first), and
    when the points would not compare with `others`; other references show only when the first point is scored.
    """
    progress, others = progress or Progress(), others or {}
    combinations = sweep.combinations()
    refuse_inapplicable([sweep.protocol], sweep.prompt_set.limited(sweep.limit).prompts)
    plans = [
        make_plan(sweep.request(model_at(model, {**sweep.fixed, **settings})))[0] for model, settings in combinations
    ]
    if others:
        theirs = _measured_at(others)
        model, settings = combinations[0]
        expected = conditions(plans[0], sweep.protocol, _expected_reference(sweep, theirs[0][1].reference))
        _check_comparable([*theirs, (out / RUNS / _folder_name(sweep, model, settings), expected)])
    extractors = Extractors([metric.extractor for metric in sweep.protocol.metrics], device, progress.note)
    known = _measured(out, {})
    state = reference_state(sweep.reference)
    if begin:
        begin()
    points: list[SweepPoint] = []
    for number, ((model, settings), plan) in enumerate(zip(combinations, plans, strict=True), start=1):
        folder = _folder_name(sweep, model, settings)
        point = known.get(folder)
        if point is None or not _is_current(point, plan, sweep.protocol, state):
            progress.note(f"{number} of {len(plans)}: {describe(settings) or model}")
            request = sweep.request(model_at(model, {**sweep.fixed, **settings}), out / RUNS / folder)
            result = _measure(request, sweep.protocol, sweep.reference, extractors, progress)
            del request  # and its model, before the next one is loaded
            point = SweepPoint(model=model, settings=settings, run=folder, reference_state=state, result=result)
        points.append(point)
        known = _write(out, points, known)
        _check_comparable(_measured_at({**others, out: points}))
    unasked = len(known.keys() - {point.run for point in points})
    for said in equal_points(points):
        progress.note(said)
    if unasked:
        progress.note(f"{unasked} earlier points stay in {out / SWEEP_FILE}: ask for their settings to see them, too")
    return points


def equal_points(points: Sequence[SweepPoint]) -> list[str]:
    """A sentence for each set of points whose pixels are all equal: what differs between them has no effect there."""
    same: dict[str, list[SweepPoint]] = {}
    for point in points:
        if point.result.run is not None and any(score.n for score in point.result.scores):
            same.setdefault(point.result.run.pixels_sha256, []).append(point)
    groups = [[describe(point.settings) or point.model for point in group] for group in same.values() if len(group) > 1]
    return [
        f"the same pixels at {'; '.join(names)}: what differs between these points had no effect" for names in groups
    ]


def read_sweep(folder: Path) -> list[SweepPoint]:
    """The points that a sweep's folder was last asked for. Raises UserError when it holds none."""
    return _read(folder).points


def _measured_at(sweeps: Mapping[Path, Sequence[SweepPoint]]) -> list[tuple[Path, Result]]:
    """The points of some sweeps, by sweep's folder: each one's run, and what was measured."""
    return [(folder / RUNS / point.run, point.result) for folder, points in sweeps.items() for point in points]


def _check_comparable(runs: Sequence[tuple[Path, Measured]]) -> None:
    """Raises UserError that says what differs when not all of these may stand in one plot."""
    first, one = runs[0]
    for path, other in runs[1:]:
        reasons = differences(one, other)
        if reasons:
            raise UserError(
                f"{path} does not compare with {first}, because they differ in {'; '.join(reasons)}: "
                "sweep both with the same options and references, or leave one of them out."
            )


def describe(settings: Mapping[str, str]) -> str:
    """Settings in one line for people."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def reference_state(reference: Path | None) -> str:
    """Changes whenever a reference file is added, removed, or written anew; no file is opened for it."""
    if reference is None:
        return ""
    files = read_image_folder(reference).images if reference.is_dir() else [reference] if reference.is_file() else []
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        digest.update(f"{path}\t{status.st_size}\t{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _expected_reference(sweep: Sweep, theirs: ReferenceRef | None) -> ReferenceRef | None:
    """The references that are not read yet are taken to be those of the others."""
    if sweep.reference is None or not any(metric.kind.needs.references for metric in sweep.protocol.metrics):
        return None
    return theirs or ReferenceRef(name=reference_name(sweep.reference), sha256="not read yet", n=0)


def _measure(
    request: Request, protocol: Protocol, reference: Path | None, extractors: Extractors, progress: Progress
) -> Result:
    from drawbench.scoring.while_drawing import FeaturesWhileDrawing

    watcher = FeaturesWhileDrawing(protocol, reference is not None, extractors, progress.note)
    run = generate(request, progress, watcher)
    scores = score_run(run.path, protocol, reference, extractors=extractors, progress=progress)
    return result_from_score_file(run.plan.model, scores, "measured")


def _measured(out: Path, known: Mapping[str, SweepPoint]) -> dict[str, SweepPoint]:
    """Run -> point, for each point of sweep.json whose run still has the plan and the pixels that were scored.

    known: points whose runs this call has found already, and does not look for again.
    """
    if not (out / SWEEP_FILE).exists():
        return {}
    file = _read(out)
    points = {point.run: point for point in [*file.points, *file.earlier]}
    return {
        run: point for run, point in points.items() if known.get(run) == point or _has_its_run(point, out / RUNS / run)
    }


def _has_its_run(point: SweepPoint, path: Path) -> bool:
    scored = point.result.run
    try:
        manifest = read_manifest(path)
    except UserError:
        return False
    if scored is None or manifest.seal is None:
        return False
    return (manifest.plan_sha256, manifest.seal.pixels_sha256) == (scored.plan_sha256, scored.pixels_sha256)


def _is_current(point: SweepPoint, plan: Plan, protocol: Protocol, state: str) -> bool:
    """Whether what was scored is what is asked for."""
    result = point.result
    same_run = result.run is not None and result.run.plan_sha256 == plan.sha256
    return same_run and result.protocol.fingerprint == protocol.fingerprint and point.reference_state == state


def _folder_name(sweep: Sweep, model: str, settings: Mapping[str, str]) -> str:
    parts = [model] if len(sweep.models) > 1 or not settings else []
    parts += [f"{name}-{value}" for name, value in settings.items()]
    name = "--".join(category_slug(part.replace(".", "p")) or "model" for part in parts)
    # Two specs or values may differ in letters that no folder's name keeps.
    digest = hashlib.sha256(repr((model, sorted(settings.items()))).encode()).hexdigest()
    return f"{name}--{digest[:6]}"


def _read(folder: Path) -> SweepFile:
    path = folder / SWEEP_FILE
    try:
        return SweepFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{folder} holds no sweep: {path} cannot be read ({error.strerror}).") from None
    except ValidationError as error:
        raise UserError(f"{path} is no sweep file of this version: {first_problem(error)}.") from None


def _write(out: Path, points: Sequence[SweepPoint], known: Mapping[str, SweepPoint]) -> dict[str, SweepPoint]:
    """Write sweep.json with `points`, and behind them all else that it holds by now; returns both as run -> point."""
    asked = {point.run: point for point in points}
    with FileLock(out / LOCK):
        measured = _measured(out, known)
        earlier = tuple(point for run, point in measured.items() if run not in asked)
        text = SweepFile(points=list(points), earlier=earlier).model_dump_json(indent=1)
        write_text_atomically(out / SWEEP_FILE, text + "\n")
    return measured | asked
