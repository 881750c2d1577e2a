"""Plots as data: where marks, ticks and labels stand."""

import math
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbench.pages.plots import Point, Scale, curve_plot, dot_plot, round_values
from drawbench.pages.templates import macro, style


def _point(value: float, half: float | None = None, label: str = "") -> Point:
    return Point(value, None if half is None else value - half, None if half is None else value + half, "", label=label)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_round_and_inside(low: float, size: float) -> None:
    values = round_values(low, low + size)
    assert 1 <= len(values) <= 7
    slack = 1e-9 * (abs(low) + size)
    assert all(low - slack <= value <= low + size + slack for value in values)


def test_a_logarithmic_scale_has_its_decades() -> None:
    scale = Scale(0.1, 10, logarithmic=True)
    assert (scale(0.1), scale(1), scale(10)) == (0, 50, 100)
    assert [label for _, label in scale.ticks()] == ["0.1", "0.2", "0.5", "1", "2", "5", "10"]


def test_dots_and_whiskers_stand_on_one_scale_each_series_in_its_lane() -> None:
    rows = [("all", "n = 2", [_point(0.5, 0.1), _point(0.7)]), ("some", "", [None, _point(0.4, 0.2)])]
    plot = dot_plot([("one", 3), ("two", 0)], rows, "score")
    assert plot is not None
    first, second = plot.rows[0].marks
    assert first.low is not None
    assert first.high is not None
    assert first.x - first.low == pytest.approx(first.high - first.x, abs=0.01)
    assert (first.series, second.series, second.low) == (3, 0, None)
    assert first.y < second.y == plot.rows[1].marks[0].y
    assert all(0 <= mark.x <= 100 for row in plot.rows for mark in row.marks)
    assert plot.zero is None
    assert dot_plot([("one", 0)], [("all", "", [None])], "") is None


def test_equal_values_and_a_single_one_are_drawn() -> None:
    for values in ([0.5], [0.5, 0.5], [0.0]):
        plot = dot_plot([("one", 0)], [(str(n), "", [_point(value)]) for n, value in enumerate(values)], "")
        assert plot is not None
        assert all(math.isfinite(mark.x) for row in plot.rows for mark in row.marks)


BOXES = "texts => texts.map(each => each.getBoundingClientRect()).map(b => [b.left, b.right, b.top, b.bottom])"


@pytest.mark.parametrize("width", [320, 390, 1000, 1440])
def test_labels_of_curves_do_not_collide_in_a_browser_and_all_stars_are_seen(browser: Any, width: int) -> None:
    """Three curves from one point on, the third of which goes its own way."""
    points = [(_point(0.2 + 0.01 * n, label=f"{n / 2:g}"), _point(1 + 0.05 * abs(n - 7), 0.1)) for n in range(20)]
    apart = [*points[:8], *((x, _point(y.value + 0.5, 0.1)) for x, y in points[8:])]
    plot = curve_plot([("a", points), ("b", points), ("c", apart)], "x", "y")
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.set_content(f'<style>{style()}</style><main class="drawbench">{macro("plots.html.j2", "curves")(plot)}</main>')
    labels = page.locator(".curves a text, .curves g > g text")
    texts, boxes = labels.all_text_contents(), labels.evaluate_all(BOXES)
    ((left, right, top, bottom),) = page.locator(".frame > svg").evaluate_all(BOXES)
    for a, b, c, d in boxes:
        assert left <= a <= b <= right
        assert top <= c <= d <= bottom
    for (a, b, c, d), (e, f, g, h) in combinations(boxes, 2):
        assert b <= e or f <= a or d <= g or h <= c
    assert texts.count("3.5") == 3  # the best of each curve
    stars = page.locator(".star").evaluate_all(BOXES)  # from the lowest to the one on top
    widths = [b - a for a, b, _, _ in stars]
    assert widths == sorted(widths, reverse=True)
    assert min(a - b for a, b in pairwise(widths)) > 8
    page.close()


def test_an_interval_below_zero_stays_on_a_logarithmic_axis() -> None:
    plot = curve_plot([("a", [(_point(0.1), _point(0.01, 0.02)), (_point(0.2), _point(5.0, 0.1))])], "x", "y")
    assert all(mark.y_low is None or 0 <= mark.y_low <= 100 for mark in plot.curves[0].marks)
