"""Who may change a run: one process, or one for each shard; for one plan."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from drawbench.errors import StageError, UserError
from drawbench.files import remove_leftovers
from drawbench.interface import Sources
from drawbench.prompts.prompt_set import Prompt, ids_sha256
from drawbench.runs.directory import MANIFEST, METADATA, REFUSED, Manifest, RunDirectory, read_manifest
from drawbench.runs.plan import Plan, Slice
from drawbench.runs.writer import RunWriter, save_manifest

LOCK = ".lock"
SHARDS_WAIT = 30.0  # seconds for other shards to plan

W = TypeVar("W", bound=RunWriter)


@dataclass(frozen=True)
class Shard:
    """Every `count`-th slice of a run, from the `number`-th on, which one process draws by itself."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, parts: Sequence[Slice]) -> list[Slice]:
        """Its slices."""
        return [part for part in parts if part.index % self.count == self.number]

    @property
    def lock(self) -> str:
        """The name of the file that one process at a time holds."""
        return f"{LOCK}-{self.number}-of-{self.count}"


def parse_shard(text: str) -> Shard:
    """`I/N`, with I from 0 to N - 1. Raises UserError for anything else."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if not found or int(found[1]) >= int(found[2]):
        raise UserError(f"--shard {text} is not known: write I/N with I from 0 to N - 1, such as 0/4, 1/4, 2/4, 3/4.")
    return Shard(int(found[1]), int(found[2]))


@contextmanager
def open_run(path: Path, plan: Plan, prompts: tuple[Prompt, ...], note: Callable[[str], None]) -> Iterator[RunWriter]:
    """Claim `path` for this plan, alone: a new directory, the same plan again, or the same with more samples.

    Raises UserError when the path cannot be written, holds something else, or holds another plan (the difference
    named); StageError when another process is at work there.
    """
    _make_place(path)
    with _locked(path), written(_planned_writer(path, plan, prompts, note)) as writer:
        yield writer


@contextmanager
def open_planned(path: Path, note: Callable[[str], None]) -> Iterator[RunWriter]:
    """Claim a run that is there, alone, as it is planned. Raises UserError for what is none, and as `open_run`."""
    run = RunDirectory.open(path)
    with _locked(path), written(RunWriter(path, read_manifest(path), run.prompts, note)) as writer:
        yield writer


@contextmanager
def open_shard(
    path: Path, plan: Plan, prompts: tuple[Prompt, ...], shard: Shard, sources: Sources, note: Callable[[str], None]
) -> Iterator[RunWriter]:
    """Claim a shard of a run, beside other shards: whichever comes first writes the plan. A sealed run stays sealed.

    Raises as `open_run` does; StageError when another process draws this shard, or shards of another number are drawn.
    """
    _make_place(path)
    own = FileLock(path / shard.lock)
    with _locked(path, shard, wait=SHARDS_WAIT):
        try:
            own.acquire(timeout=0)
        except Timeout:
            raise StageError(f"another process draws shard {shard} of {path}: wait for it, or end it.") from None
        try:
            writer = _planned_writer(path, plan, prompts, note)
            if writer.run.seal is None:
                writer.prepare(sources)
        except BaseException:
            own.release()
            raise
    try:
        with written(writer):
            yield writer
    finally:
        own.release()


@contextmanager
def _locked(path: Path, shard: Shard | None = None, wait: float = 0.0) -> Iterator[None]:
    """Inside, no other process claims the run. shard: where shards of the same number may be at work meanwhile."""
    lock = FileLock(path / LOCK)
    with _disk_errors(path, UserError, "name another directory with --out"):
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise StageError(f"another process is filling {path}: wait for it, then run the same command.") from None
    try:
        for other in path.glob(f"{LOCK}-*-of-*"):
            if shard is None or not other.name.endswith(f"-of-{shard.count}"):
                _refuse_held(path, other)
        yield
    finally:
        lock.release()


def _refuse_held(path: Path, other: Path) -> None:
    lock = FileLock(other)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        name = other.name.removeprefix(f"{LOCK}-").replace("-of-", "/")
        raise StageError(f"shard {name} of {path} is being drawn: wait for it, then run the same command.") from None
    lock.release()


@contextmanager
def written(writer: W) -> Iterator[W]:
    """Inside, it writes; what the disk refuses becomes a StageError."""
    try:
        with _disk_errors(writer.path, StageError, "make room or mend the disk, then run the same command again"):
            yield writer
    finally:
        writer.close()


def _make_place(path: Path) -> None:
    _check_place(path)
    with _disk_errors(path, UserError, "name another directory with --out"):
        path.mkdir(parents=True, exist_ok=True)


def _planned_writer(path: Path, plan: Plan, prompts: tuple[Prompt, ...], note: Callable[[str], None]) -> RunWriter:
    with _disk_errors(path, UserError, "name another directory with --out"):
        for name in (MANIFEST, METADATA, REFUSED):
            remove_leftovers(path / name)
        return RunWriter(path, _planned(path, plan, note), prompts, note)


@contextmanager
def helped_run(path: Path, plan: Plan, prompts: tuple[Prompt, ...]) -> Iterator[RunWriter]:
    """A run that another process has claimed for this plan and lets this one help to draw.

    Raises UserError when it is not the run that is seen here.
    """
    if not (path / MANIFEST).is_file() or read_manifest(path).plan_sha256 != plan.sha256:
        raise UserError(f"{path} is not here what it is for rank 0: ranks need a folder that all of them share.")
    with written(RunWriter(path, read_manifest(path), prompts, lambda _: None)) as writer:
        yield writer


def _planned(path: Path, plan: Plan, note: Callable[[str], None]) -> Manifest:
    """The manifest that holds this plan: the one that is there, extended where allowed, or a new one."""
    if not (path / MANIFEST).exists():
        manifest = Manifest(plan_sha256=plan.sha256, prompt_ids_sha256=ids_sha256(plan.prompt_ids), plan=plan)
    else:
        manifest = read_manifest(path)
        if manifest.plan == plan:
            return manifest
        if not plan.extends(manifest.plan):
            raise other_plan(str(path), plan, manifest.plan)
        _set_scores_aside(path, manifest.plan_sha256)
        note(f"{path}: extending from {manifest.plan.samples} to {plan.samples} samples per prompt")
        manifest = manifest.model_copy(update={"plan": plan, "plan_sha256": plan.sha256, "seal": None})
    return save_manifest(path, manifest)


def other_plan(place: str, plan: Plan, held: Plan) -> UserError:
    """That a run which is there is not the one that is asked for."""
    return UserError(
        f"{place} holds another plan ({'; '.join(plan.differences(held))}): "
        "use its options again, or name another directory with --out."
    )


def _check_place(path: Path) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise UserError(f"{path} is a file: name a directory for the run with --out.")
    if (path / MANIFEST).exists():
        return
    foreign = sorted(entry.name for entry in path.iterdir() if not _is_leftover(entry.name))
    if foreign:
        raise UserError(
            f"{path} is not a run directory but holds other files (such as {foreign[0]}): name another with --out."
        )


def _is_leftover(name: str) -> bool:
    """Whether a process that was killed at its first step may have left this and nothing else."""
    return name.startswith(LOCK) or (name.startswith(f".{MANIFEST}.") and name.endswith("partial"))


def _set_scores_aside(path: Path, plan_sha256: str) -> None:
    """Scores of fewer samples belong to another plan: they stay, under its name, out of this one's way."""
    aside = path / f"scores-{plan_sha256[:8]}"
    if (path / "scores").is_dir() and not aside.exists():
        (path / "scores").rename(aside)


@contextmanager
def _disk_errors(path: Path, kind: type[Exception], advice: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename or path
        raise kind(f"cannot write {place} ({error.strerror or error}): {advice}.") from error
