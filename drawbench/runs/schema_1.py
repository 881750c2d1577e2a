"""Runs of schema version 1: attempts stood in the manifest, and the slices of all of them in one file."""

from collections.abc import Sequence
from pathlib import Path

from drawbench.runs.journal import Attempt, SliceRecord, Work, whole_lines, write_journal

SLICES = "slices.jsonl"


class OldRecord(SliceRecord):
    """A line of slices.jsonl. attempt: its position in the manifest's attempts."""

    attempt: int


def read_schema_1(run: Path, attempts: Sequence[Attempt]) -> list[Work]:
    """The work of these attempts."""
    file = run / SLICES
    records = list(whole_lines(file, OldRecord)) if file.exists() else []
    done = {
        number: tuple(
            SliceRecord(slice=record.slice, outcomes=record.outcomes) for record in records if record.attempt == number
        )
        for number in range(len(attempts))
    }
    return [
        Work(f"{number + 1:04d}", attempt.model_copy(update={"slices_done": len(done[number])}), done[number])
        for number, attempt in enumerate(attempts)
    ]


def write_journals_of(run: Path, attempts: Sequence[Attempt]) -> None:
    """Write down their work as newer runs have it. What is there of an earlier try is written anew. Raises OSError."""
    for work in read_schema_1(run, attempts):
        write_journal(run, work)
