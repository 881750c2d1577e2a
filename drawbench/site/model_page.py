"""The page of one model: where it stands, and all its results by category."""

from collections.abc import Sequence
from dataclasses import dataclass

from drawbench.pages.plots import DotPlot, dot_plot
from drawbench.report.overview import MOST_ROWS, score_point
from drawbench.report.provenance import Provenance, spec_of
from drawbench.results.files import Result
from drawbench.results.scores import OVERALL, Score
from drawbench.site.entries import Contents, Entry, settings_of
from drawbench.site.tables import TableView
from drawbench.tables.headers import measure_of
from drawbench.tables.layout import ordered
from drawbench.tables.ranks import rank_ranges, rank_words


@dataclass(frozen=True)
class Standing:
    """A model's place in one table: the table's address and cautions, the range of ranks, of how many with a rank."""

    address: str
    cautions: tuple[str, ...]
    rank: str
    of: int


def standings_of(contents: Contents, views: Sequence[TableView]) -> dict[int, Standing]:
    """id of a result of scores -> where it stands."""
    found = {}
    for view, (_, table) in zip(views, contents.scored, strict=True):
        ranked = sum(row.rank is not None for row in table.rows)
        for row, places in zip(table.rows, rank_ranges(table), strict=True):
            standing = Standing(f"index.html#{view.slug}", view.cautions, rank_words(places), ranked)
            found[id(row.result)] = standing
    return found


def card_facts(entry: Entry) -> list[tuple[str, str]]:
    """(name, text) of what is known of the model itself."""
    card = entry.results[0].model
    facts = [
        ("model", spec_of(card)),
        ("revision", card.revision),
        ("weights", card.weights_sha256),
        ("settings", ", ".join(f"{key}={value}" for key, value in sorted(settings_of(entry.results[0]).items()))),
    ]
    return [(name, text) for name, text in facts if text]


def model_plots(result: Result, provenance: Provenance) -> list[DotPlot]:
    """Its metrics that are measured by category and have a better side, in the order of tables."""
    by_metric: dict[str, list[Score]] = {}
    for score in result.scores:
        by_metric.setdefault(score.metric, []).append(score)
    plotted = [m for m, scores in by_metric.items() if len(scores) > 2 and measure_of(m).higher_is_better is not None]
    plots = []
    for metric in ordered(plotted):
        scores = sorted(by_metric[metric], key=lambda score: score.scope != OVERALL)[:MOST_ROWS]
        rows = [
            (score.scope, f"n = {score.n}", [score_point(score, "", _on_page(provenance.address_of(score)))])
            for score in scores
        ]
        plots.append(dot_plot([(measure_of(metric).title, 0)], rows, measure_of(metric).arrowed))
    return [plot for plot in plots if plot]


def _on_page(address: str) -> str:
    return "#" + address.partition("#")[2]
