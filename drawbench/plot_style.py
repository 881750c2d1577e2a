"""What every plot of the suite shares: colours, whiskers, axes, type, resolution."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drawbench.files import atomic_file

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
