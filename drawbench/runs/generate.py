"""Fills a run: plan, draw what is missing, seal."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import KW_ONLY, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import NOT_STATED, Refused, TextToImage
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import Prompt, PromptSet, category_slug, repeats
from drawbench.remote.object_store import StoreUrl
from drawbench.runs.at_once import engine_of
from drawbench.runs.claim import Shard, helped_run, open_planned, open_run, open_shard
from drawbench.runs.cluster_model import ClusterModel
from drawbench.runs.directory import REQUESTS, RunDirectory, named
from drawbench.runs.drawing import Batch, Drawn, Engine, Manner, Output, pixels_of
from drawbench.runs.failures import STOP, OnError
from drawbench.runs.filling import drawn_parts, in_order
from drawbench.runs.hardware import drawer_here
from drawbench.runs.journal import Drawer
from drawbench.runs.plan import DEFAULT_SLICE_SIZE, Plan, Slice, plan_samples
from drawbench.runs.ranks import Ranks, Task
from drawbench.runs.remade import Remade, refuse_servers
from drawbench.runs.stored import StoredRun, open_stored
from drawbench.runs.workers import workers
from drawbench.runs.writer import RunWriter

RUNS = Path("runs")
SHARED_PATIENCE = 70.0  # seconds after which network file systems show what other machines wrote


class Watcher(Protocol):
    """Sees the images of a run as they are drawn, in memory."""

    def begin(self, run: RunDirectory, missing: Sequence[Slice]) -> None:
        """Before the first of the missing slices is drawn."""
        ...

    def add(self, outputs: Sequence[np.ndarray | Refused]) -> None:
        """The next slice's images and refusals; the arrays belong to the model."""
        ...

    def end(self, complete: bool) -> None:
        """Drawing is over, or has stopped half way."""
        ...


@dataclass(frozen=True)
class Request:
    """A run that is asked for: a model, and all that its plan needs beside it.

    out: its directory; None for `default_directory(plan)`. samples: images per prompt. size: pixels, square.
    limit: the first prompts of each category only. on_error: what becomes of a sample at which the model fails; no part
    of the plan, so that a run which stopped can go on with another choice. workers: processes that draw; None for as
    many as the model likes.
    """

    model: TextToImage
    prompt_set: PromptSet
    out: Path | None = None
    _: KW_ONLY
    samples: int
    size: int
    seed: int = 0
    limit: int | None = None
    slice_size: int = DEFAULT_SLICE_SIZE
    on_error: OnError = STOP
    workers: int | None = None

    @property
    def planned(self) -> PromptSet:
        """The prompts that are drawn."""
        return self.prompt_set.limited(self.limit)


def generate(
    request: Request, progress: Progress | None = None, watcher: Watcher | None = None, ranks: Ranks | None = None
) -> RunDirectory:
    """Make, resume or extend a run; returns it sealed. A finished run is verified and left as it is.

    `watcher` is shown what is drawn, unless there are ranks: other processes that draw too, each in `help_drawing`.
    Raises UserError when the plan cannot be or is not the directory's, StageError when the work stopped half way. An
    interrupt leaves whole slices only, and the rest to the next call.
    """
    progress = progress or Progress()
    if ranks:
        refuse_workers(request)
    plan, prompts = make_plan(request, shared=ranks is not None)
    path = request.out if request.out is not None else default_directory(plan)
    if said := repeats(prompts):
        progress.note(f"{plan.prompt_set_name}: {said}")
    with open_run(path, plan, prompts, progress.note) as writer:
        if writer.finished():
            progress.note(f"{path} is finished: all {len(writer.run.samples())} samples verified, nothing to do")
            if ranks:
                ranks.assign(Task(writer.place, plan.sha256, None, ()))
            return writer.run
        sources = request.model.sources()
        for note in sources.notes:
            progress.note(f"{plan.model.name}: {note}")
        engine, threads = engine_for(request, writer, 1 if ranks else workers_of(request))
        writer.prepare(sources)
        attempt = writer.begin(drawer_of(request.model, threads))
        request.model.log_requests(path / REQUESTS)
        try:
            if ranks:
                fill_with(request, writer, engine, progress, ranks, attempt.threads)
            else:
                fill(request, writer, engine, progress, watcher, writer.run.slices())
            writer.seal(request.model.sources(), patience=SHARED_PATIENCE if ranks else 0.0)
        finally:
            writer.end()
        return writer.run


def draw_shard(request: Request, shard: Shard, progress: Progress | None = None) -> RunDirectory:
    """Draw one shard of a run, beside other processes that draw the others; `merge` seals it. A sealed one is left.

    Raises as `generate` does.
    """
    progress = progress or Progress()
    plan, prompts = make_plan(request, shared=True)
    path = request.out if request.out is not None else default_directory(plan)
    with open_shard(path, plan, prompts, shard, request.model.sources(), progress.note) as writer:
        if writer.run.seal is not None:
            progress.note(f"{path} is sealed: nothing to do; without --shard it is verified")
            return writer.run
        engine, threads = engine_for(request, writer, workers_of(request))
        writer.begin(drawer_of(request.model, threads))
        try:
            fill(request, writer, engine, progress, None, shard.of(writer.run.slices()))
        finally:
            writer.end()
        return writer.run


def merge(path: Path, progress: Progress | None = None) -> RunDirectory:
    """Verify and seal a run whose shards are drawn. Raises UserError that says what is missing, and as `generate`."""
    progress = progress or Progress()
    with open_planned(path, progress.note) as writer:
        run = writer.run
        if missing := run.missing():
            raise UserError(
                f"{path} is not whole: {len(missing)} of {len(run.samples())} samples are missing ({named(missing)}); "
                "run the commands that draw its shards again, then merge."
            )
        if run.seal is not None:
            run.require_seal()
            progress.note(f"{path} is sealed already: all {len(run.samples())} samples verified, nothing to do")
        else:
            writer.seal(run.manifest.sources)
        return writer.run


def help_drawing(request: Request, ranks: Ranks, store: StoreUrl | None = None) -> Path:
    """What another rank than 0 does while rank 0 is in `generate`; the run, when there is nothing left to draw.

    store: where the run is instead of a folder, while rank 0 is in `draw_stored`.
    """
    refuse_workers(request)
    plan, prompts = make_plan(request, shared=True)
    task = ranks.join(plan.sha256)
    path = Path(task.run)
    if not task.missing:
        return path
    quiet = Progress()
    with open_stored(StoredRun.open(store), quiet.note) if store else helped_run(path, plan, prompts) as writer:
        writer.begin(drawer_of(request.model, task.threads))
        parts = writer.run.slices()
        missing = [parts[index] for index in task.missing]
        engine, _ = engine_for(request, writer, 1, task.threads)
        try:
            for outputs in _dealt(request, engine, missing, writer, quiet, ranks):
                ranks.count("samples", len(outputs))
        finally:
            writer.drain()
            writer.end()
    ranks.count("drawn", 1)
    return path


def make_plan(request: Request, shared: bool = False) -> tuple[Plan, tuple[Prompt, ...]]:
    """The plan and its prompts. shared: with processes that were started elsewhere.

    Raises UserError when an option is out of range, or the model cannot serve the plan.
    """
    options = {"samples": request.samples, "size": request.size, "slice": request.slice_size, "limit": request.limit}
    options["workers"] = request.workers
    for name, value in options.items():
        if value is not None and value < 1:
            raise UserError(f"--{name} {value} makes no run: give a whole number of at least 1.")
    if shared:
        refuse_servers(request.model)
    if (request.workers or 1) > 1 and (request.model.recipe is None or request.model.concurrency > 1):
        several = request.model.concurrency > 1
        why = "draws several at once by itself" if several else "cannot be made by another process"
        raise UserError(f"--workers {request.workers} cannot be: this model {why}; leave --workers out.")
    if request.on_error.refuse and not request.model.one_at_a_time and request.slice_size > 1:
        raise UserError(
            "--on-error would not know which sample of a slice failed, and this model draws slices: add --slice 1 "
            "(which is another plan), or leave --on-error out."
        )
    whole, planned = request.prompt_set, request.planned
    request.model.take_prompt_set(whole)
    request.model.check_plan(plan_samples(planned.prompts, request.samples, request.seed), request.size)
    card = request.model.card()
    plan = Plan(
        prompt_set_name=whole.name,
        prompt_set_sha256=whole.sha256,
        prompt_set_n=len(whole.prompts),
        prompts_sha256=planned.sha256,
        prompt_ids=tuple(prompt.id for prompt in planned.prompts),
        model=card,
        size=request.size,
        samples=request.samples,
        limit=request.limit,
        seed=request.seed,
        slice_size=request.slice_size,
        dtype=str(card.settings.get("dtype") or NOT_STATED),
    )
    return plan, planned.prompts


def refuse_workers(request: Request) -> None:
    """Raises UserError where ranks are to draw that would start processes of their own."""
    if (request.workers or 1) > 1:
        raise UserError(f"--workers {request.workers} cannot be: there are several processes already; leave it out.")


def workers_of(request: Request) -> int:
    """The processes that will draw it: as many as are asked for, or as the model likes."""
    return request.workers or (request.model.workers if request.model.recipe else 1)


def default_directory(plan: Plan) -> Path:
    """runs/<model>--<prompt set>--<first 8 of the plan's hash>: another plan never meets this one's directory."""
    model = category_slug(plan.model.name) or "model"
    return RUNS / f"{model}--{category_slug(plan.prompt_set_name) or 'prompts'}--{plan.sha256[:8]}"


def fill(
    request: Request,
    writer: RunWriter,
    engine: Engine,
    progress: Progress,
    watcher: Watcher | None,
    parts: Sequence[Slice],
) -> None:
    """Draw what is missing of these slices."""
    missing = writer.missing_slices(parts)
    if watcher:
        watcher.begin(writer.run, missing)
    total = sum(len(part.samples) for part in parts)
    complete = False
    with progress.counted("drawing", total - sum(len(part.samples) for part in missing), total):
        try:
            with closing(drawn_parts(request.model, engine, missing, writer, progress)) as whole:
                if watcher is None:
                    deque(whole, maxlen=0)  # nothing waits in memory
                else:
                    for outputs in in_order(missing, whole):
                        watcher.add([pixels_of(output) for output in outputs])
            complete = True
        finally:
            writer.drain()  # also after an interrupt: the slice or sample being written is kept
            if watcher:
                watcher.end(complete)


def fill_with(
    request: Request, writer: RunWriter, engine: Engine, progress: Progress, ranks: Ranks, threads: int | None
) -> None:
    """Draw what is missing together with the other ranks."""
    missing, total = writer.missing_slices(writer.run.slices()), len(writer.run.samples())
    indices = tuple(part.index for part in missing)
    ranks.assign(Task(writer.place, writer.run.plan.sha256, threads, indices))
    shown = 0

    def show_others() -> None:
        nonlocal shown
        before, shown = shown, ranks.counted("samples")
        progress.advance(shown - before)

    with progress.counted("drawing", total - sum(len(part.samples) for part in missing), total):
        try:
            for _ in _dealt(request, engine, missing, writer, progress, ranks):
                show_others()
            writer.drain()
            ranks.wait("drawn", show_others)
        finally:
            writer.drain()


def _dealt(
    request: Request, engine: Engine, missing: Sequence[Slice], writer: RunWriter, progress: Progress, ranks: Ranks
) -> Iterator[Sequence[Output]]:
    """The outputs of the slices that fall to this process."""
    for number in ranks.deal("slices", len(missing)):
        with closing(drawn_parts(request.model, engine, [missing[number]], writer, progress)) as whole:
            for _, outputs in whole:
                yield outputs


def engine_for(
    request: Request, writer: RunWriter, count: int, threads: int | None = None
) -> tuple[Engine, int | None]:
    """What draws in `count` processes, and the threads of each: unless given, those that the run began with."""
    there = isinstance(request.model, ClusterModel)
    threads = threads or writer.threads or (1 if there or count > 1 else request.model.threads)
    manner = Manner(request.size, request.on_error, writer.error_log, threads)
    if count == 1 and not there:

        def keep(batch: Batch, drawn: Drawn) -> None:
            if drawn.error is None:
                writer.keep_now(batch.part, batch.number or 0, drawn.outputs[0])

        return engine_of(request.model, manner, ready=keep), threads
    run, recipe = writer.run, request.model.recipe
    remade = Remade(request.prompt_set, run.samples(), run.plan.model, manner, writer.path / REQUESTS)
    if isinstance(request.model, ClusterModel):
        return request.model.engine(remade), threads
    assert recipe is not None  # as `make_plan` has seen
    return workers(partial(remade.by_recipe, recipe), count), threads


def drawer_of(model: TextToImage, threads: int | None) -> Drawer:
    """The process that draws, or the first of them."""
    return model.drawer(threads) if isinstance(model, ClusterModel) else drawer_here(str(model.device), threads)
