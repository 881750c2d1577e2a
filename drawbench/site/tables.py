"""Tables of a site: the first rows as HTML in the page, all rows in files of data that the page sorts and filters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from drawbench.pages.templates import macro, script_data
from drawbench.results.files import HumanPreference, Result
from drawbench.sharing.collection import outdated
from drawbench.site.entries import Contents
from drawbench.tables.layout import Cell, Column, Sheet, leaderboard_sheet
from drawbench.tables.leaderboard import LeaderboardTable

FIRST_ROWS = 100  # in the page
CHUNK = 1000  # rows of a file
Key = float | str | None


@dataclass(frozen=True)
class Head:
    """A column. block: the number of its group of categories, -1 for one that is always shown. best: comes first."""

    column: Column
    block: int
    best: str  # "high", "low" or ""


@dataclass(frozen=True)
class TableRow:
    """One row as HTML cells, with what it is sorted by, a value a column, and what a search looks in."""

    name: str
    main: str
    categories: tuple[str, ...]
    keys: tuple[Key, ...]


@dataclass(frozen=True)
class TableView:
    """A table of scores. blocks: captions of the groups of categories. told: how its numbers were made."""

    slug: str
    sheet: Sheet
    set_name: str
    protocol: str
    heads: tuple[Head, ...]
    blocks: tuple[str, ...]
    rows: tuple[TableRow, ...]
    cautions: tuple[str, ...]
    told: tuple[tuple[str, str], ...]

    @property
    def first_rows(self) -> tuple[TableRow, ...]:
        """Those in the page."""
        return self.rows[:FIRST_ROWS]

    @property
    def main_heads(self) -> tuple[Head, ...]:
        """Of the columns that are always shown."""
        return tuple(head for head in self.heads if head.block < 0)


def table_view(slug: str, table: LeaderboardTable, contents: Contents) -> TableView:
    """Lay out one table of scores for the page."""
    sheet = leaderboard_sheet(table, ranges=True)
    main, *groups = sheet.blocks
    heads = [Head(column, -1, _best(column)) for column in main.columns]
    heads += [Head(column, block, "high") for block, group in enumerate(groups) for column in group.columns[1:]]
    numerics = [head.column.numeric for head in heads]
    cell_of = macro("cells.html.j2", "table_cell")
    rows = []
    for number, (row, cells) in enumerate(zip(table.rows, main.rows, strict=True)):
        entry = contents.entry_of[id(row.result)]
        whole = (*cells, *(cell for group in groups for cell in group.rows[number][1:]))
        html = [
            cell_of(
                cell, entry.page if place == 1 else contents.provenance.address_of(cell.number), place == 1, numeric
            )
            for place, (cell, numeric) in enumerate(zip(whole, numerics, strict=True))
        ]
        keys = (None if row.rank is None else number, *map(_key, whole[1:]))
        name = f"{whole[1].text} {entry.label} {row.result.model.spec}".casefold()
        rows.append(TableRow(name, "".join(html[: len(cells)]), tuple(html[len(cells) :]), keys))
    cautions = tuple(text for name, text in sheet.provenance if name == "caution")
    told = tuple((name, text) for name, text in sheet.provenance if name != "caution")
    first = table.first
    return TableView(
        slug,
        sheet,
        first.prompt_set.name,
        first.protocol.name,
        tuple(heads),
        tuple(group.caption for group in groups),
        tuple(rows),
        (*_outdated(first), *cautions),
        told,
    )


def write_rows(views: Sequence[TableView], folder: Path) -> tuple[list[str], list[str]]:
    """All rows as files of data below `folder`; returns their names, and those of the categories' files."""
    rows: list[str] = []
    categories: list[str] = []
    for number, part in enumerate(_chunks(views), 1):
        main = [[table, start, [[row.name, row.keys, row.main] for row in found]] for table, start, found in part]
        more = [[table, start, [row.categories for row in found]] for table, start, found in part]
        for names, kind, data in ((rows, "rows", main), (categories, "categories", more)):
            names.append(f"{kind}-{number}.js")
            (folder / names[-1]).write_text(f"drawbench.{kind}({script_data(data)});\n", encoding="utf-8")
    return rows, categories


def _chunks(views: Sequence[TableView]) -> Iterator[list[tuple[int, int, Sequence[TableRow]]]]:
    """Parts of up to CHUNK rows: (number of the table, first row, rows)."""
    part: list[tuple[int, int, Sequence[TableRow]]] = []
    room = CHUNK
    for number, view in enumerate(views):
        start = 0
        while start < len(view.rows):
            found = view.rows[start : start + room]
            part.append((number, start, found))
            start, room = start + len(found), room - len(found)
            if not room:
                yield part
                part, room = [], CHUNK
    if part:
        yield part


def _best(column: Column) -> str:
    return "high" if "↑" in column.header else "low" if "↓" in column.header else ""


def _key(cell: Cell) -> Key:
    """What a cell is sorted by: its number, a count, a word; None for a missing one."""
    if cell.number is not None and not isinstance(cell.number, HumanPreference):
        return cell.number.value
    try:
        return float(cell.text)
    except ValueError:
        return None if cell.text == "–" else cell.text.casefold()


def _outdated(result: Result) -> list[str]:
    return [f"this table {text}" for text in outdated(result)]
