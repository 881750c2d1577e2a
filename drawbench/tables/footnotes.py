"""The remarks beside numbers: told once below a sheet, found again by their marks."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from metrics.alignment import NOT_MEASURABLE

NO_INTERVAL = "interval: not available"

_OUTSIDE_BRACKETS = re.compile(r";(?![^(]*\))")
_SYMBOLS = ("§", "¶")
_BIAS = "finite-sample bias"
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


@dataclass
class Footnotes:
    """Gives each remark of a sheet one mark, in the order of appearance.

    Remarks on bias that differ in numbers alone share a mark, and the footnote tells from which to which these go.
    of_all: remarks that are true of every number, which are told below the sheet and have no marks.
    """

    of_all: frozenset[str] = frozenset()
    marks: dict[str, str] = field(default_factory=dict)  # by remark, on bias without its numbers
    texts: dict[str, list[str]] = field(default_factory=dict)  # by mark

    def mark(self, text: str) -> str:
        """The mark of a remark; the same remark has the same mark everywhere in the sheet."""
        alike = _NUMBER.sub("#", text) if _BIAS in text else text
        mark = self.marks.setdefault(alike, self._next(text))
        self.texts.setdefault(mark, []).append(text)
        return mark

    def listed(self) -> tuple[tuple[str, str], ...]:
        """(mark, text) of all remarks made so far."""
        return tuple((mark, _together(self.texts[mark])) for mark in self.marks.values())

    def _next(self, text: str) -> str:
        if text == NOT_MEASURABLE:
            return "†"
        if text == NO_INTERVAL:
            return "‡"
        used = sum(each not in (NOT_MEASURABLE, NO_INTERVAL) for each in self.marks)
        return _SYMBOLS[used] if used < len(_SYMBOLS) else f"[{used - len(_SYMBOLS) + 1}]"


def _together(texts: Sequence[str]) -> str:
    """Remarks that differ in numbers alone, as one with `LEAST to MOST` for each number that differs."""
    numbers = zip(*(_NUMBER.findall(text) for text in texts), strict=True)
    ranges = iter(" to ".join(dict.fromkeys((min(each, key=float), max(each, key=float)))) for each in numbers)
    return _NUMBER.sub(lambda _: next(ranges), texts[0])


def remarks_of(note: str) -> list[str]:
    """The parts of the note of a score, each a footnote of its own."""
    parts = [part.strip() for part in _OUTSIDE_BRACKETS.split(note) if part.strip()]
    return list(dict.fromkeys(NOT_MEASURABLE if NOT_MEASURABLE in part else part for part in parts))
