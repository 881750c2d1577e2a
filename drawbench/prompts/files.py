"""Prompt files: CSV, TSV, JSONL, JSON and lines of text, with or without categories and ids, into rows and sets."""

import csv
import io
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import PromptRow, PromptSet, build_prompt_set, shown

TEXT_COLUMNS = ("prompt", "prompts", "text", "caption")  # compared without regard to case
CATEGORY_COLUMNS = ("category",)
ID_COLUMNS = ("id",)
GENEVAL = {"tag", "include", "prompt"}  # of a rule
QUESTIONS = (("item_id", "text", "question_natural_language"), ("id", "caption", "question"))  # DSG's, TIFA's
SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".txt")
LARGEST = 256 * 2**20  # bytes; the captions of COCO's training images are a quarter of it

Record = tuple[str, Mapping[str, object]]  # where it stands ("row 7 (line 8)"), and its cells by column name


def read_prompt_file(path: Path) -> PromptSet:
    """The prompt set in a file; its name is the file's without the suffix. Raises UserError naming file and row."""
    return build_prompt_set(path.stem, read_rows(path), str(path))


def read_rows(path: Path) -> list[PromptRow]:
    """The rows of a file of one of the `SUFFIXES`. Raises UserError naming file and row."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path} is not a prompt file by its name; it must end in {', '.join(SUFFIXES)}")
    return parse_rows(read_file(path, "the prompt file"), suffix, str(path))


def read_file(path: Path, what: str) -> bytes:
    """The bytes of a file of text; `what` names it in messages. Raises UserError when it cannot be read, and when it
    is far too large to be what it should be: then it is not read at all."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            regular = stat.S_ISREG(status.st_mode)
            # A pipe has no size to ask for, and may never end.
            size, data = status.st_size, b""
            if size <= LARGEST:
                data = file.read() if regular else file.read(LARGEST + 1)
    except FileNotFoundError:
        raise UserError(f"{what} {path} is not there; check the path") from None
    except OSError as error:
        raise UserError(f"{what} {path} cannot be read ({error.strerror}); check the path") from None
    if max(size, len(data)) > LARGEST:
        raise UserError(f"{what} {path} is over {LARGEST >> 20} MB, so it is another kind of file; check the path")
    return data


def parse_rows(data: bytes, suffix: str, source: str) -> list[PromptRow]:
    """The rows in the bytes of a file of type `suffix`; `source` names it in messages."""
    if suffix in _RECORDS:
        return rows_from_records(_RECORDS[suffix](_decoded(data, source), source), source)
    return rows_from_records(table_records(data, suffix, source), source)


def table_records(data: bytes, suffix: str, source: str, needed: Sequence[str] = ()) -> Iterator[Record]:
    """The rows in the bytes of a .csv or .tsv file that has the `needed` columns (default: one of prompts)."""
    return _table_records(_decoded(data, source), "\t" if suffix == ".tsv" else ",", source, needed)


def rows_from_records(records: Iterable[Record], source: str) -> list[PromptRow]:
    """Find the prompt, category and id of each record under any of their accepted column names.

    Files of rules and of questions hold prompts, too: of GenEval's format a rule's tag is the category, and of DSG's
    and TIFA's the questions of one id are one prompt.
    """
    rows = []
    for where, record in _one_each(records, source):
        names = list(record)
        text_column = _text_column(names, where, source)
        category_column = column(names, CATEGORY_COLUMNS, where, source)
        id_column = column(names, ID_COLUMNS, where, source)
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


def _one_each(records: Iterable[Record], source: str) -> Iterator[Record]:
    """The records of prompts; those of rules and of questions made so."""
    texts: dict[str, str] = {}
    for where, record in records:
        if record.keys() >= GENEVAL:
            yield where, {"category": record["tag"], **record}
            continue
        names = next((names for names in QUESTIONS if {*names} <= record.keys()), None)
        if names is None:
            yield where, record
            continue
        id_, text = (str(record[name]) for name in names[:2])
        if id_ not in texts:
            yield where, {"id": id_, "prompt": text}
        elif texts[id_] != text:
            raise UserError(f"{where} of {source} has the id {shown(id_)} and another prompt than before; mend one")
        texts[id_] = text


def to_csv(prompt_set: PromptSet) -> str:
    """The set as CSV with the columns category and prompt; ids are left out, since the rows give them again."""
    return _table(("category", "prompt"), ((prompt.category, prompt.text) for prompt in prompt_set.prompts), ",")


def to_tsv(prompt_set: PromptSet) -> str:
    """The set as TSV with the columns id, category and prompt, as `read_prompt_file` takes it."""
    rows = ((prompt.id, prompt.category, prompt.text) for prompt in prompt_set.prompts)
    return _table(("id", "category", "prompt"), rows, "\t")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{source} is not UTF-8 text (line {line}); save it as UTF-8") from None


def _text_column(names: list[str], where: str, source: str) -> str:
    found = column(names, TEXT_COLUMNS, where, source)
    if found is None:
        raise UserError(
            f"{where} of {source} has no prompt column among {shown(', '.join(names))}; "
            f"name one {', '.join(TEXT_COLUMNS[:-1])} or {TEXT_COLUMNS[-1]}"
        )
    return found


def column(names: list[str], accepted: Sequence[str], where: str, source: str) -> str | None:
    """The one of `names` that is `accepted`, in any case; None without one. Raises UserError where there are two."""
    found = [name for name in names if name.strip().casefold() in accepted]
    if len(found) > 1:
        raise UserError(f"{where} of {source} has columns '{found[0]}' and '{found[1]}' for one thing; keep one")
    return found[0] if found else None


def _table_records(text: str, delimiter: str, source: str, needed: Sequence[str]) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise UserError(f"{source} does not begin with a line of column names; name one column 'prompt'")
        repeated = {name for name in header if header.count(name) > 1}
        if repeated:
            raise UserError(f"the header of {source} has column {shown(min(repeated))} twice; rename one")
        _check_header(header, needed, source)
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


def _check_header(header: list[str], needed: Sequence[str], source: str) -> None:
    """Here too, so that a wrong header is refused when no row follows."""
    if not needed:
        _text_column(header, "the header", source)
    for name in needed:
        if column(header, (name,), "the header", source) is None:
            raise UserError(f"the header of {source} has no column '{name}'; name one so")


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


def _json_list_records(text: str, source: str) -> Iterator[Record]:
    """One JSON list, of prompts or of objects as in a .jsonl file; it may stand alone under `prompts`."""
    shape = "write a list of prompts, or of objects that each have a prompt"
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"{source} is not valid JSON; {shape}") from None
    if isinstance(content, dict) and "annotations" in content:
        raise UserError(f"{source} is a captions file in COCO's format; write coco:{source}")
    if isinstance(content, dict) and list(content) == ["prompts"]:
        content = content["prompts"]
    if not isinstance(content, list):
        raise UserError(f"{source} is not a JSON list; {shape}")
    for row, record in enumerate(content, start=1):
        if not isinstance(record, str | dict):
            raise UserError(f"row {row} of {source} is neither a text nor a JSON object; {shape}")
        yield f"row {row}", {"prompt": record} if isinstance(record, str) else record


def _line_records(text: str, source: str) -> Iterator[Record]:
    """A prompt a line, empty lines left out; blanks around a prompt are no part of it."""
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1))
    filled = ((number, line) for number, line in lines if line)
    for row, (number, line) in enumerate(filled, start=1):
        yield f"row {row} (line {number})", {"prompt": line}


_RECORDS: Mapping[str, Callable[[str, str], Iterator[Record]]] = {
    ".jsonl": _json_records,
    ".json": _json_list_records,
    ".txt": _line_records,
}
