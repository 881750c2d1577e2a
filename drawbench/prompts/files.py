"""Prompt files: CSV, TSV and JSONL, with or without categories and ids, into rows and prompt sets."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import PromptRow, PromptSet, build_prompt_set, shown

TEXT_COLUMNS = ("prompt", "prompts", "text", "caption")  # compared without regard to case
CATEGORY_COLUMNS = ("category",)
ID_COLUMNS = ("id",)
SUFFIXES = (".csv", ".tsv", ".jsonl")

Record = tuple[str, Mapping[str, object]]  # where it stands ("row 7 (line 8)"), and its cells by column name


def read_prompt_file(path: Path) -> PromptSet:
    """The prompt set in a file; its name is the file's without the suffix. Raises UserError naming file and row."""
    return build_prompt_set(path.stem, read_rows(path), str(path))


def read_rows(path: Path) -> list[PromptRow]:
    """The rows of a CSV, TSV or JSONL file. Raises UserError naming file and row."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path} is not a prompt file by its name; it must end in {', '.join(SUFFIXES)}")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no prompt file {path}; check the path") from None
    except OSError as error:
        raise UserError(f"the prompt file {path} cannot be read ({error.strerror}); check the path") from None
    return parse_rows(data, suffix, str(path))


def parse_rows(data: bytes, suffix: str, source: str) -> list[PromptRow]:
    """The rows in the bytes of a file of type `suffix`; `source` names it in messages."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{source} is not UTF-8 text (line {line}); save it as UTF-8") from None
    if suffix == ".jsonl":
        return rows_from_records(_json_records(text, source), source)
    return rows_from_records(_table_records(text, "\t" if suffix == ".tsv" else ",", source), source)


def rows_from_records(records: Iterable[Record], source: str) -> list[PromptRow]:
    """Find the prompt, category and id of each record under any of their accepted column names."""
    rows = []
    for where, record in records:
        names = list(record)
        text_column = _text_column(names, where, source)
        category_column = _column(names, CATEGORY_COLUMNS, where, source)
        id_column = _column(names, ID_COLUMNS, where, source)
        text = record[text_column]
        category = record[category_column] if category_column is not None else None
        id_ = record[id_column] if id_column is not None else None
        if not isinstance(text, str):
            raise UserError(f"column {shown(text_column)} in {where} of {source} holds no text; write the prompt there")
        if not isinstance(category, str | None):
            raise UserError(f"the category in {where} of {source} is not text; write its name there")
        if isinstance(id_, bool) or not isinstance(id_, str | int | None):
            raise UserError(f"the id in {where} of {source} is neither text nor a whole number; write one of these")
        rows.append(PromptRow(category or "", text, where, None if id_ is None else str(id_)))
    return rows


def to_csv(prompt_set: PromptSet) -> str:
    """The set as CSV with the columns category and prompt; ids are left out, since the rows give them again."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("category", "prompt"))
    writer.writerows((prompt.category, prompt.text) for prompt in prompt_set.prompts)
    return buffer.getvalue()


def _text_column(names: list[str], where: str, source: str) -> str:
    column = _column(names, TEXT_COLUMNS, where, source)
    if column is None:
        raise UserError(
            f"{where} of {source} has no prompt column among {shown(', '.join(names))}; "
            f"name one {', '.join(TEXT_COLUMNS[:-1])} or {TEXT_COLUMNS[-1]}"
        )
    return column


def _column(names: list[str], accepted: tuple[str, ...], where: str, source: str) -> str | None:
    found = [name for name in names if name.strip().casefold() in accepted]
    if len(found) > 1:
        raise UserError(f"{where} of {source} has columns '{found[0]}' and '{found[1]}' for one thing; keep one")
    return found[0] if found else None


def _table_records(text: str, delimiter: str, source: str) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise UserError(f"{source} does not begin with a line of column names; name one column 'prompt'")
        repeated = {name for name in header if header.count(name) > 1}
        if repeated:
            raise UserError(f"the header of {source} has column {shown(min(repeated))} twice; rename one")
        _text_column(header, "the header", source)  # here too, so that it is refused when no row follows
        row = 0
        for cells in reader:
            if not cells:
                continue  # an empty line
            row += 1
            where = f"row {row} (line {reader.line_num})"
            if len(cells) != len(header):
                raise UserError(
                    f"{where} of {source} has {len(cells)} fields where the header has {len(header)}; "
                    "put fields that contain the separator in double quotes"
                )
            yield where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise UserError(
            f"line {reader.line_num} of {source} is not well-formed ({error}); correct its quotes"
        ) from None


def _json_records(text: str, source: str) -> Iterator[Record]:
    row = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row += 1
        where = f"row {row} (line {number})"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise UserError(f"{where} of {source} is not valid JSON; write one object per line") from None
        if not isinstance(record, dict):
            raise UserError(f"{where} of {source} is not a JSON object; write one object per line")
        yield where, record
