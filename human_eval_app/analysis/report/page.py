"""An analysis as a folder: numbers, tables, pictures and result files, each saying how it was made."""

from pathlib import Path

from drawbench.errors import UserError
from drawbench.files import atomic_folder, write_text_atomically, writing
from drawbench.results.files import write_result
from drawbench.tables.markup import escape_markdown, sheet_markdown
from drawbench.tables.markup import html_page as tables_page
from human_eval_app.analysis.records import Analysis
from human_eval_app.analysis.report.chart import write_charts
from human_eval_app.analysis.report.sheets import marks, sheets
from human_eval_app.analysis.report.study_results import study_results
from human_eval_app.study.design import Design

NUMBERS = "analysis.json"
MARKDOWN = "README.md"
HTML = "index.html"
CHARTS = "charts"
RESULTS = "results"
ENTRIES = {NUMBERS, MARKDOWN, HTML, CHARTS, RESULTS}


def write_analysis(design: Design, analysis: Analysis, out: Path) -> Path:
    """Write everything into the folder `out`, in the place of an older analysis, and return its HTML page.

    The folder appears whole or not at all. Raises UserError when `out` holds something else, or cannot be written.
    """
    _check_replaceable(out)
    with writing(out, "name another folder with --out"), atomic_folder(out, replace=True) as staged:
        _fill(design, analysis, staged.path)
    return out / HTML


def markdown_page(analysis: Analysis, charts: list[str]) -> str:
    """The analysis as Markdown. charts: paths of the pictures, beside the page."""
    parts = [f"# {escape_markdown(analysis.study)}", *(f"**{escape_markdown(mark)}**" for mark in marks(analysis))]
    parts += [f"![Shares of votes with intervals]({chart})" for chart in charts]
    return "\n\n".join([*parts, *(sheet_markdown(sheet, 2) for sheet in sheets(analysis))]) + "\n"


def html_page(analysis: Analysis, charts: list[str]) -> str:
    """The analysis as one HTML page that loads nothing but the pictures beside it."""
    shown = "Shares of votes as bars with intervals; the tables hold them"
    return tables_page(sheets(analysis), analysis.study, marks(analysis), [(chart, shown) for chart in charts])


def _check_replaceable(out: Path) -> None:
    """Raise UserError unless `out` is absent, empty, or an analysis and nothing else."""
    elsewhere = "give a new folder with --out, or move it away"
    if not out.exists():
        return
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    if not out.is_dir() or (names and NUMBERS not in names):
        raise UserError(f"{out} is there and is no analysis: {elsewhere}.")
    if others := sorted(names - ENTRIES):
        raise UserError(f"{out} holds {others[0]}, which is no part of an analysis and would be lost: {elsewhere}.")


def _fill(design: Design, analysis: Analysis, folder: Path) -> None:
    (folder / CHARTS).mkdir()
    pictures = [f"{CHARTS}/{path.name}" for path in write_charts(analysis, folder / CHARTS) if path.suffix == ".svg"]
    write_text_atomically(folder / NUMBERS, analysis.model_dump_json(indent=1) + "\n")
    write_text_atomically(folder / MARKDOWN, markdown_page(analysis, pictures))
    write_text_atomically(folder / HTML, html_page(analysis, pictures))
    for result in study_results(design, analysis):
        write_result(result, folder / RESULTS)
