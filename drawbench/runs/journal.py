"""What processes record of their work on a run: each in a file of its own, `journals/<attempt>.jsonl`.

Its first line is the attempt, then comes a line for every finished slice and for whatever was warned of, and at last
the end. Nobody else writes there, so any number of processes may work at once. Attempts are numbered in the order in
which they began: of two records of one slice the later attempt's counts.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from drawbench.files import sync
from drawbench.records import Record

JOURNALS = "journals"

R = TypeVar("R", bound=Record)


class Drawer(Record):
    """A process that draws, as far as it decides pixels.

    threads, cpu: of torch, and which of its code for this processor runs (AVX2, say), where torch is loaded: images on
    a CPU are the same at equal ones.
    """

    versions: dict[str, str]
    device: str  # as the model says it
    gpu: str = ""  # its name, the driver and CUDA, where the device is one
    threads: int | None = None
    cpu: str = ""

    @property
    def words(self) -> str:
        """Such as `cuda:0 (NVIDIA H200, ...)` or `cpu (AVX2, 1 thread)`."""
        count = f"{self.threads} thread{'s' if self.threads != 1 else ''}" if self.threads else ""
        what = self.gpu or ", ".join(each for each in (self.cpu, count) if each and self.device == "cpu")
        return f"{self.device} ({what})" if what else self.device


class Attempt(Record):
    """One process that worked on a run. An attempt without an end was killed.

    versions, device, gpu, threads, cpu: of the processes that drew for it, or of the first. others: further ones that
    were not like that. warnings: what was warned of while it drew, each once.
    """

    plan_sha256: str
    versions: dict[str, str]
    device: str
    gpu: str = ""
    start: str  # ISO 8601, UTC
    end: str | None = None
    slices_done: int = 0
    warnings: tuple[str, ...] = ()
    threads: int | None = None
    cpu: str = ""
    others: tuple[Drawer, ...] = ()

    @property
    def drawers(self) -> tuple[Drawer, ...]:
        """All that drew for it, each kind once."""
        own = {name: getattr(self, name) for name in Drawer.model_fields}
        return (Drawer(**own), *self.others)


class Outcome(Record):
    """What became of one sample: the hash of its pixels, or the reason for having none."""

    pixels: str | None = None
    refused: str | None = None


class Spent(Record):
    """What drawing took. seconds, samples: of batches but the first of each process, which first_* are: its warm-up.

    memory: bytes, the most that a process that drew has held so far: allocated by torch on a GPU, else all of its own.
    """

    seconds: float = 0.0
    samples: int = 0
    first_seconds: float = 0.0
    first_samples: int = 0
    memory: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            seconds=self.seconds + other.seconds,
            samples=self.samples + other.samples,
            first_seconds=self.first_seconds + other.first_seconds,
            first_samples=self.first_samples + other.first_samples,
            memory=max(self.memory, other.memory),
        )


class SliceRecord(Record):
    """Written when all files of a slice are in place: only then does the slice count.

    spent: on it, and on what was drawn before it for slices that were not whole yet.
    """

    slice: int
    outcomes: tuple[Outcome, ...]
    spent: Spent | None = None


class Line(Record):
    """One line of a journal: what it holds is all but one None."""

    attempt: Attempt | None = None
    slice: int | None = None
    outcomes: tuple[Outcome, ...] = ()
    spent: Spent | None = None
    warned: str | None = None
    joined: Drawer | None = None
    end: str | None = None


@dataclass(frozen=True)
class Work:
    """An attempt and what it finished, in the order in which it did. id: that of the attempt."""

    id: str
    attempt: Attempt
    slices: tuple[SliceRecord, ...]


def read_journals(run: Path) -> list[Work]:
    """The work of all attempts at a run, in the order in which they began."""
    found = (_read(path) for path in sorted((run / JOURNALS).glob("*.jsonl")))
    return [work for work in found if work is not None]


class Journal:
    """The journal of this process. Made by `begin_journal`; stays open until `close`."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.id = path.stem
        self._file = file

    def write(self, *lines: Line) -> None:
        """Add lines, and wait until they are on disk. Raises OSError."""
        self._file.write(b"".join(line.model_dump_json(exclude_defaults=True).encode() + b"\n" for line in lines))
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Nothing is written any more."""
        self._file.close()


def begin_journal(run: Path, attempt: Attempt) -> Journal:
    """Start the journal of an attempt, under the next free number. Raises OSError."""
    folder = run / JOURNALS
    folder.mkdir(exist_ok=True)
    number = max((int(path.stem) for path in folder.glob("*.jsonl") if path.stem.isdigit()), default=0) + 1
    while True:
        path = folder / f"{number:04d}.jsonl"
        try:
            file = path.open("xb")  # another process may take the same number at this moment
        except FileExistsError:
            number += 1
            continue
        journal = Journal(path, file)
        journal.write(Line(attempt=attempt))
        sync(folder)
        return journal


def at_its_beginning(attempt: Attempt) -> Attempt:
    """Without what the later lines of a journal say."""
    return attempt.model_copy(update={"end": None, "slices_done": 0, "warnings": (), "others": ()})


def closing_lines(attempt: Attempt) -> list[Line]:
    """What a journal says of an attempt beside its beginning and its slices."""
    lines = [Line(warned=text) for text in attempt.warnings] + [Line(joined=other) for other in attempt.others]
    return [*lines, Line(end=attempt.end)] if attempt.end else lines


def write_journal(run: Path, work: Work) -> None:
    """The journal of an attempt that is over, written anew. Raises OSError."""
    lines = [Line(attempt=at_its_beginning(work.attempt))]
    lines += [Line(slice=record.slice, outcomes=record.outcomes, spent=record.spent) for record in work.slices]
    lines += closing_lines(work.attempt)
    folder = run / JOURNALS
    folder.mkdir(exist_ok=True)
    path = folder / f"{work.id}.jsonl"
    path.unlink(missing_ok=True)
    journal = Journal(path, path.open("xb"))
    journal.write(*lines)
    journal.close()
    sync(folder)


def _read(path: Path) -> Work | None:
    """None where not even the attempt was written completely; a line cut short by a kill is none."""
    lines = list(whole_lines(path, Line))
    attempt = next((line.attempt for line in lines if line.attempt), None)
    if attempt is None:
        return None
    slices = tuple(
        SliceRecord(slice=line.slice, outcomes=line.outcomes, spent=line.spent)
        for line in lines
        if line.slice is not None
    )
    ended = {
        "end": next((line.end for line in lines if line.end), None),
        "slices_done": len(slices),
        "warnings": tuple(line.warned for line in lines if line.warned),
        "others": tuple(line.joined for line in lines if line.joined),
    }
    return Work(path.stem, attempt.model_copy(update=ended), slices)


def whole_lines(path: Path, kind: type[R]) -> Iterator[R]:
    """The records of a JSON lines file that were written completely; a line that is none of this kind is left out."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            yield kind.model_validate_json(line)
        except ValidationError:
            continue
