"""Agreements in the formats of tables: one of ratings, or one for each question of a study."""

import csv
import io
import json
import textwrap
from collections.abc import Sequence

from drawbench.agreement.records import Agreement
from drawbench.agreement.sheet import agreement_sheet
from drawbench.tables.latex import PREAMBLE, escape_latex, sheet_latex
from drawbench.tables.markup import escape_markdown, html_page, sheet_markdown
from drawbench.tables.render import Format
from drawbench.tables.text import sheet_text
from drawbench.terminal import WIDTH

QUESTION = "question"  # the first field, where there are several
CSV_FIELDS = ("metric", "statistic", "scope", "value", "low", "high", "interval_method", "n", "prompts")
HEADING = "Agreement with people"


def render_agreements(made: Sequence[Agreement], form: Format = "table", width: int = WIDTH) -> str:
    """The tables and the sentences. form: csv and json carry full precision, the others are for reading.

    json: one object, or of a study a list with one for each question.
    """
    if form == "json":
        dumped = [each.model_dump(mode="json") for each in made]
        return json.dumps(dumped if made[0].question else dumped[0], indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        return _csv(made)
    if form == "html":
        return (
            html_page([agreement_sheet(each) for each in made], HEADING, marks=[each.sentence for each in made]) + "\n"
        )
    parts = [_part(each, form, width) for each in made]
    return (f"{PREAMBLE}\n\n" if form == "latex" else "") + "\n\n".join(parts)


def _part(made: Agreement, form: Format, width: int) -> str:
    """One table and its sentence."""
    sheet = agreement_sheet(made)
    if form == "markdown":
        return f"{sheet_markdown(sheet)}\n\n{escape_markdown(made.sentence)}\n"
    if form == "latex":
        return f"{sheet_latex(sheet)}\n\n{escape_latex(made.sentence)}\n"
    return f"{sheet_text(sheet, width)}\n\n{textwrap.fill(made.sentence, width, break_long_words=False)}\n"


def _csv(made: Sequence[Agreement]) -> str:
    """A row for each number, in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    several = bool(made[0].question)
    writer.writerow((QUESTION, *CSV_FIELDS) if several else CSV_FIELDS)
    for one in made:
        for each in one.numbers:
            bounds = ["not available"] * 3
            if each.interval != "not available":
                bounds = [repr(each.interval.low), repr(each.interval.high), each.interval.method]
            row = [each.metric, each.statistic, each.scope, repr(each.value), *bounds, each.n, each.prompts]
            writer.writerow([one.question, *row] if several else row)
    return text.getvalue()
