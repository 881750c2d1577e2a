"""The published DrawBench: found on this machine or on the hub, and accepted only when every row is the published one.

Its text is not part of this project. The hash of the whole set decides; the hashes of its rows, beside this module,
only serve to say where another set differs.
"""

import hashlib
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from drawbench.errors import UserError
from drawbench.files import write_text_atomically
from drawbench.prompts.files import Record, read_rows, rows_from_records, to_csv
from drawbench.prompts.prompt_set import Prompt, PromptRow, PromptSet, build_prompt_set, shown
from metrics.images.folders import cache_folder

NAME = "drawbench"
SHA256 = "a2e054682be8d58a36c97efe760b29de3a274fcd0abeaf21cee015fe8106a605"
FILE_VARIABLE = "DRAWBENCH_PROMPTS"
HUB_DATASETS = ("Jialuo21/DrawBench", "sayakpaul/drawbench")


@dataclass(frozen=True)
class PublishedRow:
    """What is known of one published row without its text."""

    category: str
    sha256: str  # of `category\ttext\n`


def load_drawbench(file: Path | None = None) -> PromptSet:
    """DrawBench from `file`, or else DRAWBENCH_PROMPTS, the cache, the hub (then kept in the cache), in this order.

    The first source that exists is the one that counts: a wrong file is refused, not passed over.
    Raises UserError naming the first row that differs, or the ways to provide the file.
    """
    local = file or local_file()
    if local is not None:
        return accept(read_rows(local), str(local))
    prompt_set = _from_hub()
    _keep(prompt_set)
    return prompt_set


def local_file() -> Path | None:
    """The file DRAWBENCH_PROMPTS names (there or not), else the one in the cache, else None. No network."""
    if named := os.environ.get(FILE_VARIABLE):
        return Path(named)
    return cached_file() if cached_file().is_file() else None


def cached_file() -> Path:
    """Where a copy from the hub is kept: in DRAWBENCH_CACHE, or in the user's cache folder."""
    return cache_folder() / "drawbench.csv"


def accept(rows: Sequence[PromptRow], source: str) -> PromptSet:
    """The set `drawbench` made of `rows`, or a UserError naming the first row that is not the published one.

    Ids that the source brings are left aside: a published prompt has one id everywhere.
    """
    prompt_set = _with_published_ids(rows, source)
    if sentence := refusal(prompt_set, source):
        raise UserError(sentence)
    return prompt_set


def refusal(prompt_set: PromptSet, source: str) -> str | None:
    """The sentence that says why `prompt_set` is not the published DrawBench, or None where it is."""
    if prompt_set.sha256 == SHA256:
        return None
    return (
        f"{source} is not the published DrawBench: {first_difference(prompt_set.prompts)}; "
        "correct it, or give the file another name and use it as a set of its own"
    )


def first_difference(prompts: Sequence[Prompt]) -> str | None:
    """What the first row is that differs from the published set, in words; None for the published set itself."""
    published = published_rows()
    found = [row_sha256(prompt.category, prompt.text) for prompt in prompts]
    expected = [row.sha256 for row in published]
    i = next((i for i, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), None)
    if i is None:
        if len(found) == len(expected):
            return None
        if len(found) < len(expected):
            return f"it ends before row {len(found) + 1} ({published[len(found)].category}) of {len(expected)}"
        return f"row {len(expected) + 1} is one too many, {shown(prompts[len(expected)].text)}"
    row, category = i + 1, published[i].category
    if found[i] in expected:
        if len(found) < len(expected) and found[i] in expected[i:]:
            return f"row {row} ({category}) is missing"
        order = "the rows are in another order" if sorted(found) == sorted(expected) else "a row is repeated or moved"
        return f"{order}: row {row} ({category}) holds published row {expected.index(found[i]) + 1}"
    if row_sha256(category, prompts[i].text) == expected[i]:
        return f"row {row} should be in category {shown(category)} and is in {shown(prompts[i].category)}"
    if len(found) > len(expected) and expected[i] in found[i:]:
        return f"row {row} is one too many, {shown(prompts[i].text)}"
    return f"row {row} should be the published prompt of category {shown(category)} and is {shown(prompts[i].text)}"


@cache
def published_rows() -> tuple[PublishedRow, ...]:
    """Category and hash of the 200 published rows, in order."""
    lines = (files("drawbench.prompts") / "drawbench_rows.sha256").read_text(encoding="utf-8").splitlines()
    return tuple(PublishedRow(*line.split("\t")[1:]) for line in lines)


def holds_published(prompts: Iterable[Prompt]) -> bool:
    """Whether any of the prompts is one of the published rows, in whatever set and category it stands."""
    rows = published_rows()
    hashes, categories = {row.sha256 for row in rows}, {row.category for row in rows}
    return any(row_sha256(category, prompt.text) in hashes for prompt in prompts for category in categories)


def row_sha256(category: str, text: str) -> str:
    """SHA-256 of one row as it enters the hash of a set, `category\\ttext\\n` in UTF-8."""
    return hashlib.sha256(f"{category}\t{text}\n".encode()).hexdigest()


def _with_published_ids(rows: Sequence[PromptRow], source: str) -> PromptSet:
    return build_prompt_set(NAME, [replace(row, id=None) for row in rows], source)


def _from_hub() -> PromptSet:
    refusals = []
    for dataset in HUB_DATASETS:
        try:
            prompt_set = _with_published_ids(rows_from_records(_hub_records(dataset), dataset), dataset)
        except UserError as error:
            refusals.append(str(error))
            continue
        if prompt_set.sha256 == SHA256:
            return prompt_set
        refusals.append(f"{dataset} differs: {first_difference(prompt_set.prompts)}")
    raise UserError(
        f"DrawBench is not on this machine and the hub did not give it ({', '.join(refusals)}); "
        f"pass its file as drawbench:FILE, set {FILE_VARIABLE}=FILE, or put it at {cached_file()}"
    )


def _hub_records(dataset: str) -> list[Record]:
    from datasets import load_dataset

    try:
        records = [dict(record) for split in load_dataset(dataset).values() for record in split]
    except Exception as error:  # network, hub and format errors share no narrower class
        raise UserError(f"{dataset} could not be loaded: {type(error).__name__}") from error
    return [(f"row {number}", record) for number, record in enumerate(records, start=1)]


def _keep(prompt_set: PromptSet) -> None:
    target = cached_file()
    try:
        write_text_atomically(target, to_csv(prompt_set))
    except OSError as error:
        logging.getLogger(__name__).warning("DrawBench could not be kept in %s (%s)", target, error.strerror)
