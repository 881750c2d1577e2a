"""The agreement of each metric with people: a dot with its interval, beside chance and what raters reach."""

from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.agreement.records import ONE_WITH_ANOTHER, Agreement, Measured
from drawbench.agreement.words import on_question
from drawbench.plot_style import INK, LINE, NEUTRAL, SERIES, SOFT, STYLE, TITLE, WHISKER, tidy, write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.3  # inches
CHANCE = 50
NAME = "agreement"
SMALL = 8.5  # points


def write_plot(made: Agreement, folder: Path) -> list[Path]:
    """Write agreement.svg and agreement.png, or agreement-QUESTION's, and return their paths.

    Equal agreements give equal files.
    """
    from matplotlib import rc_context

    with rc_context(STYLE):  # type: ignore[arg-type]  # plain text is no Literal
        return write_figure(agreement_figure(made), folder, f"{NAME}-{made.question}" if made.question else NAME)


def agreement_figure(made: Agreement) -> "Figure":
    """The metrics from above to below, the most agreeing first; what is above chance stands in colour."""
    from matplotlib.figure import Figure

    rows = [number for metric in made.metrics if (number := made.number(metric))]
    above = {each.metric for each in made.chance if each.verdict == "above"}
    figure = Figure(figsize=(7.2, 1.35 + ROW * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for place, number in enumerate(rows):
        _draw(axes, place, number, SERIES[0] if number.metric in above else SOFT)
    axes.axvline(CHANCE, color=SOFT, linewidth=1, zorder=0)
    _write_top(axes, CHANCE, f"chance {CHANCE}")
    raters = made.number(ONE_WITH_ANOTHER)
    if raters:
        _draw_raters(axes, raters)
    axes.set_yticks(range(len(rows)), [number.metric for number in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    tidy(axes, "x")
    axes.set_title(f"Agreement with people{on_question(made)}: {made.source}", loc="left", fontsize=TITLE, pad=18)
    known = "" if all(number.interval != "not available" for number in rows) else ", where there are any"
    axes.set_xlabel(f"% of the {made.decided:,} pairs that people decide; 95% intervals over prompts{known}")
    return figure


def _draw(axes: "Axes", place: int, number: Measured, colour: str) -> None:
    """A dot, its whisker, and at the right its value, below the values of the rows before."""
    value = 100 * number.value
    if number.interval != "not available":
        half = [[value - 100 * number.interval.low], [100 * number.interval.high - value]]
        axes.errorbar(value, place, xerr=half, ecolor=colour, **WHISKER)
    axes.plot(value, place, "o", color=colour, markersize=5)
    axes.annotate(
        f"{value:.1f}",
        (1, place),
        xycoords=axes.get_yaxis_transform(),
        xytext=(30, 0),
        textcoords="offset points",
        ha="right",
        va="center_baseline",
        color=INK,
    )


def _draw_raters(axes: "Axes", raters: Measured) -> None:
    """What one rater reaches, as a line in its interval."""
    value = 100 * raters.value
    if raters.interval != "not available":
        axes.axvspan(100 * raters.interval.low, 100 * raters.interval.high, color=LINE, zorder=-1, linewidth=0)
    axes.axvline(value, color=NEUTRAL, linewidth=1.4, zorder=0)
    _write_top(axes, value, f"one rater with another {value:.1f}")


def _write_top(axes: "Axes", value: float, text: str) -> None:
    axes.annotate(
        text,
        (value, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        fontsize=SMALL,
        color=SOFT,
    )
