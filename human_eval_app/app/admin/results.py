"""Which model won: the analysis, for the admin page after the study is closed."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from drawbench.errors import UserError
from drawbench.records import Record
from human_eval_app.store.records import VoteRow
from human_eval_app.study.design import Design


class Results(Record):
    """The analysis. charts: SVG; tables: titles and HTML; problem: why there is neither, or empty."""

    charts: tuple[str, ...]
    tables: tuple[tuple[str, str], ...]
    problem: str = ""


def results(design: Design, votes: Iterable[VoteRow]) -> Results:
    """Every number that `drawbench study analyse` has about the votes so far."""
    from drawbench.tables.markup import sheet_html
    from human_eval_app.analysis.analyse import analyse
    from human_eval_app.analysis.report.chart import write_charts
    from human_eval_app.analysis.report.sheets import sheets
    from human_eval_app.analysis.votes import check_votes, rows_of

    try:
        analysis = analyse(design, check_votes(rows_of(votes), design))
    except UserError as error:
        return Results(charts=(), tables=(), problem=str(error))
    with TemporaryDirectory() as folder:
        paths = write_charts(analysis, Path(folder))
        charts = tuple(path.read_text(encoding="utf-8") for path in paths if path.suffix == ".svg")
    tables = tuple((sheet.title, sheet_html(replace(sheet, title=""), 3)) for sheet in sheets(analysis))
    return Results(charts=charts, tables=tables)
