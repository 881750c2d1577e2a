"""One metric over its scopes: a dot with its interval for the whole, then one for each category."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drawbench.plot_style import INK, SOFT, STYLE, TITLE, WHISKER, tidy
from drawbench.results.scores import OVERALL, Interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = 0.32  # inches
SCREEN = 80  # dots per inch


@dataclass(frozen=True)
class Dot:
    """A value over one scope, and its interval or the word that there is none."""

    scope: str
    value: float
    interval: Interval | str


def scope_plot(title: str, dots: Sequence[Dot], *, zero: bool = False) -> "Figure":
    """The dots from above to below, `overall` first; notebooks show it. zero: with a line where nothing differs."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=SCREEN)
            return buffer.getvalue()

    ordered = sorted(dots, key=lambda dot: dot.scope != OVERALL)
    with rc_context(STYLE):  # type: ignore[arg-type]  # plain text is no Literal
        figure = Shown(figsize=(7, 1.1 + ROW * len(ordered)), layout="constrained")
        axes = figure.subplots()
        for place, dot in enumerate(ordered):
            colour = INK if dot.scope == OVERALL else SOFT
            if isinstance(dot.interval, Interval):
                half = [[dot.value - dot.interval.low], [dot.interval.high - dot.value]]
                axes.errorbar(dot.value, place, xerr=half, ecolor=colour, **WHISKER)
            axes.plot(dot.value, place, "o", color=colour, markersize=5)
        if zero:
            axes.axvline(0, color=SOFT, linewidth=1, zorder=0)
        axes.set_yticks(range(len(ordered)), [dot.scope for dot in ordered])
        axes.set_ylim(len(ordered) - 0.5, -0.5)
        tidy(axes, "x")
        axes.set_title(title, loc="left", fontsize=TITLE)
        axes.set_xlabel(
            "95% intervals" + ("" if all(isinstance(d.interval, Interval) for d in dots) else ", where there are any")
        )
    return figure
