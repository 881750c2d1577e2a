"""Cards side by side: dots with their intervals, what is right beside what pays."""

from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.auditing.changes import BRIBES
from drawbench.auditing.examples import KINDS
from drawbench.auditing.records import Audit
from drawbench.plot_style import SERIES, SOFT, STYLE, TITLE, WHISKER, tidy, write_figure
from drawbench.results.scores import MaybeInterval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.1  # inches, of one scorer in one line
CHANCE = 50
NAME = "audit"
Number = tuple[float, MaybeInterval]


def write_plot(made: Audit, folder: Path) -> list[Path]:
    """Write audit.svg and audit.png and return their paths; equal audits give equal files."""
    from matplotlib import rc_context

    with rc_context(STYLE):  # type: ignore[arg-type]  # plain text is no Literal
        return write_figure(audit_figure(made), folder, NAME)


def audit_figure(made: Audit) -> "Figure":
    """Of drawn scenes: kinds on the left, bribes on the right, one colour a scorer."""
    from matplotlib.figure import Figure

    lines = max(len(KINDS), len(BRIBES))
    figure = Figure(figsize=(9.4, 1.5 + lines * (0.16 + ROW * len(made.cards))), layout="constrained")
    right, pays = figure.subplots(1, 2)
    for place, card in enumerate(made.cards):
        shares = {kind: (each.value, each.interval) for kind, each in card.scenes.right.items()}
        paid = {bribe: (each.paid, each.interval) for bribe, each in card.scenes.bribes.items()}
        colour, offset = SERIES[place % len(SERIES)], (place - (len(made.cards) - 1) / 2) * 0.75 / len(made.cards)
        _draw(right, list(KINDS), shares, offset, colour, card.scorer)
        _draw(pays, list(BRIBES), paid, offset, colour, "")
    _finish(right, list(KINDS), CHANCE, "Right image marked above the wrong one", "%; chance is 50")
    _finish(pays, list(BRIBES), 0, "What a bribe of the wrong image pays", "points; it should pay none")
    right.set_xlim(-3, 103)
    figure.legend(loc="outside lower center", ncols=min(len(made.cards), 6), frameon=False)
    return figure


def _draw(axes: "Axes", names: list[str], numbers: dict[str, Number], offset: float, colour: str, label: str) -> None:
    for place, name in enumerate(names):
        if name not in numbers:
            continue
        value, interval = numbers[name]
        if interval != "not available":
            half = [[100 * (value - interval.low)], [100 * (interval.high - value)]]
            axes.errorbar(100 * value, place + offset, xerr=half, ecolor=colour, **WHISKER)
        axes.plot(100 * value, place + offset, "o", color=colour, markersize=4)
    if label:
        axes.plot([], [], "o", color=colour, markersize=4, label=label)


def _finish(axes: "Axes", names: list[str], neutral: float, title: str, unit: str) -> None:
    axes.axvline(neutral, color=SOFT, linewidth=1, zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    tidy(axes, "x")
    axes.set_title(title, loc="left", fontsize=TITLE)
    axes.set_xlabel(f"{unit}; 95% intervals over trials")
