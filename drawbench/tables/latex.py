"""Sheets as LaTeX tables for a paper, of booktabs and graphicx. Every text that comes from outside is escaped."""

import re
import textwrap
from collections.abc import Sequence
from itertools import pairwise

from drawbench.tables.layout import Block, Cell, Column, Sheet
from drawbench.tables.upright import labels_of, upright

PREAMBLE = (
    r"% Needs \usepackage{booktabs,graphicx} in the preamble. Set for the full width of a page, in one column or two."
)
PAGE = 78  # letters of \small across the plainest article in one column; a wider table is split, never set smaller
HEADING = 14  # letters in a line of a heading
TEXT, ALL_TEXT = 36, 54  # letters in a line of a column of text, and of all of them

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after a line break, a bare bracket would be its length
    "]": "{]}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "§": r"\S{}",
    "¶": r"\P{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
}


def sheet_latex(sheet: Sheet) -> str:
    """One sheet as a `table*` for each of its grids, in text that compiles under pdfLaTeX with UTF-8 input.

    Many columns of numbers, as categories, become rows; a grid that is wider than a page is split. Below each grid
    stand the footnotes that it uses, below the first also what made the numbers.
    """
    grids = [part for block in sheet.blocks for part in _parts(upright(block))]
    floats = [_float(sheet, grid, first=number == 0) for number, grid in enumerate(grids)]
    return "\n\n".join(floats)


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it is; our own signs become their commands."""
    joined = re.sub(r"\s+", " ", text)
    return "".join(_LATEX.get(char, char) for char in joined)


def _parts(block: Block) -> list[Block]:
    """The grid in as few parts as fit across a page, about as wide as each other; all have the labels."""
    labels = labels_of(block)
    widths = [_width(block, number) for number in range(len(block.columns))]
    numbers = widths[labels:]
    room = max(PAGE - sum(widths[:labels]), *numbers, 0)
    count = len(_filled(numbers, room))
    if count < 2:
        return [block]
    least = next(most for most in range(max(numbers), room + 1) if len(_filled(numbers, most)) == count)
    cuts = [labels, *(labels + end for end in _filled(numbers, least))]
    return [
        Block(
            ", ".join(filter(None, (block.caption, f"part {number} of {count}"))),
            (*block.columns[:labels], *block.columns[low:high]),
            tuple((*row[:labels], *row[low:high]) for row in block.rows),
        )
        for number, (low, high) in enumerate(pairwise(cuts), start=1)
    ]


def _filled(widths: Sequence[int], room: int) -> list[int]:
    """Where each part ends when columns are taken in turn while there is room; one that is wider stands alone."""
    ends, left = [], room
    for number, width in enumerate(widths):
        if number and width > left:
            ends.append(number)
            left = room
        left -= width
    return [*ends, len(widths)]


def _width(block: Block, number: int) -> int:
    """Of a column, in letters, with the space beside it."""
    column = block.columns[number]
    lines = _heading_lines(column)
    for row in block.rows:
        lines += [row[number].joined()] if column.numeric else _lines(row[number].text, _text_width(block))
    return max(map(len, lines)) + 2


def _float(sheet: Sheet, grid: Block, *, first: bool) -> str:
    used = "".join(cell.marks for row in grid.rows for cell in row)
    notes = [
        rf"\textsuperscript{{{escape_latex(mark)}}} {escape_latex(text)}"
        for mark, text in sheet.footnotes
        if mark in used
    ]
    notes += [f"{escape_latex(name)}: {escape_latex(text)}." for name, text in sheet.provenance if first]
    caption = f"{sheet.title}: {grid.caption}" if grid.caption else sheet.title
    parts = [
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{escape_latex(caption)}}}",
        r"\smallskip\small\setlength{\tabcolsep}{4pt}",
        *_tabular(grid),
    ]
    if notes:
        parts.append(r"\par\smallskip\begin{minipage}{\textwidth}\raggedright\footnotesize")
        parts += [" \\\\\n".join(notes), r"\end{minipage}"]
    return "\n".join([*parts, r"\end{table*}"])


def _tabular(block: Block) -> list[str]:
    marked = [any(row[number].marks for row in block.rows) for number in range(len(block.columns))]
    kinds = list(zip(block.columns, marked, strict=True))
    shape = "".join(("r@{}l" if marks else "r") if column.numeric else "l" for column, marks in kinds)
    lines = [r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%", rf"\begin{{tabular}}{{{shape}}}"]
    lines += [r"\toprule", _row([_heading(column, marks) for column, marks in kinds]), r"\midrule"]
    for row in block.rows:
        lines.append(
            _row(
                [
                    _cell(cell, column, marks, _text_width(block))
                    for cell, (column, marks) in zip(row, kinds, strict=True)
                ]
            )
        )
    return [*lines, r"\bottomrule", r"\end{tabular}}"]


def _row(entries: Sequence[str]) -> str:
    return " & ".join(entries) + r" \\"


def _heading(column: Column, marks: bool) -> str:
    stacked = _stacked(_heading_lines(column), "b", "r" if column.numeric else "l")
    return rf"\multicolumn{{2}}{{r}}{{{stacked}}}" if column.numeric and marks else stacked


def _cell(cell: Cell, column: Column, marks: bool, most: int) -> str:
    """A number beside its marks, which have a column of their own: so the digits of all rows stay in line."""
    if not column.numeric:
        return _stacked(_lines(cell.text, most), "t", "l")
    value = re.sub(r"^-(?=\d)", "$-$", escape_latex(cell.text))
    interval = re.sub(r"^(\$\\pm\$)", r"\\,\1\\,", escape_latex(cell.interval))
    number = f"{value}{'' if cell.interval.startswith('±') else ' '}{interval}".strip()
    if not marks:
        return number
    return f"{number} & " + (rf"\textsuperscript{{{escape_latex(cell.marks)}}}" if cell.marks else "")


def _heading_lines(column: Column) -> list[str]:
    return [*_lines(column.header, HEADING if column.numeric else TEXT), *([column.sub] if column.sub else [])]


def _text_width(block: Block) -> int:
    return min(TEXT, ALL_TEXT // max(sum(not column.numeric for column in block.columns), 1))


def _lines(text: str, most: int) -> list[str]:
    return textwrap.wrap(text, most, break_long_words=False) or [""]


def _stacked(lines: Sequence[str], line_up: str, side: str) -> str:
    """Lines of text above each other, as one entry."""
    if len(lines) == 1:
        return escape_latex(lines[0])
    body = r" \\ ".join(map(escape_latex, lines))
    return rf"\begin{{tabular}}[{line_up}]{{@{{}}{side}@{{}}}}{body}\end{{tabular}}"
