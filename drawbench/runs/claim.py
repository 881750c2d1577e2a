"""Who may change a run: one process, for one plan."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from drawbench.errors import StageError, UserError
from drawbench.files import remove_leftovers
from drawbench.prompts.prompt_set import Prompt, ids_sha256
from drawbench.runs.directory import MANIFEST, METADATA, REFUSED, Manifest, read_manifest
from drawbench.runs.plan import Plan
from drawbench.runs.writer import RunWriter, save_manifest

LOCK = ".lock"


@contextmanager
def open_run(path: Path, plan: Plan, prompts: tuple[Prompt, ...], note: Callable[[str], None]) -> Iterator[RunWriter]:
    """Claim `path` for this plan, alone: a new directory, the same plan again, or the same with more samples.

    Raises UserError when the path cannot be written, holds something else, or holds another plan (the difference
    named); StageError when another process is at work there.
    """
    _check_place(path)
    with _disk_errors(path, UserError, "name another directory with --out"):
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StageError(f"another process is filling {path}: wait for it, then run the same command.") from None
    try:
        with _disk_errors(path, UserError, "name another directory with --out"):
            for name in (MANIFEST, METADATA, REFUSED):
                remove_leftovers(path / name)
            writer = RunWriter(path, _planned(path, plan, note), prompts, note)
        try:
            with _disk_errors(path, StageError, "make room or mend the disk, then run the same command again"):
                yield writer
        finally:
            writer.close()
    finally:
        lock.release()


@contextmanager
def helped_run(path: Path, plan: Plan, prompts: tuple[Prompt, ...]) -> Iterator[RunWriter]:
    """A run that another process has claimed for this plan and lets this one help to draw.

    Raises UserError when it is not the run that is seen here.
    """
    if not (path / MANIFEST).is_file() or read_manifest(path).plan_sha256 != plan.sha256:
        raise UserError(f"{path} is not here what it is for rank 0: ranks need a folder that all of them share.")
    writer = RunWriter(path, read_manifest(path), prompts, lambda _: None)
    try:
        with _disk_errors(path, StageError, "make room or mend the disk, then run the same command again"):
            yield writer
    finally:
        writer.close()


def _planned(path: Path, plan: Plan, note: Callable[[str], None]) -> Manifest:
    """The manifest that holds this plan: the one that is there, extended where allowed, or a new one."""
    if not (path / MANIFEST).exists():
        manifest = Manifest(plan_sha256=plan.sha256, prompt_ids_sha256=ids_sha256(plan.prompt_ids), plan=plan)
    else:
        manifest = read_manifest(path)
        if manifest.plan == plan:
            return manifest
        if not plan.extends(manifest.plan):
            raise UserError(
                f"{path} holds another plan ({'; '.join(plan.differences(manifest.plan))}): "
                "use its options again, or name another directory with --out."
            )
        _set_scores_aside(path, manifest.plan_sha256)
        note(f"{path}: extending from {manifest.plan.samples} to {plan.samples} samples per prompt")
        manifest = manifest.model_copy(update={"plan": plan, "plan_sha256": plan.sha256, "seal": None})
    return save_manifest(path, manifest)


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
    return name == LOCK or (name.startswith(f".{MANIFEST}.") and name.endswith("partial"))


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
