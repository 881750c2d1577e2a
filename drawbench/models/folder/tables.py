"""Prompts that a table beside the images tells: metadata.jsonl or .csv of an image folder, GenEval's, ImagenHub's."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from drawbench.errors import UserError
from drawbench.models.folder.given import Claim, Given, Match, matched, pairs_sha256, two_prompts
from drawbench.prompts.files import TEXT_COLUMNS, read_file, table_records
from drawbench.runs.directory import rows_of

TABLES = ("metadata.jsonl", "metadata.csv")
LOOKUP = "dataset_lookup.json"  # ImagenHub's, beside the folders of the models: file name -> prompt

Row = dict[str, Any]


def by_prompt_id(given: Given) -> Match | None:
    """The column `prompt_id`, with `sample` or in order. A text beside it must be the prompt's."""
    claims: list[Claim] = []
    seen: dict[str, int] = defaultdict(int)
    for path, row, source in _rows(given):
        prompt = given.prompts.get(str(row.get("prompt_id")))
        if "prompt_id" not in row or prompt is None:
            continue
        prompt_id, text = str(row["prompt_id"]), _text(row)
        if text is not None and _plain(text) != _plain(prompt.text):
            raise UserError(
                f"{source} has another text for {prompt_id} than the prompt set: "
                "name the prompt set that these images were made from."
            )
        claims.append(Claim(path, prompt_id, sample_of(row, source, seen[prompt_id])))
        seen[prompt_id] += 1
    return _with_pairs(matched("metadata", given, claims, literally=True), given)


def by_metadata_text(given: Given) -> Match | None:
    """The column of texts. Prompts of one text and category take its images in turn."""
    prompts: dict[str, list[str]] = defaultdict(list)
    for prompt_id, prompt in given.prompts.items():
        prompts[_plain(prompt.text)].append(prompt_id)
    claims: list[Claim] = []
    seen: dict[str, int] = defaultdict(int)
    for path, row, _ in _rows(given):
        text = _plain(_text(row) or "")
        known = prompts.get(text)
        if not known:
            continue
        if len({given.prompts[prompt_id].category for prompt_id in known}) > 1:
            raise two_prompts(path, (known[0], 0), (known[1], 0))
        turn, place = divmod(seen[text], len(known))
        claims.append(Claim(path, known[place], turn))
        seen[text] += 1
    return _with_pairs(matched("metadata text", given, claims), given)


def sample_of(row: Row, source: Path, otherwise: int = 0) -> int:
    """The number of a row's sample. Raises UserError for one that is no whole number."""
    value = row.get("sample", otherwise)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UserError(f"{source} has the sample {value!r} for {row.get('prompt_id')}: write whole numbers from 0.")
    return value


def _with_pairs(match: Match | None, given: Given) -> Match | None:
    """Another table makes another plan, though every image is the same. In a run the names say what the table does."""
    if match and all(path.stem == f"{prompt_id}-{sample}" for (prompt_id, sample), path in match.images.items()):
        return match
    return match and replace(match, settings={"pairs": pairs_sha256(match.images, given.root)})


def _rows(given: Given) -> Iterator[tuple[Path, Row, Path]]:
    """Each image that a table names, with its row and the table. A file that two rows name is an error."""
    files, named = set(given.files), dict[Path, Path]()
    for source in _sources(given):
        rows = _read(source)
        whole_folder = len(rows) == 1 and "file_name" not in rows[0]  # GenEval: one prompt for all in the folder
        for row in rows:
            below = [path for path in given.files if source.parent in path.parents] if whole_folder else []
            for path in below or _named(row, source, given):
                if path not in files:
                    continue
                if path in named:
                    raise UserError(f"{named[path]} and {source} have two rows for {path}: keep one of them.")
                named[path] = source
                yield path, row, source


def _sources(given: Given) -> list[Path]:
    folders = sorted({parent for path in given.files for parent in path.parents if parent.is_relative_to(given.root)})
    found = [folder / name for folder in folders for name in TABLES]
    return [path for path in (*found, given.root / LOOKUP, given.root.parent / LOOKUP) if path.is_file()]


def _read(source: Path) -> list[Row]:
    if source.suffix == ".jsonl":
        return rows_of(source)
    if source.suffix == ".csv":
        return [
            dict(row) for _, row in table_records(read_file(source, "the table"), ".csv", str(source), ("file_name",))
        ]
    try:
        table = json.loads(source.read_bytes())
        return [{**row, "file_name": name} for name, row in table.items()]
    except (ValueError, AttributeError, TypeError):
        raise UserError(f"{source} is not ImagenHub's table of file names and prompts: move it away.") from None


def _named(row: Row, source: Path, given: Given) -> list[Path]:
    name = str(row.get("file_name", ""))
    if source.name == LOOKUP:  # the same names in every model's folder
        return [path for path in given.files if path.name == name]
    return [source.parent / name]


def _text(row: Row) -> str | None:
    found = next((row[name] for name in row if name.strip().casefold() in TEXT_COLUMNS), None)
    return None if found is None else str(found)


def _plain(text: str) -> str:
    """Runs of blanks are one blank, as in captions."""
    return " ".join(text.split())
