"""Agreements in the formats of tables: one of ratings, or one for each question of a study."""

import csv
import io
import json
from collections.abc import Sequence

from drawbench.agreement.records import Agreement
from drawbench.agreement.sheet import agreement_sheet
from drawbench.tables.data import interval_cells
from drawbench.tables.render import Format, render_sheets
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
    return render_sheets([(agreement_sheet(each), [each.sentence]) for each in made], form, HEADING, width)


def _csv(made: Sequence[Agreement]) -> str:
    """A row for each number, in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    several = bool(made[0].question)
    writer.writerow((QUESTION, *CSV_FIELDS) if several else CSV_FIELDS)
    for one in made:
        for each in one.numbers:
            cells = interval_cells(each.interval)
            row = [each.metric, each.statistic, each.scope, repr(each.value), *cells, each.n, each.prompts]
            writer.writerow([one.question, *row] if several else row)
    return text.getvalue()
