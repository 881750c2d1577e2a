"""Sheets as plain text for a terminal: aligned, and folded where a table is wider than the screen."""

import textwrap
import unicodedata
from collections.abc import Sequence

from drawbench.tables.layout import Block, Cell, Column, Sheet
from drawbench.terminal import shown, wrapped

GAP = "  "
Entries = tuple[Column, list[list[str]]]  # a column, and its padded lines: the heading's, then each row's
HEADER_WIDTH = 13  # longer headings are broken at a blank, in folded tables
MAX_TEXT = 10_000  # columns of a text that is not folded
TEXT_WIDTHS = (40, 32, 26, 20, 16, 12)  # to which columns of words are folded, the first that will do


def sheet_text(sheet: Sheet, width: int) -> str:
    """One sheet as text of at most `width` columns (a single column wider than that stays whole)."""
    title = wrapped("", _clean(sheet.title), width)
    parts = [*title, "═" * max(map(display_width, title))]
    for block in sheet.blocks:
        parts += ["", *_block_lines(block, width)]
    if sheet.footnotes:
        parts.append("")
        parts += [line for mark, text in sheet.footnotes for line in wrapped(f"{_clean(mark)} ", _clean(text), width)]
    if sheet.provenance:
        parts.append("")
        margin = max(len(name) for name, _ in sheet.provenance) + 2
        for name, text in sheet.provenance:
            parts += wrapped(_clean(name).ljust(margin), _clean(text), width)
    return "\n".join(parts)


def display_width(text: str) -> int:
    """Terminal columns a text takes: wide East Asian characters count two, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _block_lines(block: Block, width: int) -> list[str]:
    """One line per row where it fits; else value above interval; else words folded; else columns in several parts."""
    lines = [_clean(block.caption)] if block.caption else []
    for number, part in enumerate(_fitting(block, width)):
        lines += ([""] if number else []) + _join(part)
    return lines


def _fitting(block: Block, width: int) -> list[list[Entries]]:
    """The parts of a block, with no more folding than it takes."""
    grids = [_grid(block, None), _grid(block, MAX_TEXT), *(_grid(block, most) for most in TEXT_WIDTHS)]
    for grid in grids:
        if _total(grid) <= width:
            return [grid]
    several = [_parts(grid, width) for grid in grids[1:]]
    fitting = [parts for parts in several if all(_total(part) <= width for part in parts)]
    return min(fitting, key=len, default=several[-1])


def _grid(block: Block, most: int | None) -> list[Entries]:
    return [_entries(column, [row[i] for row in block.rows], most) for i, column in enumerate(block.columns)]


def _entries(column: Column, cells: Sequence[Cell], most: int | None) -> Entries:
    """One column as padded strings: its heading lines, then the lines of each row (all of one width).

    most: columns that a text may take in a folded table; None where nothing is folded.
    """
    heading = _clean(column.header)
    header = [heading] if most is None else textwrap.wrap(heading, HEADER_WIDTH, break_long_words=False) or [""]
    header += [_clean(column.sub)] if column.sub else []
    if most is not None and not column.numeric:
        texts = [textwrap.wrap(_clean(cell.joined()), most) or [""] for cell in cells]
    elif most is not None:
        texts = [[f"{_clean(cell.text)} {_clean(cell.marks)}".strip(), _clean(cell.interval)] for cell in cells]
        if not any(below for _, below in texts):
            texts = [[above] for above, _ in texts]
    else:
        texts = [[text] for text in _aligned(cells)]
    width = max(display_width(line) for group in [header, *texts] for line in group)
    return column, [[_pad(line, width, column.numeric) for line in group] for group in [header, *texts]]


def _aligned(cells: Sequence[Cell]) -> list[str]:
    """Values, intervals and marks each in a column of their own, so that digits stand below digits."""
    values = [_clean(cell.text) for cell in cells]
    fields = [values, [_clean(cell.interval) for cell in cells], [_clean(cell.marks) for cell in cells]]
    widths = [max((display_width(text) for text in each), default=0) for each in fields]
    numeric = bool(widths[1] or widths[2])
    joined = []
    for value, interval, marks in zip(*fields, strict=True):
        parts = [_pad(value, widths[0], numeric)]
        parts += [_pad(interval, widths[1], False)] if widths[1] else []
        parts += [_pad(marks, widths[2], False)] if widths[2] else []
        joined.append(" ".join(parts) if numeric else value)
    return joined


def _total(grid: Sequence[Entries]) -> int:
    return sum(display_width(entries[0][0]) for _, entries in grid) + len(GAP) * (len(grid) - 1)


def _parts(grid: list[Entries], width: int) -> list[list[Entries]]:
    """Columns in as few parts as fit, of like length if they can be; what tells rows apart leads each part."""
    fixed = next((i for i, (column, _) in enumerate(grid) if not column.numeric), 0) + 1
    while fixed < len(grid) and not grid[fixed][0].numeric and _has_repeats(grid[:fixed]):
        fixed += 1
    lead, rest = grid[:fixed], grid[fixed:]
    if not rest:
        return [lead]
    packed = [[*lead, rest[0]]]
    for entry in rest[1:]:
        if _total([*packed[-1], entry]) <= width:
            packed[-1].append(entry)
        else:
            packed.append([*lead, entry])
    length = -(-len(rest) // len(packed))
    alike = [[*lead, *rest[i : i + length]] for i in range(0, len(rest), length)]
    return alike if all(_total(part) <= width for part in alike) else packed


def _has_repeats(lead: Sequence[Entries]) -> bool:
    rows = ["\t".join("\n".join(group) for group in row) for row in zip(*(entries for _, entries in lead), strict=True)]
    return len(set(rows)) < len(rows)


def _join(part: list[Entries]) -> list[str]:
    lines = []
    for number, row in enumerate(zip(*(entries for _, entries in part), strict=True)):
        height = max(len(group) for group in row)
        for line in range(height):
            # A short heading stands on the rule; a short cell starts on its row's first line.
            skip = [height - len(group) if number == 0 else 0 for group in row]
            texts = [
                group[line - gone] if 0 <= line - gone < len(group) else " " * display_width(group[0])
                for group, gone in zip(row, skip, strict=True)
            ]
            if any(text.strip() for text in texts):
                lines.append(GAP.join(texts).rstrip())
        if number == 0:
            lines.append(GAP.join("─" * display_width(group[0]) for group in row))
    return lines


def _pad(text: str, width: int, right: bool) -> str:
    blanks = " " * (width - display_width(text))
    return blanks + text if right else text + blanks


def _clean(text: str) -> str:
    """No control characters (a model's name must not move the cursor or start a line of its own); signs as shown."""
    return shown("".join("�" if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char for char in text))
