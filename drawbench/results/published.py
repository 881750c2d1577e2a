"""Numbers that others reported: read from published.csv, shown apart from everything measured here."""

import csv
from functools import cache
from importlib.resources import files
from typing import Literal

from drawbench.records import Record

PUBLISHED_TITLE = "published (as reported; not measured here)"


class PublishedNumber(Record):
    """One reported number.

    metric: `fid_30k`, or a question of a human study.
    value, interval: as reported; `interval` is a half-width in the metric's unit, or empty when none was given.
    unit: `%` for rates and scores of 0 to 100, else empty.
    trained_on_coco: `yes`, `no` (zero-shot), or `-` where the question does not arise.
    read_in: where the number was read, when that is not the model's own paper.
    comparability: why a number measured here cannot be put beside it.
    status: `read in the source` or `unverified`.
    """

    model: str
    metric: str
    value: str
    interval: str
    unit: str
    prompt_set: str
    split: str
    size: str
    trained_on_coco: Literal["yes", "no", "-"]
    source: str
    read_in: str
    comparability: str
    status: Literal["read in the source", "unverified"]


@cache
def published_numbers() -> tuple[PublishedNumber, ...]:
    """All published numbers, in the file's order."""
    reader = csv.DictReader(published_text().splitlines())
    return tuple(PublishedNumber.model_validate(row) for row in reader)


def published_text() -> str:
    """The text of the CSV file in the package: the one source; results/published.csv is a copy of it."""
    return (files("drawbench.results") / "published.csv").read_text(encoding="utf-8")
