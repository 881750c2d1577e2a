"""What a terminal needs to know: how wide it is, columns of text, text that is wrapped beside what leads it."""

import shutil
import sys
import textwrap
from collections.abc import Sequence

WIDTH = 140  # columns, where stdout is no terminal


def terminal_width(elsewhere: int = WIDTH, least: int = 1) -> int:
    """Columns of the terminal that stdout is, taken to be at least `least`; `elsewhere` where it is none."""
    return max(least, shutil.get_terminal_size((elsewhere, 24)).columns) if sys.stdout.isatty() else elsewhere


def aligned(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """A line for each row, its cells in columns whose left edges are below each other; no blanks at the lines' ends."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [gap.join(map(str.ljust, row, widths)).rstrip() for row in rows]


def wrapped(lead: str, text: str, width: int) -> list[str]:
    """`lead` and the text, whose further lines start below its first one; words longer than `width` stay whole."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [lead.rstrip()]
