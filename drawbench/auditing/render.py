"""An audit in the formats of tables."""

import csv
import io
import textwrap
from collections.abc import Iterator

from drawbench.auditing.records import Audit, Bribe, MaybeInterval, Share
from drawbench.auditing.sheet import PARTS, audit_sheet
from drawbench.tables.latex import PREAMBLE, escape_latex, sheet_latex
from drawbench.tables.markup import escape_markdown, html_fragment, html_page, sheet_markdown
from drawbench.tables.render import Format
from drawbench.tables.text import sheet_text
from drawbench.terminal import WIDTH

CSV_FIELDS = ("scorer", "on", "number", "of", "value", "low", "high", "interval_method", "n", "p")
HEADING = "Crash test of scorers"


def render_audit(made: Audit, form: Format = "table", width: int = WIDTH) -> str:
    """The table and the sentences. form: csv and json carry full precision, the others are for reading."""
    if form == "json":
        return made.model_dump_json(indent=2) + "\n"
    if form == "csv":
        return _csv(made)
    sheet, said = audit_sheet(made), [card.sentence for card in made.cards]
    if form == "markdown":
        return "\n\n".join([sheet_markdown(sheet), *map(escape_markdown, said)]) + "\n"
    if form == "latex":
        return "\n\n".join([PREAMBLE, sheet_latex(sheet), *map(escape_latex, said)]) + "\n"
    if form == "html":
        return html_page([sheet], HEADING, marks=said) + "\n"
    folded = [textwrap.fill(each, width, break_long_words=False) for each in said]
    return "\n\n".join([sheet_text(sheet, width), *folded]) + "\n"


def audit_fragment(made: Audit) -> str:
    """For notebooks."""
    return html_fragment([audit_sheet(made)], HEADING)


def _csv(made: Audit) -> str:
    """A row for each number, in full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_FIELDS)
    for scorer, where, number, of, value, found in _numbers(made):
        writer.writerow([scorer, where, number, of, repr(value), *_bounds(found.interval), found.n, repr(found.p)])
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


def _bounds(interval: MaybeInterval) -> list[str]:
    if interval == "not available":
        return ["not available"] * 3
    return [repr(interval.low), repr(interval.high), interval.method]
