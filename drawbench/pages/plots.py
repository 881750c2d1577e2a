"""Plots as data: where every mark stands, in percent of the plot's width. `plots.html.j2` draws them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from drawbench.pages.labels import Label, beneath, place_labels

COLOURS = 6  # of series, each with a shape of its own
MARGIN = 0.04  # of the values' range, on both sides
LANE, AROUND = 15, 14  # pixels: from one series to the next in a row, and around them
CURVES_HEIGHT, CURVES_WIDTHS = 360, (200, 724)  # pixels; from the narrowest phone to the widest page
LETTER, LABEL_HEIGHT, BASELINE = 7.5, 14, 4  # pixels of a label; the last from its middle down
MARK, STAR, WIDER = 12, 20, 1.6  # pixels of a mark and a star; how often as wide the next is that shares its place
WIDE = 8  # times the smallest value, from which on an axis is logarithmic


@dataclass(frozen=True)
class Point:
    """A value with its interval (both None where there is none). said: in words. href: where more is told of it."""

    value: float
    low: float | None
    high: float | None
    said: str
    href: str = ""
    hollow: bool = False
    label: str = ""


@dataclass(frozen=True)
class Scale:
    """Values to percent of a length."""

    low: float
    high: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Between 0 at `low` and 100 at `high`."""
        low, high, at = (math.log(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return round(100 * (at - low) / (high - low), 3)

    def ticks(self) -> list[tuple[float, str]]:
        """(percent, label) of round values."""
        values = self._decades() if self.logarithmic else round_values(self.low, self.high)
        return [(self(value), f"{value:g}") for value in values]

    def _decades(self) -> list[float]:
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found = [factor * 10.0**exponent for exponent in exponents for factor in (1, 2, 5)]
        return [value for value in found if self.low <= value <= self.high]


@dataclass(frozen=True)
class Placed:
    """A point in its place: percent across, pixels down; `low` and `high` are the whisker's ends in percent."""

    point: Point
    series: int
    x: float
    y: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class DotRow:
    """One row: a name, what stands below it, its height in pixels, its marks."""

    name: str
    under: str
    height: int
    marks: tuple[Placed, ...]


@dataclass(frozen=True)
class DotPlot:
    """Rows of dots with whiskers on one axis. zero: where 0 stands, if it does."""

    series: tuple[tuple[str, int], ...]  # (name, look)
    rows: tuple[DotRow, ...]
    ticks: list[tuple[float, str]]
    axis: str
    zero: float | None


def dot_plot(
    series: Sequence[tuple[str, int]], rows: Sequence[tuple[str, str, Sequence[Point | None]]], axis: str
) -> DotPlot | None:
    """A plot, or None where there is no point at all.

    series: (name, number of its colour and shape). rows: (name, what stands below it, a point for each series or None).
    """
    points = [point for _, _, row in rows for point in row if point]
    if not points:
        return None
    scale = scale_of(points)
    height = LANE * len(series) + AROUND
    looks = [look % COLOURS for _, look in series]
    placed = [
        DotRow(name, under, height, tuple(_placed(p, lane, looks[lane], scale) for lane, p in enumerate(row) if p))
        for name, under, row in rows
    ]
    zero = scale(0) if scale.low < 0 < scale.high else None
    return DotPlot(tuple(series), tuple(placed), scale.ticks(), axis, zero)


def _placed(point: Point, lane: int, look: int, scale: Scale) -> Placed:
    low, high = (None if end is None else scale(end) for end in (point.low, point.high))
    return Placed(point, look, scale(point.value), AROUND / 2 + LANE * (lane + 0.5), low, high)


def scale_of(points: Sequence[Point]) -> Scale:
    """A scale on which all points and their intervals lie, with a margin."""
    ends = [end for point in points for end in (point.value, point.low, point.high) if end is not None]
    low, high = min(ends), max(ends)
    margin = MARGIN * (high - low) or abs(high) * MARGIN or 1.0
    return Scale(low - margin, high + margin)


def round_values(low: float, high: float, most: int = 6) -> list[float]:
    """Up to `most` + 1 multiples of 1, 2 or 5 times a power of ten within [low, high]."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step)
    count = math.floor(high / step) - first + 1
    return [round((first + number) * step, 12) for number in range(count)]


@dataclass(frozen=True)
class CurveMark:
    """A point of a curve, in percent from the left and the top. star: how often as wide as usual, 0 for none.

    text: pixels from it to the right and down to where its label stands, if there is room.
    """

    x: float
    y: float
    across: Point
    star: float
    text: tuple[float, float] | None
    x_low: float | None
    x_high: float | None
    y_low: float | None
    y_high: float | None


@dataclass(frozen=True)
class DrawnCurve:
    """One line with its marks. path: its points in percent, as SVG takes them."""

    name: str
    series: int
    path: str
    marks: tuple[CurveMark, ...]


@dataclass(frozen=True)
class CurvePlot:
    """Curves of one value over another."""

    curves: tuple[DrawnCurve, ...]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    x_axis: str
    y_axis: str
    height: int = CURVES_HEIGHT

    @property
    def names(self) -> list[tuple[str, int]]:
        """(name, look) of each curve."""
        return [(curve.name, curve.series) for curve in self.curves]


def curve_plot(curves: Sequence[tuple[str, Sequence[tuple[Point, Point]]]], x_axis: str, y_axis: str) -> CurvePlot:
    """curves: (name, (across, up) of each point in order). The smallest `up` of each gets a star, and a label first."""
    across = scale_of([x for _, points in curves for x, _ in points])
    up = _tall_scale([y for _, points in curves for _, y in points])
    lines = [[(across(x.value) / 100, up(y.value) / 100 * CURVES_HEIGHT) for x, y in points] for _, points in curves]
    best = [min(range(len(points)), key=lambda i: (points[i][1].value, -points[i][0].value)) for _, points in curves]
    ends = [(line[i][0] * CURVES_WIDTHS[0], line[i][1]) for line, i in zip(lines, best, strict=True)]
    stars = [WIDER**below for below in beneath(ends, STAR)]
    texts = _texts([[x.label for x, _ in points] for _, points in curves], lines, best, stars)
    drawn = []
    for number, (name, points) in enumerate(curves):
        marks = tuple(
            _curve_mark(x, y, across, up, stars[number] if i == best[number] else 0, texts.get((number, i)))
            for i, (x, y) in enumerate(points)
        )
        drawn.append(DrawnCurve(name, number % COLOURS, " ".join(f"{mark.x},{mark.y}" for mark in marks), marks))
    y_ticks = [(round(100 - at, 3), label) for at, label in up.ticks()]
    return CurvePlot(tuple(drawn), across.ticks(), y_ticks, x_axis, y_axis)


def _texts(
    names: Sequence[Sequence[str]],
    lines: Sequence[Sequence[tuple[float, float]]],
    best: Sequence[int],
    stars: Sequence[float],
) -> dict[tuple[int, int], tuple[float, float]]:
    """(curve, point) -> where its label stands. Of the best points first, then of the ends, then of the others."""
    order = sorted(
        ((number, i) for number, line in enumerate(names) for i, name in enumerate(line) if name),
        key=lambda each: (each[1] != best[each[0]], each[1] not in (0, len(names[each[0]]) - 1)),
    )
    labels = []
    for number, i in order:
        starred = i == best[number]
        gap = (STAR * stars[number] if starred else MARK) / 2 + 2
        labels.append(Label(*lines[number][i], LETTER * len(names[number][i]) + 2, LABEL_HEIGHT, gap, needed=starred))
    placed = place_labels(labels, lines, MARK, CURVES_WIDTHS, CURVES_HEIGHT)
    return {
        each: (round(place[0], 1), round(BASELINE - place[1], 1))
        for each, place in zip(order, placed, strict=True)
        if place
    }


def _tall_scale(points: Sequence[Point]) -> Scale:
    """Logarithmic where only that shows the small values apart."""
    values = [point.value for point in points]
    if 0 < WIDE * min(values) < max(values):
        lows = [point.low for point in points if point.low is not None and point.low > 0]
        highs = [point.high for point in points if point.high is not None]
        return Scale(min([*values, *lows]) / 1.1, max([*values, *highs]) * 1.1, logarithmic=True)
    return scale_of(points)


def _curve_mark(
    x: Point, y: Point, across: Scale, up: Scale, star: float, text: tuple[float, float] | None
) -> CurveMark:
    def end(value: float | None, scale: Scale) -> float | None:
        if value is None:
            return None
        return scale(max(value, scale.low) if scale.logarithmic else value)

    low, high = (end(value, up) for value in (y.low, y.high))
    return CurveMark(
        x=across(x.value),
        y=round(100 - up(y.value), 3),
        across=x,
        star=star,
        text=text,
        x_low=end(x.low, across),
        x_high=end(x.high, across),
        y_low=None if low is None else round(100 - low, 3),
        y_high=None if high is None else round(100 - high, 3),
    )


@dataclass(frozen=True)
class Bar:
    """One bar of shares that make 100: of A, of neither, of B; whiskers belong to the share of A."""

    name: str
    under: str
    a: float
    neither: float
    b: float
    low: float | None
    high: float | None
    said: str
    href: str = ""
