"""A run in object storage: a plan and whole slices, each made once by whoever came first, and never changed.

    plan.json           the plan and its prompts
    slices/000007.tar   a slice, whole (slice_tar.py)

What a directory's writer does in many steps, images into place and then a line in a journal, is one write here: the
tar. So no process can leave anything half-written, any number may draw at once, and a list of names is all that is
needed to know what is missing.
"""

import random
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, Self

from pydantic import ValidationError, model_validator

from drawbench.errors import UserError
from drawbench.interface import Sources
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.records import Record, first_problem
from drawbench.remote.object_store import ObjectStore, StoreUrl
from drawbench.runs.claim import other_plan, written
from drawbench.runs.directory import Manifest
from drawbench.runs.journal import Attempt, Drawer, Outcome, SliceRecord, Work, write_journal
from drawbench.runs.plan import Plan, Slice, plan_samples, plan_slices
from drawbench.runs.slice_tar import DamagedError, StoredSlice, pack, unpack
from drawbench.runs.writer import ERROR_LOG, RunWriter
from metrics.images.folders import cache_folder

PLAN = "plan.json"
SLICES = "slices"


class StoredPlan(Record):
    """plan.json. id: random, of this run: another one with the same plan at the same address has another."""

    schema_version: Literal[1] = 1
    id: str
    plan_sha256: str
    plan: Plan
    prompts: tuple[Prompt, ...]
    sources: Sources = Sources()

    @model_validator(mode="after")
    def _as_written(self) -> Self:
        if self.plan.sha256 != self.plan_sha256:
            raise ValueError("the plan's hash is not plan_sha256")
        if PromptSet(self.plan.prompt_set_name, self.prompts).sha256 != self.plan.prompts_sha256:
            raise ValueError("the hash of the prompts is not the plan's")
        if tuple(prompt.id for prompt in self.prompts) != self.plan.prompt_ids:
            raise ValueError("the prompts' ids are not the plan's")
        return self


class StoredRun:
    """A planned, perhaps filled run in a store."""

    def __init__(self, store: ObjectStore, held: StoredPlan) -> None:
        self.store = store
        self.held = held

    @classmethod
    def open(cls, url: StoreUrl) -> "StoredRun":
        """Read a run's plan. Raises UserError where there is none, or none that can be trusted."""
        store = ObjectStore(url)
        return cls(store, _read_plan(store) or _no_run(url))

    @classmethod
    def planned(cls, url: StoreUrl, plan: Plan, prompts: tuple[Prompt, ...], sources: Sources) -> "StoredRun":
        """The run of this plan: a new one, or the one that is there.

        Raises UserError where the store cannot keep one, or holds something else, or another plan.
        """
        store = ObjectStore(url)
        store.require_conditional_writes()
        if not (held := _read_plan(store)):
            if store.first:
                raise UserError(f"{url} holds other objects (such as {store.first[0]}): name another place with --out.")
            id_ = secrets.token_hex(8)
            new = StoredPlan(id=id_, plan_sha256=plan.sha256, plan=plan, prompts=prompts, sources=sources)
            if store.create(PLAN, new.model_dump_json(indent=1).encode()):
                return cls(store, new)
            held = _read_plan(store) or _no_run(url)  # another machine was first
        if held.plan != plan:
            raise other_plan(str(url), plan, held.plan)
        return cls(store, held)

    def slices(self) -> list[Slice]:
        """All slices in plan order."""
        plan = self.held.plan
        return plan_slices(plan_samples(self.held.prompts, plan.samples, plan.seed), plan.slice_size)

    def slices_there(self) -> set[int]:
        """The indices of the slices that are there, by their names."""
        return {int(stem) for stem in map(_stem, self.store.names(SLICES)) if stem.isdigit()}

    def read(self, index: int) -> tuple[StoredSlice, list[bytes | None]]:
        """A slice that is there: its record, and the PNG file of each sample that has one.

        Raises UserError for one that is not as it was written.
        """
        name = slice_name(index)
        try:
            record, images = unpack(self.store.read(name) or b"")
            if (record.plan_sha256, record.slice) != (self.held.plan_sha256, index):
                raise DamagedError("it is of another slice or plan")
        except DamagedError as error:
            raise UserError(
                f"{self.store.url}/{name} is not as it was written ({error}): delete it, then run the command that "
                "draws this run again."
            ) from None
        return record, images


def slice_name(index: int) -> str:
    """The name of its object."""
    return f"{SLICES}/{index:06d}.tar"


class StoreWriter(RunWriter):
    """Draws into a store. What is not whole yet is in a folder of this process, which nobody resumes."""

    def __init__(self, folder: Path, run: StoredRun, note: Callable[[str], None]) -> None:
        held = run.held
        super().__init__(folder, Manifest(plan_sha256=held.plan_sha256, plan=held.plan), held.prompts, note)
        self._stored = run
        self._by = secrets.token_hex(8)
        self._attempt: Attempt | None = None

    @property
    def place(self) -> str:
        """The address."""
        return str(self._stored.store.url)

    @property
    def error_log(self) -> Path:
        """Beside what is kept of stores; the folder of this process is gone with it."""
        return cache_folder() / "runs" / f"{self._stored.store.url.name}-{self._by}-{ERROR_LOG}"

    def begin(self, drawer: Drawer) -> Attempt:
        """Nobody is told before a slice is whole."""
        self._attempt = super().begin(drawer)
        return self._attempt

    def missing_slices(self, among: Sequence[Slice]) -> list[Slice]:
        """Those that are not there, in any order: machines that draw at once begin at different ones."""
        there = self._stored.slices_there()
        missing = [part for part in among if part.index not in there]
        random.SystemRandom().shuffle(missing)
        return missing

    def wants(self, part: Slice) -> bool:
        """Whether no other machine has drawn it meanwhile."""
        return not self._stored.store.has(slice_name(part.index))

    def commit(self, part: Slice, kept: Sequence[tuple[Outcome, Path]]) -> None:
        """Write the slice's tar. Where another was first, that one stays."""
        assert self._attempt is not None, "begin comes first"
        names = [
            self._layout.file_name(sample) if outcome.pixels is not None else None
            for sample, (outcome, _) in zip(part.samples, kept, strict=True)
        ]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        record = StoredSlice(
            plan_sha256=self._manifest.plan_sha256,
            slice=part.index,
            by=self._by,
            attempt=self._attempt.model_copy(update={"end": now, "warnings": self._warnings, "others": self._others}),
            outcomes=tuple(outcome for outcome, _ in kept),
            images=tuple(names),
        )
        images = {name: path.read_bytes() for name, (_, path) in zip(names, kept, strict=True) if name is not None}
        self._stored.store.create(slice_name(part.index), pack(record, images))
        for _, path in kept:
            path.unlink(missing_ok=True)


@contextmanager
def open_stored(run: StoredRun, note: Callable[[str], None]) -> Iterator[StoreWriter]:
    """What writes the run, beside others."""
    with TemporaryDirectory(prefix="drawbench-", ignore_cleanup_errors=True) as folder:
        if there := run.slices_there():  # threads and processor that the run began with
            record, _ = run.read(min(there))
            work = SliceRecord(slice=record.slice, outcomes=record.outcomes)
            write_journal(Path(folder), Work("0001", record.attempt, (work,)))
        with written(StoreWriter(Path(folder), run, note)) as writer:
            yield writer


def _read_plan(store: ObjectStore) -> StoredPlan | None:
    content = store.read(PLAN)
    if content is None:
        return None
    try:
        return StoredPlan.model_validate_json(content)
    except ValidationError as error:
        raise UserError(
            f"{store.url}/{PLAN} is not as it was written ({first_problem(error)}): restore it, or empty that place "
            "and draw the run anew."
        ) from None


def _no_run(url: StoreUrl) -> StoredPlan:
    raise UserError(f"{url} holds no run: name a place that generate has filled.")


def _stem(name: str) -> str:
    return name.removeprefix(f"{SLICES}/").removesuffix(".tar")
