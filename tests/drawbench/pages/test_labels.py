"""Labels of points: they never overlap, and stay inside, at every width."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawbench.pages.labels import Label, Place, beneath, place_labels

HEIGHT, MARK = 200.0, 8.0
_shares = st.floats(0, 1)
_points = st.tuples(_shares, st.floats(0, HEIGHT))
_lines = st.lists(st.lists(_points, min_size=1, max_size=9), min_size=1, max_size=4)
_widths = st.tuples(st.floats(30, 300), st.floats(1, 5)).map(lambda each: (each[0], each[0] * each[1]))


def _labels(lines: list[list[Place]], size: float) -> list[Label]:
    points = [point for line in lines for point in line]
    return [Label(*point, size * (1 + i % 3), size, 7.0, needed=i < 2) for i, point in enumerate(points)]


@settings(deadline=None)
@given(_lines, _widths, st.floats(4, 30), _shares)
def test_no_two_overlap_and_none_leaves_the_plot_at_any_width(
    lines: list[list[Place]], widths: tuple[float, float], size: float, between: float
) -> None:
    labels = _labels(lines, size)
    placed = place_labels(labels, lines, MARK, widths, HEIGHT)
    width = widths[0] + between * (widths[1] - widths[0])
    boxes = [
        (label, label.across * width + place[0], label.up + place[1])
        for label, place in zip(labels, placed, strict=True)
        if place
    ]
    slack = 1e-6
    for label, x, y in boxes:
        assert label.width / 2 - slack <= x <= width - label.width / 2 + slack
        assert label.height / 2 - slack <= y <= HEIGHT - label.height / 2 + slack
        marks = [(across * width, up) for line in lines for across, up in line]
        covered = [
            abs(x - a) < (label.width + MARK) / 2 - slack and abs(y - b) < (label.height + MARK) / 2 - slack
            for a, b in marks
        ]
        assert label.needed or not any(covered)
    for (one, x, y), (other, a, b) in combinations(boxes, 2):
        apart = abs(x - a) >= (one.width + other.width) / 2 - slack
        assert apart or abs(y - b) >= (one.height + other.height) / 2 - slack


def test_a_label_keeps_off_lines_and_marks() -> None:
    label = Label(0.5, 100, 20, 10, 6)
    place = [(0.5, 100.0)]
    assert place_labels([label], [place], 4, (200, 200), HEIGHT) == [pytest.approx((13.6, 8.6))]
    rising = [*place, (1.0, 190.0)]
    assert place_labels([label], [rising], 4, (200, 200), HEIGHT) == [pytest.approx((-13.6, 8.6))]
    around = [[(0.5 + x, 100.0 + y)] for x in (-0.07, 0, 0.07) for y in (-9.0, 0.0, 9.0)]
    assert place_labels([label], around, 4, (200, 200), HEIGHT) == [None]


def test_marks_that_share_a_place_are_counted() -> None:
    assert beneath([(0, 0), (3, 3), (50, 0), (2, 0), (50, 9)], 5) == [0, 1, 0, 2, 0]


def test_a_round_mark_leaves_room_at_its_own_corner() -> None:
    label = Label(0.5, 50, 10, 14, gap=8)
    assert place_labels([label], [[(0.5, 50)]], 12, (200, 724), HEIGHT) == [pytest.approx((9.8, 11.8))]
