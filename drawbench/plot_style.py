"""What every plot of the suite shares: ink, type, resolution."""

from typing import Any

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
