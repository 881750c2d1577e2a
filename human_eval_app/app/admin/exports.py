"""Votes as downloads: the files that `drawbench study export` writes, named by the hash of their design."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from human_eval_app.store.export import COLUMNS, Format, counts, with_total, write_rows
from human_eval_app.store.records import VoteRow
from human_eval_app.study.design import Design

Which = Literal["counted", "all"]
FORMATS: dict[Format, tuple[str, str]] = {
    "csv": ("CSV", "text/csv"),
    "jsonl": ("JSON lines", "application/jsonl"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
}
KINDS: tuple[tuple[Which, Format], ...] = tuple((which, form) for which in get_args(Which) for form in FORMATS)


def file_name(design: Design, which: Which, form: Format) -> str:
    """What a downloaded file is called."""
    return f"votes-{which}-{design.sha256[:12]}.{form}"


def export(design: Design, votes: Iterable[VoteRow], which: Which, form: Format) -> bytes:
    """The file. counted: the answers that an analysis counts; all: every answer ever given."""
    every = list(votes)
    kept = [vars(vote) for vote in every if which == "all" or counts(vote)]
    rows, columns = with_total(kept, COLUMNS, len(every), design)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"votes.{form}"
        write_rows(rows, columns, path, form, design)
        return path.read_bytes()
