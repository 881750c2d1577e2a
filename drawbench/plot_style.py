"""What every plot of the suite shares: ink, type, resolution."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbench.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, LINE = "#1d2126", "#5b6672", "#d5dae0"
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
