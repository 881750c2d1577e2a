"""A comparison as a table for a terminal."""

import math
from collections.abc import Sequence
from pathlib import Path

from drawbench.comparing.compare import ComparedRun, Comparison
from drawbench.comparing.differences import Difference
from drawbench.results.scores import Interval
from drawbench.tables.footnotes import Footnotes
from drawbench.tables.headers import measure_of
from drawbench.tables.layout import Block, Cell, Column, Sheet
from drawbench.tables.leaderboard import in_sentence
from drawbench.tables.text import sheet_text

ITSELF = "A and B are one run, compared with itself"
LEVEL = "95% intervals, each for its row alone: of 20 rows without any difference one will look different"


def comparison_text(comparison: Comparison, width: int) -> str:
    """All differences, one row each, with what must be known about them below."""
    notes = Footnotes()
    columns = (
        Column("Metric", numeric=False),
        Column("Scope", numeric=False),
        Column("n"),
        Column("A"),
        Column("B"),
        Column("A - B"),
        Column("95% interval"),
        Column("In words", numeric=False),
    )
    rows = tuple(_row(each, notes) for each in comparison.differences)
    title = f"{comparison.prompt_set.name}, {comparison.size} px, protocol {comparison.protocol.name}: A against B"
    sheet = Sheet(title, (Block("", columns, rows),), notes.listed(), tuple(provenance(comparison)))
    return sheet_text(sheet, width) + "\n"


def _row(each: Difference, notes: Footnotes) -> tuple[Cell, ...]:
    digits = _digits(each)
    interval = "not available"
    if each.interval != "not available":
        interval = f"[{each.interval.low:+.{digits}f}, {each.interval.high:+.{digits}f}]"
    words = each.verdict
    marks = notes.mark(each.note) if each.note else ""
    return (
        Cell(measure_of(each.metric).arrowed),
        Cell(each.scope),
        Cell(str(each.n)),
        Cell(f"{each.a:.{digits}f}"),
        Cell(f"{each.b:.{digits}f}"),
        Cell(f"{each.difference:+.{digits}f}"),
        Cell(interval),
        Cell(f"{words} {marks}".strip()),
    )


def _digits(each: Difference) -> int:
    return 4 if each.interval == "not available" else decimals_of(each.interval)


def decimals_of(interval: Interval) -> int:
    """Decimals that show two digits of the half width."""
    half = (interval.high - interval.low) / 2
    return 4 if half <= 0 else min(max(1 - math.floor(math.log10(half)), 0), 8)


def provenance(comparison: Comparison) -> Sequence[tuple[str, str]]:
    most = comparison.samples * comparison.prompt_set.n
    part = "" if comparison.complete else ", a part of the set"
    lines = [
        ("A", _run(comparison.a)),
        ("B", _run(comparison.b)),
        ("compared", f"{comparison.images} of {most} images of each run: those that both have{part}"),
    ]
    if comparison.reference:
        count = f", {comparison.reference.n} images" if comparison.reference.n else ""
        lines.append(("references", f"{comparison.reference.name}{count}, fixed"))
    if comparison.left_out:
        lines.append(("left out", "; ".join(f"{name}: {why}" for name, why in comparison.left_out.items())))
    lines.append(("intervals", LEVEL))
    lines += [("caution", note) for note in comparison.notes]
    lines += [("caution", f"A: {note}") for note in comparison.a.notes]
    lines += [("caution", f"B: {note}") for note in comparison.b.notes]
    if Path(comparison.a.path).resolve() == Path(comparison.b.path).resolve():
        lines.append(("caution", f"{ITSELF}: all differences are 0 whatever the model is"))
    elif comparison.a.plan_sha256 == comparison.b.plan_sha256:
        lines.append(("caution", "A and B are runs of one plan: copies, or one model drawn twice"))
    return lines


def _run(run: ComparedRun) -> str:
    refused = f", {run.refusals} refused" if run.refusals else ""
    return f"{in_sentence(run.name)} ({run.path}{refused})"
