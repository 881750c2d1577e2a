"""What every plot of the suite shares: colours, whiskers, axes, type, resolution."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drawbench.files import atomic_file
from drawbench.pages.labels import Label, place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The light colours and the whiskers of drawbench/pages/tables.css: a plot looks like those of the pages.
INK, SOFT, LINE, NEUTRAL = "#1a1e23", "#58626d", "#dce1e6", "#cdd4db"
SERIES = ("#1d63ad", "#bf5000", "#16785a", "#8a4490", "#7a6a00", "#5a6774")  # --s0 to --s5
TITLE = 11  # points
WHISKER: dict[str, Any] = {"fmt": "none", "elinewidth": 1.2}  # an interval, for `errorbar`: --whisker, in points
BEHIND = 0.45  # --behind: the alpha of whiskers that lie behind curves
DPI = 200
LABEL, MARK = 8, 5  # points: the letters of a label beside a point, and the point's mark
STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.hashsalt": "drawbench",  # the same plot is the same file
}


def tidy(axes: "Axes", grid: Literal["both", "x", "y"]) -> None:
    """A grid behind what is drawn and no frame; where only one axis has values, the other has no ticks."""
    axes.grid(axis=grid, color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if grid != "both":
        axes.spines["left"].set_visible(False)
        axes.tick_params(length=0)


@dataclass(frozen=True)
class PointLabel:
    """What stands beside the point (x, y) of the data. size: of its mark, in points. strong: bold, and needed."""

    text: str
    x: float
    y: float
    size: float = MARK
    strong: bool = False


def write_labels(figure: "Figure", axes: "Axes", labels: Sequence[PointLabel]) -> None:
    """Labels off each other, off all marks of lines and inside of the axes, the first first; some may have no room.

    The axes must have their final place and limits: the figure lays nothing out later.
    """
    if not labels:
        return
    figure.set_layout_engine("none")
    dot, frame = figure.dpi / 72, axes.bbox  # a point in pixels
    written = [
        axes.annotate(
            label.text,
            (label.x, label.y),
            (0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=LABEL,
            color=INK,
            fontweight="bold" if label.strong else "normal",
        )
        for label in labels
    ]

    def places(points: Any) -> list[tuple[float, float]]:
        pixels = axes.transData.transform(points)
        return [((right - frame.x0) / frame.width, up - frame.y0) for right, up in pixels]

    sized = []
    for label, text, point in zip(labels, written, places([(label.x, label.y) for label in labels]), strict=True):
        box = text.get_window_extent()
        gap = (label.size / 2 + 2) * dot
        sized.append(Label(*point, box.width + dot, box.height + dot, gap, label.strong))
    lines = [places(line.get_xydata()) for line in axes.lines]
    placed = place_labels(sized, lines, MARK * dot, (frame.width, frame.width), frame.height)
    for text, offset in zip(written, placed, strict=True):
        if offset is None:
            text.remove()
        else:
            text.xyann = (offset[0] / dot, offset[1] / dot)


def write_figure(figure: "Figure", folder: Path, name: str) -> list[Path]:
    """Write a plot as NAME.svg and NAME.png and return the paths. Equal plots give equal files: none says when."""
    paths = [folder / f"{name}.svg", folder / f"{name}.png"]
    for path, silent in zip(paths, ({"Date": None}, {"Software": None}), strict=True):
        with atomic_file(path) as file, warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Glyph .* missing from font"
            )  # the plot shows a box; names are the user's
            figure.savefig(file, format=path.suffix[1:], dpi=DPI, metadata=silent)
    return paths
