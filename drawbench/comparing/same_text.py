"""A verdict of sameness as a table for a terminal."""

import textwrap

from drawbench.comparing.same import Sameness, Test
from drawbench.comparing.text import provenance
from drawbench.tables.cost import cost_words
from drawbench.tables.footnotes import Footnotes
from drawbench.tables.headers import measure_of
from drawbench.tables.layout import Block, Cell, Column, Sheet
from drawbench.tables.text import sheet_text

WORDS = {
    "same": "SAME: every difference is shown to be within its margin, at 5%.",
    "different": "DIFFERENT: {} shown not to be zero, at 5% for all tests together, and not to be within its margin.",
    "undecided": "UNDECIDED: {} neither shown to be within its margin nor shown not to be zero.",
}
REFUSED = (
    "UNDECIDED: {} samples have an image in one run and were refused in the other. Where both have one, every "
    "difference is shown to be within its margin, at 5%."
)


def sameness_text(found: Sameness, width: int) -> str:
    """The tests, a row each; how far the images are from each other; the verdict."""
    notes = Footnotes()
    names = ("margin", "A", "B", "A - B", "interval", "p within", "p zero")
    columns = (Column("Metric", numeric=False), *map(Column, names), Column("In words", numeric=False))
    rows = tuple(_row(test, notes) for test in found.tests)
    made = found.comparison
    title = f"{made.prompt_set.name}, {made.size} px, protocol {made.protocol.name}: are A and B the same?"
    costs = [(f"cost of {name}", cost_words(run.cost)) for name, run in (("A", made.a), ("B", made.b))]
    once = [("refused once", f"{found.refused_once} samples have an image in one run only")]
    facts = [
        *_pairs(found),
        *(once if found.refused_once else []),
        *costs,
        *(row for row in provenance(made) if row[0] != "intervals"),
    ]
    sheet = Sheet(title, (Block("", columns, rows),), notes.listed(), tuple(facts))
    return f"{sheet_text(sheet, width)}\n\n{textwrap.fill(_verdict(found), width)}\n"


def _row(test: Test, notes: Footnotes) -> tuple[Cell, ...]:
    digits = measure_of(test.metric).decimals(max(abs(test.a), abs(test.b))) + 1
    marks = notes.mark(test.note) if test.note else ""
    needed = f", about {test.prompts_needed} prompts would decide" if test.prompts_needed else ""
    return (
        Cell(measure_of(test.metric).title),
        Cell(f"{test.margin:g}"),
        Cell(f"{test.a:.{digits}f}"),
        Cell(f"{test.b:.{digits}f}"),
        Cell(f"{test.difference:+.{digits}f}"),
        Cell(f"{test.level:.0%} [{test.low:+.{digits}f}, {test.high:+.{digits}f}]"),
        Cell(f"{test.p_within:.2g}"),
        Cell(f"{test.p_zero:.2g}"),
        Cell(f"{test.verdict}{needed} {marks}".strip()),
    )


def _pairs(found: Sameness) -> list[tuple[str, str]]:
    pairs = found.pairs
    all_equal = f"all {pairs.n} pairs are identical"
    apart = f"PSNR {pairs.psnr or 0:.1f} dB over {pairs.n} pairs, {pairs.identical} of them identical"
    lines = [("pixels", all_equal if pairs.psnr is None else apart)]
    if found.refused_once:
        lines.append(("refused once", f"{found.refused_once} samples have an image in one run only"))
    for each in pairs.distances:
        reach = "" if each.interval is None else f", 95% [{each.interval.low:.3g}, {each.interval.high:.3g}]"
        lines.append(("features", f"{each.extractor}: 1 - cosine of a pair {each.value:.3g}{reach}"))
    return lines


def _verdict(found: Sameness) -> str:
    names = [measure_of(test.metric).title for test in found.tests if test.verdict == found.verdict]
    if found.refused_once and not names:
        return REFUSED.format(found.refused_once)
    return WORDS[found.verdict].format(f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'}")
