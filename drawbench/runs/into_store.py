"""Runs in object storage: filled by any number of machines at once, and unfolded to the directory that is scored."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from drawbench.errors import StageError, UserError
from drawbench.progress import Progress
from drawbench.remote.object_store import StoreUrl
from drawbench.runs.claim import Shard, open_run
from drawbench.runs.directory import RunDirectory, named
from drawbench.runs.generate import (
    Request,
    drawer_of,
    engine_for,
    fill,
    fill_with,
    make_plan,
    refuse_workers,
    workers_of,
)
from drawbench.runs.journal import at_its_beginning
from drawbench.runs.plan import Slice
from drawbench.runs.ranks import Ranks, Task
from drawbench.runs.slice_tar import StoredSlice
from drawbench.runs.stored import StoredRun, open_stored
from drawbench.runs.writer import RunWriter
from metrics.images.folders import cache_folder

FETCHED_TOGETHER = 8  # slices

Fetched = tuple[Slice, StoredSlice, list[bytes | None]]


def draw_stored(
    request: Request,
    url: StoreUrl,
    progress: Progress | None = None,
    shard: Shard | None = None,
    ranks: Ranks | None = None,
) -> StoredRun:
    """Draw what is missing of a run in a store, beside others that do: all of it, or a shard.

    Other ranks are in `help_drawing` meanwhile. Raises UserError when the plan cannot be or is not the one that is
    there, StageError when the work stopped half way; whole slices stay.
    """
    progress = progress or Progress()
    if ranks:
        refuse_workers(request)
    plan, prompts = make_plan(request, shared=True)
    run = StoredRun.planned(url, plan, prompts, request.model.sources())
    with open_stored(run, progress.note) as writer:
        parts = shard.of(writer.run.slices()) if shard else writer.run.slices()
        if not writer.missing_slices(parts):
            progress.note(f"{url}: all {len(parts)} slices are there, nothing to do")
            if ranks:
                ranks.assign(Task(writer.place, plan.sha256, None, ()))
            return run
        engine, threads = engine_for(request, writer, 1 if ranks else workers_of(request))
        attempt = writer.begin(drawer_of(request.model, threads))
        try:
            if ranks:
                fill_with(request, writer, engine, progress, ranks, attempt.threads)
            else:
                fill(request, writer, engine, progress, None, parts)
        finally:
            writer.end()
    return run


def pull(url: StoreUrl, path: Path, progress: Progress | None = None) -> RunDirectory:
    """Unfold a run into a directory, or what is missing of it there; returns it sealed.

    Raises UserError for what is no run, for slices that are not as they were written, and as `generate` does;
    StageError where slices are missing in the store. What was unfolded stays.
    """
    progress = progress or Progress()
    stored = StoredRun.open(url)
    with open_run(path, stored.held.plan, stored.held.prompts, progress.note) as writer:
        if writer.finished():
            progress.note(f"{path} is finished: all {len(writer.run.samples())} samples verified, nothing to do")
            return writer.run
        writer.prepare(stored.held.sources)
        missing = writer.run.missing_slices()
        total = len(writer.run.samples())
        with progress.counted("pulling", total - sum(len(part.samples) for part in missing), total):
            _unfold(stored, missing, writer, progress)
        if left := writer.run.missing():
            raise StageError(
                f"{url} is not whole: {len(left)} of {total} samples are missing ({named(left)}); what is there is in "
                f"{path}; run the command that draws it again, then this one."
            )
        writer.seal(stored.held.sources)
        return writer.run


def drawn_and_pulled(
    request: Request, url: StoreUrl, progress: Progress | None = None, ranks: Ranks | None = None
) -> RunDirectory:
    """`draw_stored`, then `pull` into a directory of the cache, which belongs to this very run of the store."""
    run = draw_stored(request, url, progress, ranks=ranks)
    digest = hashlib.sha256(f"{url}\n{run.held.id}".encode()).hexdigest()
    return pull(url, cache_folder() / "runs" / f"{url.name}--{digest[:12]}", progress)


def _unfold(stored: StoredRun, missing: Sequence[Slice], writer: RunWriter, progress: Progress) -> None:
    there = stored.slices_there()
    beside: dict[str, RunWriter] = {}
    ends: dict[str, StoredSlice] = {}
    with ExitStack() as stack:
        for part, record, images in _fetched(stored, [part for part in missing if part.index in there]):
            if record.by not in beside:
                taker = beside[record.by] = writer.another()
                stack.callback(taker.close)
                taker.enter(at_its_beginning(record.attempt))
            beside[record.by].take(part, record.outcomes, images)
            ends[record.by] = max(record, ends.get(record.by, record), key=lambda each: each.attempt.end or "")
            progress.advance(len(part.samples))
        for by, taker in beside.items():
            taker.end(ends[by].attempt)


def _fetched(stored: StoredRun, parts: Sequence[Slice]) -> Iterator[Fetched]:
    """Slices of the store, verified; a few at a time, so that memory stays bounded."""

    def fetch(part: Slice) -> Fetched:
        record, images = stored.read(part.index)
        if len(images) != len(part.samples):
            raise UserError(
                f"{stored.store.url}: slice {part.index} holds {len(images)} of {len(part.samples)} samples."
            )
        return part, record, images

    with ThreadPoolExecutor(FETCHED_TOGETHER) as pool:
        for first in range(0, len(parts), FETCHED_TOGETHER):
            yield from pool.map(fetch, parts[first : first + FETCHED_TOGETHER])
