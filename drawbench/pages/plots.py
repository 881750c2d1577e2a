"""Plots as data: where every mark stands, in percent of the plot's width. `plots.html.j2` draws them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

COLOURS = 6  # of series, each with a shape of its own
MARGIN = 0.04  # of the values' range, on both sides
LANE, AROUND = 15, 14  # pixels: from one series to the next in a row, and around them
CURVES_HEIGHT, CURVES_WIDTH = 360, 720  # pixels; the width that labels are placed for
LABEL_WIDTH, LABEL_HEIGHT = 26, 13
CORNERS = (("start", 9, -7), ("end", -9, -7), ("start", 9, 16), ("end", -9, 16))  # of a label: anchor, pixels off
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
    """A point of a curve, in percent from the left and the top. best: the star. text: (anchor, dx, dy) of its label."""

    x: float
    y: float
    across: Point
    best: bool
    text: tuple[str, int, int] | None
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


@dataclass
class _Labels:
    """Where marks and labels stand already, in pixels of a plot of the usual width."""

    marks: list[tuple[float, float]]
    taken: list[tuple[float, float]] = field(default_factory=list)

    def place(self, x: float, y: float, needed: bool) -> tuple[str, int, int] | None:
        """The first of four corners around a mark (percent) that is free; none: the first where one is needed."""
        across, down = x * CURVES_WIDTH / 100, y * CURVES_HEIGHT / 100
        for anchor, dx, dy in CORNERS:
            side = LABEL_WIDTH / 2 if anchor == "start" else -LABEL_WIDTH / 2
            middle = (across + dx + side, down + dy - LABEL_HEIGHT / 3)
            if _free(middle, self.marks, 0.7) and _free(middle, self.taken, 1):
                self.taken.append(middle)
                return anchor, dx, dy
        return CORNERS[0] if needed else None


def _free(place: tuple[float, float], others: Sequence[tuple[float, float]], share: float) -> bool:
    """Whether a label is so far from others. share: of its size."""
    x, y = place
    return all(abs(x - a) >= share * LABEL_WIDTH or abs(y - b) >= share * LABEL_HEIGHT for a, b in others)


def curve_plot(curves: Sequence[tuple[str, Sequence[tuple[Point, Point]]]], x_axis: str, y_axis: str) -> CurvePlot:
    """curves: (name, (across, up) of each point in order). The smallest `up` of each gets a star, and a label first."""
    across = scale_of([x for _, points in curves for x, _ in points])
    ups = [y for _, points in curves for _, y in points]
    up = _tall_scale(ups)
    labels = _Labels(
        [
            (across(x.value) * CURVES_WIDTH / 100, (100 - up(y.value)) * CURVES_HEIGHT / 100)
            for _, points in curves
            for x, y in points
        ]
    )
    drawn = []
    for number, (name, points) in enumerate(curves):
        best = min(range(len(points)), key=lambda i: (points[i][1].value, -points[i][0].value))
        order = sorted(range(len(points)), key=lambda i: (i != best, i not in (0, len(points) - 1), i))
        texts = {i: labels.place(across(points[i][0].value), 100 - up(points[i][1].value), i == best) for i in order}
        marks = [_curve_mark(x, y, across, up, i == best, texts[i]) for i, (x, y) in enumerate(points)]
        path = " ".join(f"{mark.x},{mark.y}" for mark in marks)
        drawn.append(DrawnCurve(name, number % COLOURS, path, tuple(marks)))
    y_ticks = [(round(100 - at, 3), label) for at, label in up.ticks()]
    return CurvePlot(tuple(drawn), across.ticks(), y_ticks, x_axis, y_axis)


def _tall_scale(points: Sequence[Point]) -> Scale:
    """Logarithmic where only that shows the small values apart."""
    values = [point.value for point in points]
    if 0 < WIDE * min(values) < max(values):
        lows = [point.low for point in points if point.low is not None and point.low > 0]
        highs = [point.high for point in points if point.high is not None]
        return Scale(min([*values, *lows]) / 1.1, max([*values, *highs]) * 1.1, logarithmic=True)
    return scale_of(points)


def _curve_mark(
    x: Point, y: Point, across: Scale, up: Scale, best: bool, text: tuple[str, int, int] | None
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
        best=best,
        text=text if x.label else None,
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
