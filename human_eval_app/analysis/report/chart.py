"""The paper's bar chart: what raters preferred, per category and question, with 95% intervals, as PNG and SVG."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.plot_style import INK, LINE, NEUTRAL, SERIES, SOFT, STYLE, TITLE, WHISKER, tidy, write_figure
from drawbench.results.scores import OVERALL
from human_eval_app.analysis.records import Analysis, CaptionScore, PairSequence, PairwiseComparison, Rate
from human_eval_app.analysis.report.sheets import SIMULATED, VERSION_NAMES, decision_text, marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue and orange differ for every eye; a pale grey between them, and hatching, also in black and white.
COLOURS = {"a": SERIES[0], "indifferent": NEUTRAL, "b": SERIES[1]}
HATCHES = {"a": "", "indifferent": "", "b": "////"}
BAR = 0.27  # of the distance from one group of bars to the next
GAP = 0.35  # between all votes and the first category
LEAST_GROUPS = 3  # a picture of fewer is as wide
STEP = 20  # percent from one grid line to the next
LETTERS_PER_INCH, HEADING_LETTERS_PER_INCH = 15, 7
LONGEST = 30  # letters of a model's name
WHISKERS = "whiskers: 95% intervals, two-way clustered by prompt and rater; none where unknown"
BAND = "95% interval, valid at any look"
SEQUENCE_NOTE = "each category alike, indifferent counted half; all intervals hold at once for this prompt set"
BARS_STYLE = {**STYLE, "ytick.color": SOFT, "hatch.linewidth": 0.6}


@dataclass(frozen=True)
class Bars:
    """One colour of bars: a key of COLOURS, what the legend calls it, and a rate with its interval per group."""

    key: str
    name: str
    rates: tuple[Rate, ...]


def write_charts(analysis: Analysis, folder: Path) -> list[Path]:
    """Write every chart as SVG and PNG into `folder` and return the paths. Equal analyses give equal files."""
    from matplotlib import rc_context

    paths = []
    with rc_context(BARS_STYLE):  # type: ignore[arg-type]  # plain text is no Literal
        for name, figure in charts(analysis).items():
            paths += write_figure(figure, folder, name)
    return paths


def charts(analysis: Analysis) -> dict[str, "Figure"]:
    """Name -> figure: per version one of each pair of models, or one of caption scores; per pair its sequences."""
    figures = {}
    for version in analysis.versions:
        suffix = "" if version.name == "all" else "-after-exclusions"
        for number, pair in enumerate(version.comparisons, start=1):
            pair_name = f"preferences-{number}" if len(version.comparisons) > 1 else "preferences"
            figures[pair_name + suffix] = comparison_chart(pair, analysis, version.name)
        if version.captions:
            figures["captions" + suffix] = caption_chart(version.captions, analysis, version.name)
    pairs: dict[tuple[str, str], list[PairSequence]] = {}
    for sequence in () if analysis.stopping is None else analysis.stopping.sequences:
        pairs.setdefault((sequence.model_a, sequence.model_b), []).append(sequence)
    for number, sequences in enumerate(pairs.values(), start=1):
        figures[f"known-{number}" if len(pairs) > 1 else "known"] = sequence_chart(sequences, analysis)
    return figures


def comparison_chart(pair: PairwiseComparison, analysis: Analysis, version: str) -> "Figure":
    """Shares of A, indifferent and B of all votes and of each category, one panel per question."""
    questions = list(dict.fromkeys(row.question for row in pair.rows))
    figure, panels = _figure(len(questions), sum(row.average == "micro" for row in pair.rows) // len(questions))
    for panel, question in zip(panels, questions, strict=True):
        rows = [row for row in pair.rows if row.question == question and row.average == "micro"]
        bars = [
            Bars("a", _short(pair.model_a), tuple(row.a for row in rows)),
            Bars("indifferent", "indifferent", tuple(row.indifferent for row in rows)),
            Bars("b", _short(pair.model_b), tuple(row.b for row in rows)),
        ]
        if analysis.type == "coco-photorealism":
            del bars[1]
        labels = [(_group_name(row.scope), f"{row.prompts} prompt{'s' * (row.prompts != 1)}") for row in rows]
        _draw(panel, bars, labels, f"{question}, % of votes")
        if analysis.type == "coco-photorealism":
            panel.axhline(50, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=3)
    _share_axis(panels)
    counts = next(row for row in pair.rows if row.scope == OVERALL)
    said = f"{counts.votes} votes a question by {counts.raters} raters"
    return _finished(figure, panels[0], analysis, (VERSION_NAMES[version], said, WHISKERS))


def caption_chart(rows: Sequence[CaptionScore], analysis: Analysis, version: str) -> "Figure":
    """Shares of yes, somewhat and no about the images of each model and the photographs."""
    figure, panels = _figure(1, len(rows))
    bars = [
        Bars("a", "yes", tuple(row.yes for row in rows)),
        Bars("indifferent", "somewhat", tuple(row.somewhat for row in rows)),
        Bars("b", "no", tuple(row.no for row in rows)),
    ]
    labels = [(row.model, f"{_group_name(row.scope).lower()}, {row.prompts} captions") for row in rows]
    _draw(panels[0], bars, labels, "the caption describes the image, % of votes")
    _share_axis(panels)
    counts = f"{sum(row.votes for row in rows if row.scope == OVERALL)} votes"
    return _finished(figure, panels[0], analysis, (VERSION_NAMES[version], counts, WHISKERS))


def sequence_chart(sequences: Sequence[PairSequence], analysis: Analysis) -> "Figure":
    """How the preferences of one pair of models became known, one panel per question."""
    figure, panels = _figure(len(sequences), 0)
    for panel, each in zip(panels, sequences, strict=True):
        raters = [round_ * each.panels for round_ in range(len(each.mean) + 1)]
        low, mean, high = ([100 * value for value in values] for values in (each.low, each.mean, each.high))
        panel.fill_between(raters, [0, *low], [100, *high], color=COLOURS["a"], alpha=0.2, linewidth=0, label=BAND)
        panel.plot(raters[1:], mean, ".-", color=COLOURS["a"], linewidth=1.5, label="so far")
        panel.axhline(50, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        if each.rounds is not None:
            panel.axvline(each.rounds * each.panels, color=COLOURS["b"], linewidth=1.5, label="decided")
        panel.set_ylim(0, 100)
        tidy(panel, "y")
        title = f"{each.question}: {decision_text(each)}, % for {_short(each.model_a)}"
        panel.set_title(title[:1].upper() + title[1:], loc="left", fontsize=TITLE)
    panels[-1].set_xlabel("raters")
    counts = f"{len(sequences[0].mean) * sequences[0].panels} raters, against {sequences[0].model_b}"
    return _finished(figure, max(panels, key=_entries), analysis, (counts, SEQUENCE_NOTE))


def _entries(panel: "Axes") -> int:
    return len(panel.get_legend_handles_labels()[1])


def _figure(panels: int, groups: int) -> tuple["Figure", list["Axes"]]:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    size = (max(6.4, 1.5 + 0.88 * groups), 1.3 + 2.7 * panels)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, hspace=0.06))
    return figure, list(figure.subplots(panels, 1, squeeze=False)[:, 0])


def _share_axis(panels: Sequence["Axes"]) -> None:
    """Percent from 0 to the same end on all panels: the next grid line above all whiskers."""
    top = STEP * math.ceil(max(panel.dataLim.y1 for panel in panels) / STEP)
    for panel in panels:
        panel.set_yticks(range(0, top + 1, STEP))
        panel.set_ylim(0, top)


def _draw(panel: "Axes", bars: Sequence[Bars], labels: Sequence[tuple[str, str]], title: str) -> None:
    """Groups of bars side by side, the first one apart, with whiskers for intervals."""
    places = [number + (GAP if number else 0.0) for number in range(len(labels))]
    for number, each in enumerate(bars):
        _draw_bars(panel, each, [place + (number - (len(bars) - 1) / 2) * BAR for place in places])
    if len(labels) > 1:
        panel.axvline((places[0] + places[1]) / 2, color=LINE, linewidth=1, zorder=0)
    panel.set_xticks(places, [f"{_folded(name)}\n{count}" for name, count in labels], fontsize=8.5, linespacing=1.3)
    margin = max(0.6, (LEAST_GROUPS - len(labels)) / 2)
    panel.set_xlim(places[0] - margin, places[-1] + margin)
    tidy(panel, "y")
    panel.set_title(title[:1].upper() + title[1:], loc="left", fontsize=TITLE)


def _draw_bars(panel: "Axes", bars: Bars, places: Sequence[float]) -> None:
    from matplotlib.patheffects import withStroke

    colour, hatch = COLOURS[bars.key], HATCHES[bars.key]
    values = [100 * rate.value for rate in bars.rates]
    panel.bar(places, values, BAR, color=colour, hatch=hatch, edgecolor="white", linewidth=0.8, label=bars.name)
    spans = [
        (math.nan, math.nan)
        if rate.interval == "not available"
        else (100 * rate.interval.low, 100 * rate.interval.high)
        for value, rate in zip(values, bars.rates, strict=True)
    ]
    below = [value - low for value, (low, _) in zip(values, spans, strict=True)]
    above = [high - value for value, (_, high) in zip(values, spans, strict=True)]
    whiskers = panel.errorbar(places, values, [below, above], ecolor=INK, **WHISKER)
    for part in (*whiskers.lines[1], *whiskers.lines[2]):  # a pale rim, to be seen on the dark bars
        part.set_path_effects([withStroke(linewidth=2.4, foreground="white", alpha=0.75)])


def _finished(figure: "Figure", panel: "Axes", analysis: Analysis, said: Sequence[str]) -> "Figure":
    """The figure with its legend as a heading, a note below, and a mark across it where the votes are simulated."""
    width = figure.get_figwidth()
    handles, names = panel.get_legend_handles_labels()
    columns = len(names) if sum(map(len, names)) < HEADING_LETTERS_PER_INCH * width else 1
    figure.legend(handles, names, loc="outside upper left", ncols=columns, frameon=False, fontsize=12)
    parts = [*marks(analysis), *said]
    note = textwrap.fill(" · ".join(parts), round(LETTERS_PER_INCH * width), break_on_hyphens=False)
    figure.supxlabel(note, x=0.01, ha="left", fontsize=8.5, color=SOFT)
    if analysis.simulated:
        word, size = SIMULATED.split()[0], 7 * width
        figure.text(0.5, 0.5, word, ha="center", va="center", rotation=18, fontsize=size, color=INK, alpha=0.13)
    return figure


def _group_name(scope: str) -> str:
    return "All votes" if scope == OVERALL else scope[:1].upper() + scope[1:]


def _folded(name: str) -> str:
    return "\n".join(textwrap.wrap(name, 13, break_long_words=False))


def _short(name: str) -> str:
    """A name that leaves room for others: its middle is left out when it is long."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 + 1 :]}"
