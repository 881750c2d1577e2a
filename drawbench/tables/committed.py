"""The tables in the repository: made from the result files by one command, and checked by a test."""

from dataclasses import replace
from pathlib import Path

from drawbench.errors import UserError
from drawbench.files import write_text_atomically
from drawbench.results.published import published_numbers, published_text
from drawbench.tables.layout import Sheet
from drawbench.tables.leaderboard import build_tables
from drawbench.tables.loading import read_shown_result
from drawbench.tables.markup import sheet_markdown
from drawbench.tables.render import sheets_of
from drawbench.tables.upright import upright

BEGIN = "<!-- tables: made by `drawbench leaderboard --write`, do not edit -->"
END = "<!-- tables: end -->"
PAGE = "README.md"
FRONT_TABLE = ("drawbench", "bundled")  # its prompt set and protocol
NOTHING_YET = "No measured results yet."


def render_committed_tables(results_dir: Path) -> dict[Path, str]:
    """The text that every committed table should have now: path -> whole content.

    These are results_dir/README.md (measured and published), results_dir/published.csv (a copy of the package's
    file, for readers of the repository) and, where it has the markers, the README.md of the folder above (scores by
    category of FRONT_TABLE).
    Raises UserError when results_dir/README.md or its markers are missing, or when a result is simulated.
    """
    results = [read_shown_result(path) for path in sorted(results_dir.glob("*.json"))]
    tables = build_tables(results)
    measured = [sheet_markdown(sheet) for sheet in sheets_of(tables)] or [NOTHING_YET]
    everything = [*measured, *(sheet_markdown(sheet) for sheet in sheets_of([], published_numbers()))]
    page, front = results_dir / PAGE, results_dir.parent / PAGE
    texts = {
        page: _between_markers(page, "\n\n".join(everything)),
        results_dir / "published.csv": published_text(),
    }
    if front.is_file() and BEGIN in front.read_text(encoding="utf-8"):
        shown = [t for t in tables if (t.first.prompt_set.name, t.first.protocol.name) == FRONT_TABLE]
        texts[front] = _between_markers(front, "\n\n".join(map(_front_markdown, sheets_of(shown))) or NOTHING_YET)
    return texts


def _front_markdown(sheet: Sheet) -> str:
    """A sheet's first scores by category and cautions; how the numbers were made stands in results/README.md."""
    block = upright((sheet.blocks[1:] or sheet.blocks)[0])
    used = [cell.marks for row in block.rows for cell in row]
    footnotes = tuple((mark, text) for mark, text in sheet.footnotes if any(mark in marks for marks in used))
    cautions = tuple(row for row in sheet.provenance if row[0] == "caution")
    return sheet_markdown(replace(sheet, blocks=(block,), footnotes=footnotes, provenance=cautions))


def stale_tables(results_dir: Path) -> list[Path]:
    """The committed tables that are not what the result files say now."""
    return [
        path
        for path, text in render_committed_tables(results_dir).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def write_committed_tables(results_dir: Path) -> list[Path]:
    """Make the stale ones anew and return their paths."""
    texts = render_committed_tables(results_dir)
    stale = stale_tables(results_dir)
    for path in stale:
        write_text_atomically(path, texts[path])
    return stale


def check_page(results_dir: Path) -> None:
    """Raises UserError when the folder's README.md is there and has no place for the tables."""
    if (results_dir / PAGE).exists():
        _between_markers(results_dir / PAGE, "")


def start_page(results_dir: Path) -> None:
    """Write a README.md with a place for the tables where there is none."""
    if not (results_dir / PAGE).exists():
        write_text_atomically(results_dir / PAGE, f"# Results\n\n{BEGIN}\n{END}\n")


def _between_markers(page: Path, tables: str) -> str:
    """The page with everything between its markers replaced."""
    try:
        text = page.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{page} does not exist: write it, with the lines {BEGIN} and {END} for the tables") from None
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UserError(f"{page} has no place for the tables: add the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"
