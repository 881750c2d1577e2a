"""Writes a run: puts slices in place, records them, seals. Who may is decided in claim.py."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from drawbench.errors import StageError
from drawbench.files import put_in_place, write_text_atomically
from drawbench.interface import Refused, Sample, Sources
from drawbench.prompts.prompt_set import Prompt
from drawbench.runs.directory import MANIFEST, METADATA, REFUSED, REQUESTS, Manifest, RunDirectory, named
from drawbench.runs.drawing import Output, own_copy
from drawbench.runs.failures import is_failure
from drawbench.runs.journal import Attempt, Drawer, Journal, Line, Outcome, Spent, begin_journal, closing_lines
from drawbench.runs.kept import PARTIAL, KeptSamples
from drawbench.runs.plan import Slice
from drawbench.runs.schema_1 import SLICES, write_journals_of
from metrics.images.file_hashes import FileHashes, stamps

ERROR_LOG = "error.log"
LOOK_AGAIN = 2.0  # seconds
MOST_WARNINGS = 20  # of one attempt: those that name a number or a prompt would be as many as the images


class RunWriter:
    """What a process changes of a run that it may change. Made by `claim.open_run`.

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
        self._journal: Journal | None = None
        self._warnings: tuple[str, ...] = ()
        self._drawers: list[Drawer] = []  # of all attempts
        self._others: tuple[Drawer, ...] = ()  # of this one, beside the first
        self._kept = KeptSamples(path / PARTIAL)
        self._keeping, self._closed = threading.Lock(), False
        self._spent = Spent()
        self._kept_now: set[tuple[int, int]] = set()
        self._layout = RunDirectory(path, manifest, prompts)  # for paths only: what is on disk it read long ago

    @property
    def place(self) -> str:
        """Where the run is, for other processes."""
        return str(self.path.absolute())

    @property
    def error_log(self) -> Path:
        """Where the traceback of a failure is written."""
        return self.path / ERROR_LOG

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
            wrong.append(f"the seal does not hold what {run.journals.name} records and is made anew")
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
        earlier = [attempt.threads for attempt in self.run.attempts if attempt.threads and attempt.slices_done]
        return earlier[-1] if earlier else None

    def prepare(self, sources: Sources) -> None:
        """Before the first process draws: withdraws the seal, and writes the table of all images."""
        self._save(seal=None, sources=sources)
        _drop_torn_line(self.path / REQUESTS)
        write_text_atomically(self.path / METADATA, _json_lines(metadata_rows(self.run)))
        (self.path / REFUSED).unlink(missing_ok=True)

    def begin(self, drawer: Drawer) -> Attempt:
        """Record that this process starts to draw, and return the record. What another kept of slices stays.

        drawer: the processes that will draw, or the first of them.
        """
        attempt = Attempt(plan_sha256=self._manifest.plan_sha256, start=_now(), **drawer.model_dump())
        for one in self.run.attempts:
            self._drawers += one.drawers
        self._compare(drawer)
        self.enter(attempt)
        return attempt

    def enter(self, attempt: Attempt) -> None:
        """Write as this attempt from here on: in a journal and a folder of its own."""
        self._journal = begin_journal(self.path, attempt)
        self._kept = KeptSamples(self.path / PARTIAL, self._journal.id)
        self._kept.enter()

    def another(self) -> "RunWriter":
        """One more that writes this run, for another attempt."""
        return RunWriter(self.path, self._manifest, self._prompts, self._note)

    def missing_slices(self, among: Sequence[Slice]) -> list[Slice]:
        """Those of these slices that are still to be made, in the order in which to draw them."""
        return self.run.missing_slices(among)

    def wants(self, part: Slice) -> bool:
        """Whether a slice that was missing is to be drawn now."""
        return True

    def drawn_by(self, drawer: Drawer | None) -> None:
        """Record which process drew, where it is none like those before. None: the one that `begin` was told."""
        if drawer is not None and drawer not in self._drawers:
            self._record(Line(joined=drawer))
            self._others += (drawer,)
            self._compare(drawer)

    def _compare(self, drawer: Drawer) -> None:
        """Note where the processor is of another kind than the first's, which draws other last bits."""
        other = next((one.cpu for one in self._drawers if one.cpu not in ("", drawer.cpu)), "")
        if other and drawer.cpu:  # known only where torch is loaded
            self._note(f"begun on a processor with {other}, goes on with {drawer.cpu}: the last bits may differ")
        self._drawers.append(drawer)

    def spend(self, spent: Spent) -> None:
        """Note what drawing took; it is recorded with the next slice that is written."""
        with self._keeping:
            self._spent += spent

    def put(self, part: Slice, outputs: Sequence[Output]) -> None:
        """Write one slice in the background; it counts once all of it is in place."""
        self.drain()
        # A copy, because a model may fill the same memory again while this is being written.
        own = [own_copy(output) for output in outputs]
        self._pending = self._thread.submit(self._write_slice, part, own)

    def keep(self, part: Slice, number: int, output: Output) -> None:
        """Write the slice's `number`-th sample in the background: it stays when the slice does not become whole.

        output: whose memory nothing fills again. Nothing is done for one that `keep_now` kept.
        """
        if (part.index, number) in self._kept_now:
            return
        self.drain()
        self._pending = self._thread.submit(self._kept.add, part, number, output)

    def keep_now(self, part: Slice, number: int, output: Output) -> None:
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

    def take(self, part: Slice, outcomes: Sequence[Outcome], images: Sequence[bytes | None]) -> None:
        """Write a slice that was drawn elsewhere, with a PNG file for each sample that has an image."""
        places = [self._kept.image_path(part, number) for number in range(len(images))]
        for place, image in zip(places, images, strict=True):
            if image is not None:
                place.write_bytes(image)
        self.commit(part, list(zip(outcomes, places, strict=True)))

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
        every = tuple(dict.fromkeys([*self._warnings, *texts]))[:MOST_WARNINGS]
        new = every[len(self._warnings) :]
        if new:
            self._warnings = every
            self._record(*(Line(warned=text) for text in new))
        return list(new)

    def end(self, attempt: Attempt | None = None) -> None:
        """Record when this process stopped to draw. attempt: how one ended that drew elsewhere."""
        self._record(*(closing_lines(attempt) if attempt else [Line(end=_now())]))
        self._kept.leave()

    def close(self) -> None:
        """Finish the background thread; other threads that still draw keep nothing more."""
        with self._keeping:
            self._closed = True
        self._thread.shutdown(wait=True)
        if self._journal is not None:
            self._journal.close()

    def seal(self, sources: Sources, patience: float = 0.0) -> None:
        """Verify every sample by decoding it, record the result, make images/ a valid image folder.

        sources: of the images, now that all are there. patience: seconds until what other machines wrote is seen here.

        Raises StageError when a file does not read back as written, and when the model failed and drew nothing at all:
        then every sample is missing again.
        """
        run, end = self.run, time.monotonic() + patience
        while (missing := self._missing(run)) and time.monotonic() < end:
            time.sleep(LOOK_AGAIN)
            run = self.run
        if missing:
            raise StageError(
                f"{len(missing)} samples of {self.path} do not read back as written (first: {missing[0].prompt_id} "
                f"sample {missing[0].index}): check the disk, then run the same command again."
            )
        drawn, refused = image_rows(run), refused_rows(run)
        failed = [row for row in refused if is_failure(row["reason"])]
        if failed and not drawn:
            shutil.rmtree(run.journals)  # whoever mends the model wants it drawn
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

    def _write_slice(self, part: Slice, outputs: list[Output]) -> None:
        places = (self._kept.image_path(part, number) for number in range(len(outputs)))
        self.commit(
            part, [(self._kept.write(part, number, outputs[number]), place) for number, place in enumerate(places)]
        )

    def _place_kept(self, part: Slice) -> None:
        found = [self._kept.find(part, number) for number in range(len(part.samples))]
        self.commit(part, [kept for kept in found if kept is not None])
        self._kept.drop(part)

    def commit(self, part: Slice, kept: Sequence[tuple[Outcome, Path]]) -> None:
        """Make a slice count, at once. kept: what became of each sample, and the file of its image if it has one."""
        moves = [
            (image, self._layout.image_path(sample))
            for sample, (outcome, image) in zip(part.samples, kept, strict=True)
            if outcome.pixels is not None
        ]
        put_in_place(moves)  # a name inside images/ never shows half a file
        with self._keeping:
            spent, self._spent = self._spent, Spent()
        outcomes = tuple(outcome for outcome, _ in kept)
        self._record(Line(slice=part.index, outcomes=outcomes, spent=spent if spent.memory else None))

    def _record(self, *lines: Line) -> None:
        assert self._journal is not None, "begin comes first"
        self._journal.write(*lines)

    def _save(self, **changes: Any) -> None:
        self._manifest = save_manifest(self.path, self._manifest.model_copy(update=changes))


def save_manifest(path: Path, manifest: Manifest) -> Manifest:
    """Write the manifest of the run at `path`, under today's schema version, and return it as it is there."""
    if manifest.schema_version == 1:
        write_journals_of(path, manifest.attempts)
        manifest = manifest.model_copy(update={"schema_version": 2, "attempts": ()})
    write_text_atomically(path / MANIFEST, manifest.model_dump_json(indent=1, exclude={"attempts"}) + "\n")
    (path / SLICES).unlink(missing_ok=True)
    return manifest


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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
