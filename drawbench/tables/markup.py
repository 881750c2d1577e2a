"""Sheets as Markdown, LaTeX and HTML. Every text that comes from outside is escaped for its format."""

import re
from collections.abc import Callable, Iterable, Sequence

from drawbench.pages.templates import render, style, table_style
from drawbench.tables.layout import Block, Cell, Number, Sheet

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


def sheet_markdown(sheet: Sheet, level: int = 3) -> str:
    """One sheet as GitHub-flavoured Markdown; `level` is that of its heading."""
    lines = [f"{'#' * level} {escape_markdown(sheet.title)}", ""]
    for block in sheet.blocks:
        if block.caption:
            lines += [f"**{escape_markdown(block.caption)}**", ""]
        headers = [_markdown_header(column.header, column.sub) for column in block.columns]
        rules = ["---:" if column.numeric else ":---" for column in block.columns]
        rows = [[escape_markdown(cell.joined()) for cell in row] for row in block.rows]
        lines += [f"| {' | '.join(row)} |" for row in (headers, rules, *rows)] + [""]
    lines += [f"{escape_markdown(mark)} {escape_markdown(text)}  " for mark, text in sheet.footnotes]
    lines += [""] if sheet.footnotes else []
    lines += [f"- {escape_markdown(name)}: {escape_markdown(text)}" for name, text in sheet.provenance]
    return "\n".join(lines)


def sheet_latex(sheet: Sheet) -> str:
    """One sheet as a `table*` for booktabs and graphicx, in text that compiles under pdfLaTeX with UTF-8 input."""
    parts = [r"\begin{table*}", r"\centering", rf"\caption{{{escape_latex(sheet.title)}}}", r"\small"]
    for block in sheet.blocks:
        if block.caption:
            parts += ["", rf"\medskip\noindent {escape_latex(block.caption)}\par\smallskip"]
        parts += _latex_tabular(block)
    notes = [f"{escape_latex(mark)} {escape_latex(text)}" for mark, text in sheet.footnotes]
    notes += [f"{escape_latex(name)}: {escape_latex(text)}." for name, text in sheet.provenance]
    if notes:
        body = r" \\".join(["", *(f"\n{note}" for note in notes)]).removeprefix(r" \\")
        parts += [r"\par\smallskip\begin{minipage}{\textwidth}\raggedright\footnotesize" + body, r"\end{minipage}"]
    return "\n".join([*parts, r"\end{table*}"])


def sheet_html(
    sheet: Sheet,
    level: int = 2,
    address_of: Callable[[Number | None], str] = lambda number: "",
    *,
    folded: bool = False,
) -> str:
    """One sheet as an HTML section without style.

    address_of: where a number's provenance is told, empty for nowhere. folded: the sheet's own is told on demand.
    """
    return render("sheet.html.j2", sheet=sheet, level=level, address_of=address_of, folded=folded)


def html_fragment(sheets: Sequence[Sheet], heading: str) -> str:
    """Sheets as a piece of another page (a notebook): its own style, no script, nothing loaded from anywhere."""
    sections = [sheet_html(sheet) for sheet in sheets]
    return render("fragment.html.j2", title=heading, style=table_style(), sections=sections)


def html_page(
    sheets: Sequence[Sheet], heading: str, marks: Sequence[str] = (), pictures: Sequence[tuple[str, str]] = ()
) -> str:
    """Sheets as a page that needs nothing but its pictures: light or dark as the reader's system is.

    marks: what must be known first. pictures: (address, what it shows), above the tables.
    """
    sections = [sheet_html(sheet) for sheet in sheets]
    own = {"marks": marks, "pictures": pictures, "sections": sections}
    return render("tables.html.j2", title=heading, style=style(), mark="", pages=(), here="", **own)


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, within a table cell too."""
    escaped = re.sub(r"([\\`*_{}\[\]<>|#~$])", r"\\\1", text)
    return re.sub(r"\s+", " ", escaped)


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it is; our own signs become their commands."""
    joined = re.sub(r"\s+", " ", text)
    return "".join(_LATEX.get(char, char) for char in joined)


def _markdown_header(header: str, sub: str) -> str:
    return f"{escape_markdown(header)}<br>{escape_markdown(sub)}" if sub else escape_markdown(header)


def _latex_tabular(block: Block) -> list[str]:
    shape = "".join("r" if column.numeric else "l" for column in block.columns)
    lines = [r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%", rf"\begin{{tabular}}{{{shape}}}"]
    lines += [r"\toprule", _latex_row(escape_latex(column.header) for column in block.columns)]
    if any(column.sub for column in block.columns):
        lines.append(_latex_row(escape_latex(column.sub) for column in block.columns))
    lines.append(r"\midrule")
    lines += [_latex_row(_latex_cell(cell) for cell in row) for row in block.rows]
    return [*lines, r"\bottomrule", r"\end{tabular}}"]


def _latex_row(entries: Iterable[str]) -> str:
    return " & ".join(entries) + r" \\"


def _latex_cell(cell: Cell) -> str:
    parts = [re.sub(r"^-(?=\d)", "$-$", escape_latex(cell.text)), escape_latex(cell.interval)]
    marks = f"\\textsuperscript{{{escape_latex(cell.marks)}}}" if cell.marks else ""
    return " ".join(part for part in parts if part) + marks
