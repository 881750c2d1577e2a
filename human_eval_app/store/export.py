"""Votes as a file: CSV, JSON lines or parquet, every row with the design's hash."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drawbench.files import atomic_file, write_text_atomically, writing
from human_eval_app.store.records import RaterState, VoteRow
from human_eval_app.study.design import Design

if TYPE_CHECKING:
    import pyarrow

Format = Literal["csv", "jsonl", "parquet"]
COLUMNS = tuple(field.name for field in fields(VoteRow))
EXTERNAL_COLUMNS = ("external_id", "sessions")
TOTAL = "total_rows"  # of an export with nothing left out: a stopping rule is asked of no other
_NUMBERS = {
    "sitting",
    "rater",
    "position",
    "mirror_of_position",
    "sequence",
    "load_ms",
    "dwell_ms",
    "zooms",
    "gap_ms",
    "open_ms",
    TOTAL,
}
_FLAGS = {"superseded"}
_STRANGERS = {*EXTERNAL_COLUMNS, "client_time"}  # columns whose text anybody may choose


def counts(vote: VoteRow) -> bool:
    """Whether a vote is one that an analysis counts: of the main part, standing, in a complete sitting."""
    return vote.part == "main" and not vote.superseded and vote.sitting_state == "complete"


def with_external_ids(rows: Iterable[Mapping[str, Any]], raters: Sequence[RaterState]) -> list[dict[str, Any]]:
    """The rows with the raters' ids at the platform, and the sessions under which they came, separated by blanks."""
    known = {rater.rater: rater for rater in raters}
    return [
        {**row, "external_id": known[row["rater"]].external_id, "sessions": " ".join(known[row["rater"]].sessions)}
        for row in rows
    ]


def with_total(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], total: int, design: Design
) -> tuple[Sequence[Mapping[str, Any]], tuple[str, ...]]:
    """Rows and columns; with a stopping rule in the design, each row also says how many a whole export has."""
    if design.stopping is None:
        return rows, tuple(columns)
    return [{**row, TOTAL: total} for row in rows], (*columns, TOTAL)


def write_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], path: Path, file_format: Format, design: Design
) -> None:
    """Write rows to `path` atomically. Raises UserError when it cannot be written.

    CSV: null is empty, flags are true and false; text from outside that a spreadsheet would run as a formula stands
    behind an apostrophe. JSON lines: one object per row. parquet: typed columns; the design's name and hash are in the
    file's metadata as well.
    """
    with writing(path, "name another place"):
        if file_format == "parquet":
            _write_parquet(_table(rows, columns, design), path)
        else:
            write_text_atomically(path, _csv(rows, columns) if file_format == "csv" else _jsonl(rows, columns))


def _csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(name, row[name]) for name in columns])
    return text.getvalue()


def quoted(text: str) -> str:
    """A text from outside as it may stand in a table that people download: no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _cell(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if name in _STRANGERS and isinstance(value, str) else value


def _jsonl(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    return "".join(json.dumps({name: row[name] for name in columns}, ensure_ascii=False) + "\n" for row in rows)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], design: Design) -> "pyarrow.Table":
    import pyarrow as pa

    def kind(name: str) -> Any:
        return pa.int64() if name in _NUMBERS else pa.bool_() if name in _FLAGS else pa.string()

    schema = pa.schema(
        [(name, kind(name)) for name in columns],
        metadata={"study": design.name, "design_sha256": design.sha256, "raters": design.raters},
    )
    return pa.Table.from_pylist([{name: row[name] for name in columns} for row in rows], schema=schema)


def _write_parquet(table: "pyarrow.Table", path: Path) -> None:
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        pq.write_table(table, file)
