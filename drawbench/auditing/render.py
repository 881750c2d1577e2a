"""An audit in the formats of tables."""

import csv
import io
from collections.abc import Iterator

from drawbench.auditing.records import Audit, Bribe, Share
from drawbench.auditing.sheet import PARTS, audit_sheet
from drawbench.tables.data import interval_cells
from drawbench.tables.markup import html_fragment
from drawbench.tables.render import Format, render_sheets
from drawbench.terminal import WIDTH

CSV_FIELDS = ("scorer", "on", "number", "of", "value", "low", "high", "interval_method", "n", "p")
HEADING = "Crash test of scorers"


def render_audit(made: Audit, form: Format = "table", width: int = WIDTH) -> str:
    """The table and the sentences. form: csv and json carry full precision, the others are for reading."""
    if form == "json":
        return made.model_dump_json(indent=2) + "\n"
    if form == "csv":
        return _csv(made)
    return render_sheets([(audit_sheet(made), _sentences(made))], form, HEADING, width)


def audit_fragment(made: Audit) -> str:
    """For notebooks."""
    return html_fragment([audit_sheet(made)], HEADING, _sentences(made))


def _sentences(made: Audit) -> list[str]:
    return [card.sentence for card in made.cards]


def _csv(made: Audit) -> str:
    """A row for each number, in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_FIELDS)
    for scorer, where, number, of, value, found in _numbers(made):
        cells = interval_cells(found.interval)
        writer.writerow([scorer, where, number, of, repr(value), *cells, found.n, repr(found.p)])
    return text.getvalue()


def _numbers(made: Audit) -> Iterator[tuple[str, str, str, str, float, Share | Bribe]]:
    for card in made.cards:
        for where, part, _ in PARTS:
            if tried := part(card):
                yield from ((card.scorer, where, "right", of, each.value, each) for of, each in tried.right.items())
                yield from ((card.scorer, where, "paid", of, each.paid, each) for of, each in tried.bribes.items())
                yield from ((card.scorer, where, "kept", of, each.value, each) for of, each in tried.kept.items())
        if card.guidance:
            yield card.scorer, "drawn scenes", "guidance", "high above low", card.guidance.value, card.guidance
