"""Sheets as Markdown and HTML. Every text that comes from outside is escaped for its format."""

import re
from collections.abc import Callable, Sequence

from drawbench.pages.templates import render, style, table_style
from drawbench.tables.layout import Number, Sheet


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


def html_fragment(sheets: Sequence[Sheet], heading: str, said: Sequence[str] = ()) -> str:
    """Sheets as a piece of another page (a notebook): its own style, no script, nothing loaded from anywhere.

    said: sentences below them.
    """
    sections = [sheet_html(sheet) for sheet in sheets]
    return render("fragment.html.j2", title=heading, style=table_style(), sections=sections, said=said)


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


def _markdown_header(header: str, sub: str) -> str:
    return f"{escape_markdown(header)}<br>{escape_markdown(sub)}" if sub else escape_markdown(header)
