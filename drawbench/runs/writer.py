"""Writes a run: claims the directory for one plan, puts slices in place, seals. Reading is in directory.py."""

import json
import os
import platform
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from drawbench.errors import StageError, UserError
from drawbench.files import put_in_place, remove_leftovers, write_text_atomically
from drawbench.interface import Refused, Sample, Sources
from drawbench.prompts.prompt_set import Prompt, ids_sha256
from drawbench.runs.directory import (
    MANIFEST,
    METADATA,
    REFUSED,
    REQUESTS,
    SLICES,
    Attempt,
    Manifest,
    Outcome,
    RunDirectory,
    SliceRecord,
    named,
    read_manifest,
)
from drawbench.runs.failures import is_failure
from drawbench.runs.hardware import gpu_of
from drawbench.runs.kept import PARTIAL, KeptSamples
from drawbench.runs.plan import Plan, Slice
from metrics.images.file_hashes import FileHashes, stamps

LOCK = ".lock"
MOST_WARNINGS = 20  # of one attempt: those that name a number or a prompt would be as many as the images


class RunWriter:
    """The one process that may change a run. Made by `open_run`.

    Slices are written by one thread while the model draws the next: `put` returns at once and raises what an
    earlier slice met. At most one slice waits, so memory stays bounded.
    """

    def __init__(
        self, path: Path, manifest: Manifest, prompts: tuple[Prompt, ...], note: Callable[[str], None]
    ) -> None:
        self.path = path
        self._note = note
        self._manifest = manifest
        self._prompts = prompts
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-writer")
        self._pending: Future[None] | None = None
        self._slices_done = 0
        self._kept = KeptSamples(path / PARTIAL)
        self._keeping, self._closed = threading.Lock(), False
        self._kept_now: set[tuple[int, int]] = set()
        self._layout = RunDirectory(path, manifest, prompts)  # for paths only: what is on disk it read long ago

    @property
    def run(self) -> RunDirectory:
        """The run as it is on disk now."""
        return RunDirectory(self.path, self._manifest, self._prompts)

    def finished(self) -> bool:
        """True when the run is sealed and every file of it still is what was sealed. Decodes every image.

        Of a sealed run that is not, a note names what is repaired now.
        """
        run, metadata = self.run, self.path / METADATA
        if run.seal is None:
            return False
        table = metadata.read_bytes() if metadata.is_file() else b""
        missing = self._missing(run)
        wrong = []
        if run.seal != run.outcomes_seal():
            wrong.append(f"the seal does not hold what {SLICES} records and is made anew")
        if table != _json_lines(image_rows(run)).encode():
            wrong.append(f"{METADATA} is not as sealed and is written anew")
        if missing:
            wrong.append(f"{len(missing)} samples are drawn again, with all of their slices ({named(missing)})")
        if wrong:
            self._note(f"{self.path} was changed after it was sealed: {'; '.join(wrong)}")
        return not wrong

    @property
    def threads(self) -> int | None:
        """Those of the processes that drew what is here; None where nothing is, or nothing says so."""
        earlier = [attempt.threads for attempt in self._manifest.attempts if attempt.threads]
        return earlier[-1] if earlier and (self.path / SLICES).exists() else None

    def begin(self, device: str, sources: Sources, threads: int | None = None) -> None:
        """Record that this process starts to work: withdraws the seal. What another kept of slices stays.

        threads: of torch in each process that will draw; None for those that it has in this one.
        """
        attempt = Attempt(
            plan_sha256=self._manifest.plan_sha256,
            versions=versions(),
            device=device,
            gpu=gpu_of(device),
            start=_now(),
            **_processor(threads),
        )
        if other := next((one.cpu for one in self._manifest.attempts if one.cpu not in ("", attempt.cpu)), ""):
            self._note(f"begun on a processor with {other}, goes on with {attempt.cpu}: the last bits may differ")
        self._save(attempts=(*self._manifest.attempts, attempt), seal=None, sources=sources)
        (self.path / PARTIAL).mkdir(exist_ok=True)
        for journal in (SLICES, REQUESTS):
            _drop_torn_line(self.path / journal)
        write_text_atomically(self.path / METADATA, _json_lines(metadata_rows(self.run)))
        (self.path / REFUSED).unlink(missing_ok=True)

    def put(self, part: Slice, outputs: Sequence[np.ndarray | Refused]) -> None:
        """Write one slice in the background; it counts once all of it is in place."""
        self.drain()
        # A copy, because a model may fill the same memory again while this is being written.
        own = [output if isinstance(output, Refused) else output.copy() for output in outputs]
        self._pending = self._thread.submit(self._write_slice, part, own)

    def keep(self, part: Slice, number: int, output: np.ndarray | Refused) -> None:
        """Write the slice's `number`-th sample in the background: it stays when the slice does not become whole.

        output: whose memory nothing fills again. Nothing is done for one that `keep_now` kept.
        """
        if (part.index, number) in self._kept_now:
            return
        self.drain()
        self._pending = self._thread.submit(self._kept.add, part, number, output)

    def keep_now(self, part: Slice, number: int, output: np.ndarray | Refused) -> None:
        """`keep` from any thread: the sample is kept when this returns, unless the run has been left meanwhile."""
        with self._keeping:
            if not self._closed:
                self._kept.add(part, number, output)
                self._kept_now.add((part.index, number))

    def kept(self, part: Slice, number: int) -> np.ndarray | Refused | None:
        """The slice's `number`-th sample, if an earlier process kept it."""
        return self._kept.get(part, number)

    def not_kept(self, part: Slice) -> list[int]:
        """The positions of the slice's samples that no process kept."""
        return [number for number in range(len(part.samples)) if self._kept.get(part, number) is None]

    def put_kept(self, part: Slice) -> None:
        """`put` of a slice all samples of which are kept."""
        self.drain()
        self._pending = self._thread.submit(self._place_kept, part)

    def drain(self) -> None:
        """Wait for what is being written. Raises what it met."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def warned(self, texts: Iterable[str]) -> list[str]:
        """Record what was warned of while this process drew, and return what is new; beyond a number nothing is."""
        last = self._manifest.attempts[-1]
        every = tuple(dict.fromkeys([*last.warnings, *texts]))[:MOST_WARNINGS]
        new = list(every[len(last.warnings) :])
        if new:
            self._save(attempts=(*self._manifest.attempts[:-1], last.model_copy(update={"warnings": every})))
        return new

    def end(self) -> None:
        """Record when this process stopped and how far it came."""
        last = self._manifest.attempts[-1].model_copy(update={"end": _now(), "slices_done": self._slices_done})
        self._save(attempts=(*self._manifest.attempts[:-1], last))

    def close(self) -> None:
        """Finish the background thread; other threads that still draw keep nothing more."""
        with self._keeping:
            self._closed = True
        self._thread.shutdown(wait=True)

    def seal(self, sources: Sources) -> None:
        """Verify every sample by decoding it, record the result, make images/ a valid image folder.

        sources: of the images, now that all are there.

        Raises StageError when a file does not read back as written, and when the model failed and drew nothing at all:
        then every sample is missing again.
        """
        run = self.run
        missing = self._missing(run)
        if missing:
            raise StageError(
                f"{len(missing)} samples of {self.path} do not read back as written (first: {missing[0].prompt_id} "
                f"sample {missing[0].index}): check the disk, then run the same command again."
            )
        drawn, refused = image_rows(run), refused_rows(run)
        failed = [row for row in refused if is_failure(row["reason"])]
        if failed and not drawn:
            (self.path / SLICES).unlink()  # whoever mends the model wants it drawn
            first = f"{failed[0]['prompt_id']} sample {failed[0]['sample']}, {failed[0]['reason']}"
            raise StageError(
                f"nothing was drawn for {self.path}: the model failed at {len(failed)} of {len(run.samples())} samples "
                f"(first: {first}); mend that, then run the same command again."
            )
        for row in refused:  # drawn by a process that was killed before it said so, and refused when drawn again
            (run.images / row["file_name"]).unlink(missing_ok=True)
        if refused:
            write_text_atomically(self.path / REFUSED, _json_lines(refused))
            write_text_atomically(self.path / METADATA, _json_lines(drawn))
        shutil.rmtree(self.path / PARTIAL, ignore_errors=True)
        self._save(seal=run.outcomes_seal(), sources=sources)

    def _missing(self, run: RunDirectory) -> list[Sample]:
        """What `run.missing` finds. When all is there, scoring need not decode the files again to know them."""
        drawn = [sample for sample in run.samples() if run.refusal(sample) is None]
        paths = [run.image_path(sample) for sample in drawn]
        before = stamps(paths)
        missing = run.missing()
        if not missing:
            hashes = [run.pixel_sha256(sample) or "" for sample in drawn]
            FileHashes(run.images, warn=self._note).record(paths, before, hashes)
        return missing

    def _write_slice(self, part: Slice, outputs: list[np.ndarray | Refused]) -> None:
        self._place(part, [self._kept.write(part, number, output) for number, output in enumerate(outputs)])

    def _place_kept(self, part: Slice) -> None:
        self._place(part, [self._kept.outcome(part, number) for number in range(len(part.samples))])
        self._kept.drop(part)

    def _place(self, part: Slice, outcomes: Sequence[Outcome]) -> None:
        moves = [
            (self._kept.image_path(part, number), self._layout.image_path(sample))
            for number, (sample, outcome) in enumerate(zip(part.samples, outcomes, strict=True))
            if outcome.pixels is not None
        ]
        put_in_place(moves)  # a name inside images/ never shows half a file
        record = SliceRecord(slice=part.index, attempt=len(self._manifest.attempts) - 1, outcomes=tuple(outcomes))
        with (self.path / SLICES).open("a", encoding="utf-8") as journal:
            journal.write(record.model_dump_json(exclude_none=True) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
        self._slices_done += 1

    def _save(self, **changes: Any) -> None:
        self._manifest = self._manifest.model_copy(update=changes)
        write_text_atomically(self.path / MANIFEST, self._manifest.model_dump_json(indent=1) + "\n")


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


def metadata_rows(run: RunDirectory) -> list[dict[str, Any]]:
    """One row per sample of the plan, in plan order, as in images/metadata.jsonl before the seal."""
    return [
        {
            "file_name": run.file_name(sample),
            "prompt_id": sample.prompt_id,
            "category": sample.category,
            "text": sample.text,
            "sample": sample.index,
            "seed": sample.seed,
        }
        for sample in run.samples()
    ]


def image_rows(run: RunDirectory) -> list[dict[str, Any]]:
    """The rows of the samples that were not refused: in an image folder every row must have its file."""
    rows = zip(metadata_rows(run), run.samples(), strict=True)
    return [row for row, sample in rows if run.refusal(sample) is None]


def refused_rows(run: RunDirectory) -> list[dict[str, Any]]:
    """The rows of the samples that were refused, each with its `reason`, as in refused.jsonl."""
    rows = zip(metadata_rows(run), run.samples(), strict=True)
    return [row | {"reason": reason} for row, sample in rows if (reason := run.refusal(sample)) is not None]


def versions() -> dict[str, str]:
    """The versions that decide pixels: Python, this program, numpy, Pillow, and the libraries that draw, if loaded."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    drawing = [name for name in ("torch", "transformers", "diffusers") if name in sys.modules]
    for name in ("drawbench", "numpy", "pillow", *drawing):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor(threads: int | None) -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {"threads": threads}
    return {"threads": threads or torch.get_num_threads(), "cpu": torch.backends.cpu.get_cpu_capability()}


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
    write_text_atomically(path / MANIFEST, manifest.model_dump_json(indent=1) + "\n")
    return manifest


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


def _json_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _drop_torn_line(path: Path) -> None:
    """Cut a journal back to its last whole line, so that the next record starts on a line of its own."""
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("rb+") as journal:
                journal.truncate(whole)


@contextmanager
def _disk_errors(path: Path, kind: type[Exception], advice: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = error.filename or path
        raise kind(f"cannot write {place} ({error.strerror or error}): {advice}.") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
