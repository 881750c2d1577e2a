"""What the first page shows: tables, plots and sentences, each number with the way to its provenance."""

from collections.abc import Sequence
from dataclasses import dataclass

from drawbench.comparing.compare import Comparison
from drawbench.comparing.text import decimals_of
from drawbench.pages.plots import Bar, CurvePlot, DotPlot, Point, curve_plot, dot_plot
from drawbench.report.findings import headline_metrics
from drawbench.report.provenance import Provenance
from drawbench.report.sources import Sources
from drawbench.results.files import HumanPreference, Result
from drawbench.results.scores import OVERALL, Interval, Score
from drawbench.sweeps.pareto_plot import curves
from drawbench.tables.headers import measure_of
from drawbench.tables.layout import Sheet, format_interval, format_number, metrics_of
from drawbench.tables.leaderboard import LeaderboardTable, build_tables
from drawbench.tables.markup import sheet_html
from drawbench.tables.render import sheets_of
from metrics.alignment import NOT_MEASURABLE

MOST_ROWS = 60  # of a plot; the provenance has all


@dataclass(frozen=True)
class TableView:
    """A table of scores as HTML, and its metrics by category as plots."""

    html: str
    plots: tuple[DotPlot, ...]


@dataclass(frozen=True)
class PairRow:
    """One paired difference: names, the numbers in words, whether it is more than noise. category: empty of all."""

    category: str
    a: str
    b: str
    difference: str
    interval: str
    n: int
    words: str
    clear: bool
    href: str


@dataclass(frozen=True)
class PairTable:
    """The differences of all pairs in one metric. headline: a distance or CLIP score, which sentences are about."""

    title: str
    headline: bool
    rows: tuple[PairRow, ...]
    by_category: tuple[PairRow, ...]


@dataclass(frozen=True)
class HumanView:
    """One study of two models: bars for each question, or for a caption study its table alone."""

    title: str
    simulated: bool
    names: tuple[str, str]
    questions: tuple[tuple[str, tuple[Bar, ...]], ...]


def table_views(sources: Sources, provenance: Provenance) -> list[TableView]:
    """All tables of the runs' scores."""
    drawn: set[object] = set()
    return [_table_view(table, sources, provenance, drawn) for table in sources.tables]


def _table_view(table: LeaderboardTable, sources: Sources, provenance: Provenance, drawn: set[object]) -> TableView:
    """drawn: what earlier tables have shown; two protocols may share a metric, which is plotted once."""
    (sheet,) = sheets_of([table])
    plots = []
    for metric in _plotted(table):
        numbers = [(row.label, s.scope, s.value) for row in table.rows for s in row.result.scores if s.metric == metric]
        mark = (table.first.prompt_set.sha256, metric, frozenset(numbers))
        plots += [] if mark in drawn else [category_plot(table, metric, sources, provenance)]
        drawn.add(mark)
    whole = sheet if len(table.rows) == 1 else _without_categories(sheet)
    html = sheet_html(whole, 3, provenance.address_of, folded=True)
    return TableView(html, tuple(plot for plot in plots if plot))


def _without_categories(sheet: Sheet) -> Sheet:
    """A plot shows the categories of several models, and the provenance tells their numbers."""
    return Sheet(sheet.title, sheet.blocks[:1], sheet.footnotes, sheet.provenance)


def _plotted(table: LeaderboardTable) -> list[str]:
    """Metrics that are measured by category and have a better side."""
    scopes = {(score.metric, score.scope) for row in table.rows for score in row.result.scores}
    return [
        metric
        for metric in metrics_of(table)
        if measure_of(metric).higher_is_better is not None
        and sum(name == metric and scope != OVERALL for name, scope in scopes) > 1
    ]


def category_plot(table: LeaderboardTable, metric: str, sources: Sources, provenance: Provenance) -> DotPlot | None:
    """One metric of all rows of a table: overall, then the categories, up to MOST_ROWS in all."""
    results = [row.result for row in table.rows]
    labels = [sources.run_of(result).label for result in results]
    scopes = dict.fromkeys(score.scope for result in results for score in result.scores if score.metric == metric)
    rows = []
    for scope in list(scopes)[:MOST_ROWS]:
        scores = [result.score(metric, scope) for result in results]
        counts = sorted({score.n for score in scores if score})
        points = [
            score_point(score, f"{label}, ", provenance.address_of(score)) if score else None
            for score, label in zip(scores, labels, strict=True)
        ]
        rows.append((scope, f"n = {'–'.join(map(str, (counts[0], counts[-1])[: len(counts)]))}", points))
    return dot_plot([(label, sources.look(label)) for label in labels], rows, measure_of(metric).arrowed)


def score_point(score: Score, name: str, href: str) -> Point:
    """A score in a plot, hollow where the scorer tells nothing. name: what it is of, before its scope."""
    dumb = NOT_MEASURABLE in score.note
    said = f"{name}{score.scope}: {value_words(score)}" + (f", {NOT_MEASURABLE}" if dumb else "")
    return Point(score.value, *ends(score.interval), said, href, dumb)


def value_words(score: Score) -> str:
    """`0.8177 ±0.0111, n = 200`."""
    decimals = measure_of(score.metric).decimals(abs(score.value))
    value = format_number(score.value, decimals)
    if isinstance(score.interval, str):
        return f"{value}, interval not available, n = {score.n}"
    return f"{value} {format_interval(score.value, score.interval, decimals)}, n = {score.n}"


def ends(interval: Interval | str) -> tuple[float | None, float | None]:
    """Of an interval, or None twice."""
    return (None, None) if isinstance(interval, str) else (interval.low, interval.high)


def pair_tables(comparisons: Sequence[Comparison], provenance: Provenance) -> list[PairTable]:
    """The differences of all pairs, metric by metric, of each set and protocol."""
    groups: dict[tuple[str, str, str], list[PairRow]] = {}
    parts: dict[tuple[str, str, str], list[PairRow]] = {}
    told: dict[object, tuple[str, str, str]] = {}  # two protocols may share a metric, which is shown once
    for comparison in comparisons:
        for each in comparison.differences:
            if measure_of(each.metric).higher_is_better is None:
                continue
            decimals = 4 if isinstance(each.interval, str) else decimals_of(each.interval)
            interval = (
                "not available"
                if isinstance(each.interval, str)
                else f"[{each.interval.low:+.{decimals}f}, {each.interval.high:+.{decimals}f}]"
            )
            clear = each.verdict in ("A is higher", "B is higher") and NOT_MEASURABLE not in each.note
            name = comparison.a.name if each.verdict == "A is higher" else comparison.b.name
            words = f"{name} is higher" if each.verdict.endswith("higher") else each.verdict
            words += f", {NOT_MEASURABLE}" if NOT_MEASURABLE in each.note else ""
            row = PairRow(
                "" if each.scope == OVERALL else each.scope,
                comparison.a.name,
                comparison.b.name,
                f"{each.difference:+.{decimals}f}",
                interval,
                each.n,
                words,
                clear,
                provenance.address_of(each),
            )
            key = (comparison.prompt_set.name, comparison.protocol.name, each.metric)
            numbers = (key[0], key[2], each.scope, row.a, row.b, each.a, each.b, each.n)
            if told.setdefault(numbers, key) != key:
                continue
            (groups if each.scope == OVERALL else parts).setdefault(key, []).append(row)
    headlines = {(c.prompt_set.name, c.protocol.name, metric) for c in comparisons for metric in headline_metrics(c)}
    return [
        PairTable(
            f"{measure_of(key[2]).arrowed} on {key[0]}, protocol {key[1]}",
            key in headlines,
            tuple(rows),
            tuple(parts.get(key, ())),
        )
        for key, rows in groups.items()
    ]


def sweep_view(sources: Sources, provenance: Provenance) -> CurvePlot | None:
    """The FID-CLIP curves of a sweep; None where there is no sweep, or no distance in it."""
    drawn = curves(sources.sweep.points) if sources.sweep else []
    if not drawn:
        return None
    lines = []
    for curve in drawn:
        points = []
        for each in curve.points:
            setting = f"guidance {each.label}" if each.label else curve.name
            title = measure_of(each.distance.metric).title
            said = f"{setting}: CLIP score {value_words(each.clip)}; {title} {value_words(each.distance)}"
            href = provenance.address_of(each.distance)
            across = Point(each.clip.value, *ends(each.clip.interval), said, href, label=each.label)
            points.append((across, Point(each.distance.value, *ends(each.distance.interval), said, href)))
        lines.append((curve.name, points))
    distance = measure_of(drawn[0].points[0].distance.metric)
    return curve_plot(lines, "CLIP score, higher is better →", f"{distance.title}, lower is better ↓")


def human_views(results: Sequence[Result], provenance: Provenance) -> list[HumanView]:
    """Bars of what raters preferred, overall and by category, for each two models."""
    views = []
    for result in results:
        if not result.human:
            continue
        questions = tuple(
            (question, tuple(_bar(each, provenance) for each in result.human if _is_shown(each, question)))
            for question in dict.fromkeys(each.question for each in result.human)
        )
        study = result.study.name if result.study else ""
        title = f"{result.model.name} against {result.against} ({study})"
        views.append(HumanView(title, result.kind == "simulated", (result.model.name, result.against), questions))
    return views


def caption_tables(results: Sequence[Result], provenance: Provenance) -> list[str]:
    """Tables of what people said of captions, as HTML: studies that compare no two models."""
    sheets = sheets_of(build_tables([result for result in results if not result.human]))
    return [sheet_html(sheet, 3, provenance.address_of, folded=True) for sheet in sheets]


def _is_shown(each: HumanPreference, question: str) -> bool:
    return each.question == question and (each.average == "micro" or each.scope != OVERALL)


def _bar(each: HumanPreference, provenance: Provenance) -> Bar:
    low, high = ends(each.interval)
    interval = "interval not available" if low is None or high is None else f"[{100 * low:.1f}, {100 * high:.1f}]"
    shares = f"{100 * each.a:.1f}% {interval} A, {100 * each.indifferent:.1f}% indifferent, {100 * each.b:.1f}% B"
    return Bar(
        "all votes" if each.scope == OVERALL else each.scope,
        f"{each.votes} votes",
        round(100 * each.a, 2),
        round(100 * each.indifferent, 2),
        round(100 * each.b, 2),
        None if low is None else round(100 * low, 2),
        None if high is None else round(100 * high, 2),
        f"{each.scope}: {shares}",
        provenance.address_of(each),
    )
