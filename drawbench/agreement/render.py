"""An agreement in the formats of tables."""

import csv
import io
import textwrap

from drawbench.agreement.records import Agreement
from drawbench.agreement.sheet import agreement_sheet
from drawbench.tables.latex import PREAMBLE, escape_latex, sheet_latex
from drawbench.tables.markup import escape_markdown, html_page, sheet_markdown
from drawbench.tables.render import Format
from drawbench.tables.text import sheet_text
from drawbench.terminal import WIDTH

CSV_FIELDS = ("metric", "statistic", "scope", "value", "low", "high", "interval_method", "n", "prompts")
HEADING = "Agreement with people"


def render_agreement(made: Agreement, form: Format = "table", width: int = WIDTH) -> str:
    """The table and the sentence. form: csv and json carry full precision, the others are for reading."""
    if form == "json":
        return made.model_dump_json(indent=2) + "\n"
    if form == "csv":
        return _csv(made)
    sheet = agreement_sheet(made)
    if form == "markdown":
        return f"{sheet_markdown(sheet)}\n\n{escape_markdown(made.sentence)}\n"
    if form == "latex":
        return f"{PREAMBLE}\n\n{sheet_latex(sheet)}\n\n{escape_latex(made.sentence)}\n"
    if form == "html":
        return html_page([sheet], HEADING, marks=[made.sentence]) + "\n"
    return f"{sheet_text(sheet, width)}\n\n{textwrap.fill(made.sentence, width, break_long_words=False)}\n"


def _csv(made: Agreement) -> str:
    """A row for each number, in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_FIELDS)
    for each in made.numbers:
        bounds = ["not available"] * 3
        if each.interval != "not available":
            bounds = [repr(each.interval.low), repr(each.interval.high), each.interval.method]
        writer.writerow([each.metric, each.statistic, each.scope, repr(each.value), *bounds, each.n, each.prompts])
    return text.getvalue()
