"""Two results, an older and a newer one: under what conditions, and how far each number moved."""

from dataclasses import dataclass

from drawbench.results.comparable import differences
from drawbench.results.files import Result
from drawbench.results.scores import OVERALL, Score
from drawbench.tables.footnotes import Footnotes
from drawbench.tables.headers import measure_of
from drawbench.tables.layout import Block, Cell, Column, Sheet
from drawbench.tables.text import sheet_text

UNPAIRED = "intervals are each result's own: whether a difference is noise, `drawbench compare` says of the two runs"


@dataclass(frozen=True)
class Change:
    """One number in both results; None where one of them has it not."""

    metric: str
    scope: str
    old: Score | None
    new: Score | None

    @property
    def facts(self) -> dict[str, object]:
        """For JSON."""
        values = [each.value if each else None for each in (self.old, self.new)]
        moved = None if None in values else self.new.value - self.old.value  # type: ignore[union-attr]
        return {"metric": self.metric, "scope": self.scope, "old": values[0], "new": values[1], "change": moved}


def changes(old: Result, new: Result) -> list[Change]:
    """All numbers that one of them has, in the order of the newer."""
    keys = dict.fromkeys((each.metric, each.scope) for result in (new, old) for each in result.scores)
    return [Change(metric, scope, old.score(metric, scope), new.score(metric, scope)) for metric, scope in keys]


def conditions_differ(old: Result, new: Result) -> list[str]:
    """Why the two do not compare, each in words."""
    models = [f"model ({old.model.name} against {new.model.name})"] if old.model.name != new.model.name else []
    return [*models, *differences(old, new)]


def changes_text(old: Result, new: Result, width: int) -> str:
    """The changes as a table for a terminal."""
    columns = (Column("Metric", numeric=False), Column("Scope", numeric=False), *map(Column, ("old", "new", "change")))
    rows = tuple(_row(each) for each in sorted(changes(old, new), key=lambda each: each.scope != OVERALL))
    notes = [("differs", words) for words in conditions_differ(old, new)]
    title = f"{old.model.name} of {old.date} against {new.model.name} of {new.date}, {new.prompt_set.name}"
    sheet = Sheet(title, (Block("", columns, rows),), Footnotes().listed(), (*notes, ("note", UNPAIRED)))
    return sheet_text(sheet, width) + "\n"


def _row(change: Change) -> tuple[Cell, ...]:
    measure = measure_of(change.metric)
    values = [each.value for each in (change.old, change.new) if each]
    digits = measure.decimals(max(map(abs, values)))
    shown = [f"{each.value:.{digits}f}" if each else "–" for each in (change.old, change.new)]
    moved = f"{change.new.value - change.old.value:+.{digits}f}" if change.old and change.new else "–"
    return tuple(map(Cell, (measure.arrowed, change.scope, *shown, moved)))
