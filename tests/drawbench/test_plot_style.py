"""Plots look like the pages that they stand beside."""

import re
from importlib.resources import files
from itertools import combinations
from random import Random

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from drawbench.plot_style import BEHIND, DPI, INK, LINE, NEUTRAL, SERIES, SOFT, WHISKER, PointLabel, write_labels


def test_colours_and_whiskers_are_those_of_the_pages() -> None:
    pages = files("drawbench.pages")
    light = pages.joinpath("tables.css").read_text().partition("@media")[0]
    of_pages = dict(re.findall(r"--([a-z0-9]+): ([^;]+);", light))
    assert tuple(of_pages[name] for name in ("ink", "soft", "line", "neutral")) == (INK, SOFT, LINE, NEUTRAL)
    assert tuple(of_pages[f"s{number}"] for number in range(len(SERIES))) == SERIES
    assert (of_pages["whisker"], float(of_pages["behind"])) == (f"{WHISKER['elinewidth']}pt", BEHIND)
    style = pages.joinpath("style.css").read_text()
    assert re.findall(r"(?:whisker|known) {[^}]*stroke-width: ([^;]+);", style) == ["var(--whisker)"] * 2


@pytest.mark.parametrize("seed", range(3))
def test_labels_do_not_overlap_and_stay_inside_of_the_axes(seed: int) -> None:
    random = Random(seed)
    points = [(random.random(), 10 ** random.uniform(-3, 1)) for _ in range(25)]
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.set_yscale("log")
    axes.plot(*zip(*points, strict=True), marker="o")
    figure.draw_without_rendering()
    write_labels(figure, axes, [PointLabel(f"{x:.3g}", x, y, strong=x == points[0][0]) for x, y in points])
    figure.set_dpi(DPI)  # as it is saved
    figure.draw_without_rendering()
    frame = axes.get_window_extent()
    boxes = [text.get_window_extent() for text in axes.texts if isinstance(text, Annotation)]
    assert boxes
    for box in boxes:
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
    assert not [1 for one, other in combinations(boxes, 2) if one.overlaps(other)]
