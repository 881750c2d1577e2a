"""Agreement with people from Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbench.agreement.files import Table, read_table, table_of
from drawbench.agreement.measure import measure_agreement
from drawbench.agreement.plot import agreement_figure
from drawbench.agreement.records import Agreement, Measured
from drawbench.agreement.render import HEADING, render_agreements
from drawbench.agreement.sheet import agreement_sheet
from drawbench.agreement.tables import judgements_of_tables
from drawbench.errors import UserError

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

WIDTH = 120  # letters of a table


@dataclass(frozen=True)
class Agreements:
    """How far metrics side with people. Its text is the command's table.

    agreements: one, or of a study one for each question.
    """

    agreements: tuple[Agreement, ...]

    def __getitem__(self, metric: str | tuple[str, str]) -> Measured:
        """`found["clip_score"]`, of a study `found["clip_score", "alignment"]`. Raises KeyError."""
        name, question = (metric, "") if isinstance(metric, str) else metric
        number = self._on(question).number(name)
        if number is None:
            raise KeyError(f"there is no {name}: there is {', '.join(self._on(question).metrics)}")
        return number

    def to_pandas(self) -> "pandas.DataFrame":
        """A row for each number: question, metric, statistic, scope, value, low, high (NaN: none), n, prompts."""
        import pandas

        rows = []
        for made in self.agreements:
            for each in made.numbers:
                known = each.interval != "not available"
                bounds = {end: getattr(each.interval, end) if known else float("nan") for end in ("low", "high")}
                numbers = each.model_dump(include={"metric", "statistic", "scope", "value"})
                rows.append({"question": made.question, **numbers, **bounds, "n": each.n, "prompts": each.prompts})
        return pandas.DataFrame(rows)

    def plot(self, question: str = "") -> "Figure":
        """Each metric beside chance and raters. Raises KeyError for a question that nobody was asked."""
        return agreement_figure(self._on(question))

    def __str__(self) -> str:
        return render_agreements(self.agreements, width=WIDTH)

    def _repr_html_(self) -> str:
        from drawbench.tables.markup import html_fragment

        said = [each.sentence for each in self.agreements]
        return html_fragment([agreement_sheet(each) for each in self.agreements], HEADING, said)

    def _on(self, question: str) -> Agreement:
        found = [each for each in self.agreements if question in ("", each.question)]
        if len(found) != 1:
            raise KeyError(f"name one of the questions: {', '.join(each.question for each in self.agreements)}")
        return found[0]


def agree(
    ratings: "str | Path | pandas.DataFrame",
    scores: "str | Path | pandas.DataFrame | Sequence[str | Path] | None" = None,
    *,
    votes: str | Path | None = None,
    metrics: Sequence[str] = (),
    lower: Sequence[str] = (),
) -> Agreements:
    """Which metric sides with people: `drawbench agree` and `drawbench study agree` from Python.

    ratings: a file or table of ratings, or a study's folder. scores: the file or table of metrics where they are not in
    that of the ratings; of a study, the runs that it compared. votes: an export of the study's votes, where they are
    not in its database. metrics: those asked for, without all. lower: those of which less is better.
    Raises drawbench.UserError for what the commands refuse.
    """
    if isinstance(ratings, str | Path) and (Path(ratings) / "design.json").is_file():
        if not isinstance(scores, Sequence) or isinstance(scores, str):
            raise UserError(
                f"{ratings} is a study: give the runs that it compared as scores, as a list of two or more."
            )
        (point,) = entry_points(group="drawbench.commands", name="study")
        runs = [Path(each) for each in scores]
        found = point.load().study_agreements(Path(ratings), runs, votes and Path(votes), metrics, lower)
        return Agreements(tuple(found))
    if votes is not None:
        raise UserError(f"votes are those of a study, and {_named(ratings)} is none: leave votes out.")
    if isinstance(scores, Sequence) and not isinstance(scores, str):
        raise UserError("scores of ratings are one file or table: a list of runs belongs to a study's folder.")
    rated, scored = _table(ratings, "ratings"), None if scores is None else _table(scores, "scores")
    return Agreements((measure_agreement(judgements_of_tables(rated, scored, metrics, lower)),))


def _table(given: Any, what: str) -> Table:
    if isinstance(given, str | Path):
        return read_table(Path(given))
    if not hasattr(given, "columns"):
        raise UserError(f"a {type(given).__name__} is no table: give {what} as a file or a DataFrame.")
    return table_of(given, f"the table of {what}", what)


def _named(given: Any) -> str:
    return str(given) if isinstance(given, str | Path) else "a table"
