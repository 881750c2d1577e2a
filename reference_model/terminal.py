"""Tables for a terminal."""

import shutil
import sys
from collections.abc import Sequence

WIDTH, LEAST = 140, 40  # columns where stdout is no terminal, and the fewest that one is taken to have
GAP = "  "


def terminal_width() -> int:
    """Columns of the terminal that stdout is."""
    return max(LEAST, shutil.get_terminal_size((WIDTH, 24)).columns) if sys.stdout.isatty() else WIDTH


def table(rows: Sequence[Sequence[str]], lead: int = 1, width: int | None = None) -> str:
    """Rows, the first of them headings, in columns as wide as their cells: words of the `lead` first ones to the left,
    all else to the right. What is wider than the terminal (`width`) follows below, behind the same first columns."""
    width = terminal_width() if width is None else width
    columns = []
    for number, cells in enumerate(zip(*rows, strict=True)):
        pad, wide = (str.ljust if number < lead else str.rjust), max(map(len, cells))
        columns.append([pad(cell, wide) for cell in cells])
    parts = [columns[:lead]]
    for column in columns[lead:]:
        if len(parts[-1]) > lead and len(GAP.join(each[0] for each in [*parts[-1], column])) > width:
            parts.append(columns[:lead])
        parts[-1].append(column)
    return "\n\n".join("\n".join(GAP.join(row).rstrip() for row in zip(*part, strict=True)) for part in parts)
