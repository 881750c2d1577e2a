"""Plots as data: where marks, ticks and labels stand."""

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawbench.pages.plots import (
    CURVES_HEIGHT,
    CURVES_WIDTH,
    LABEL_HEIGHT,
    Point,
    Scale,
    curve_plot,
    dot_plot,
    round_values,
)


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


def test_labels_of_a_curve_do_not_collide_and_the_best_has_its_own() -> None:
    points = [(_point(0.3 + 0.0005 * n, label=str(n)), _point(1 + 0.001 * abs(n - 7), label=str(n))) for n in range(30)]
    plot = curve_plot([("a", points), ("b", points)], "x", "y")
    placed = [
        (mark.x / 100 * CURVES_WIDTH + mark.text[1], mark.y / 100 * CURVES_HEIGHT + mark.text[2], mark.text[0])
        for curve in plot.curves
        for mark in curve.marks
        if mark.text
    ]
    for (x, y, anchor), (other_x, other_y, other_anchor) in combinations(placed, 2):
        assert anchor != other_anchor or abs(x - other_x) >= 20 or abs(y - other_y) >= LABEL_HEIGHT
    (best,) = (mark for mark in plot.curves[0].marks if mark.best)
    assert best.across.label == "7"
    assert best.text


def test_an_interval_below_zero_stays_on_a_logarithmic_axis() -> None:
    plot = curve_plot([("a", [(_point(0.1), _point(0.01, 0.02)), (_point(0.2), _point(5.0, 0.1))])], "x", "y")
    assert all(mark.y_low is None or 0 <= mark.y_low <= 100 for mark in plot.curves[0].marks)
