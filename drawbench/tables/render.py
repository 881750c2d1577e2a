"""Results as a table, in one of six formats."""

import textwrap
from collections.abc import Sequence
from typing import Literal

from drawbench.results.files import Result
from drawbench.results.published import PublishedNumber
from drawbench.tables.cost import cost_sheet
from drawbench.tables.data import tables_csv, tables_json
from drawbench.tables.human import human_sheet
from drawbench.tables.latex import PREAMBLE, escape_latex, sheet_latex
from drawbench.tables.layout import Sheet, leaderboard_sheet, published_sheet
from drawbench.tables.leaderboard import LeaderboardTable, build_tables
from drawbench.tables.markup import escape_markdown, html_page, sheet_markdown
from drawbench.tables.text import sheet_text
from drawbench.terminal import WIDTH

Format = Literal["table", "markdown", "csv", "latex", "html", "json"]
FORMATS: tuple[Format, ...] = ("table", "markdown", "csv", "latex", "html", "json")

DEFAULT_HEADING = "Leaderboard"


def render_tables(
    results: Sequence[Result],
    form: Format = "table",
    *,
    heading: str = DEFAULT_HEADING,
    published: Sequence[PublishedNumber] = (),
    width: int = WIDTH,
    cost: bool = False,
) -> str:
    """All results as tables, one per comparison key, under one heading.

    form: one of FORMATS; csv and json carry full precision, the others are for reading.
    published: reported numbers, always in a table of their own after the measured ones.
    width: columns of the terminal, for `table` only. cost: with a table of what drawing took; json has it anyway.
    """
    tables = build_tables(results)
    if form == "csv":
        return tables_csv(tables, published)
    if form == "json":
        return tables_json(tables, published)
    sheets = [*sheets_of(tables, published), *([cost_sheet(tables)] if cost else [])]
    if form == "markdown":
        return "\n\n".join([f"## {escape_markdown(heading)}", *(sheet_markdown(sheet) for sheet in sheets)]) + "\n"
    if form == "latex":
        return "\n\n".join([f"% {' '.join(heading.split())}\n{PREAMBLE}", *map(sheet_latex, sheets)]) + "\n"
    if form == "html":
        return html_page(sheets, heading) + "\n"
    return "\n\n\n".join([heading.upper(), *(sheet_text(sheet, width) for sheet in sheets)]) + "\n"


def render_sheets(told: Sequence[tuple[Sheet, Sequence[str]]], form: Format, heading: str, width: int = WIDTH) -> str:
    """Sheets, each with sentences below; on a page those stand first.

    form: one of those for reading. width: columns of the terminal, for `table` only.
    """
    if form == "html":
        sentences = [each for _, said in told for each in said]
        return html_page([sheet for sheet, _ in told], heading, marks=sentences) + "\n"

    def folded(text: str) -> str:
        return textwrap.fill(text, width, break_long_words=False)

    sheet_in = {"markdown": sheet_markdown, "latex": sheet_latex}.get(form, lambda sheet: sheet_text(sheet, width))
    said_in = {"markdown": escape_markdown, "latex": escape_latex}.get(form, folded)
    parts = ["\n\n".join([sheet_in(sheet), *map(said_in, said)]) + "\n" for sheet, said in told]
    return (f"{PREAMBLE}\n\n" if form == "latex" else "") + "\n\n".join(parts)


def sheets_of(tables: Sequence[LeaderboardTable], published: Sequence[PublishedNumber] = ()) -> list[Sheet]:
    """The sheets of all tables, then that of the published numbers where there are any."""
    sheets = [human_sheet(table) if table.first.human else leaderboard_sheet(table) for table in tables]
    return [*sheets, published_sheet(published)] if published else sheets
