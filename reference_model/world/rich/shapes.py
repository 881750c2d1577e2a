"""What recipes are made of: filled outlines in unit coordinates (x to the right, y downwards), as closed polygons."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reference_model.world.rich.colours import SHADE

Point = tuple[float, float]
Rect = tuple[float, float, float, float]  # left, top, right, bottom
RoomRelation = Literal["inside", "under", "on"]

_SMOOTH_STEPS = 7  # points between two given ones of a smooth outline


@dataclass(frozen=True)
class Part:
    """One filled polygon.

    fill: MAIN, SHADE, TINT, SECOND or a key of FIXED. line: `silhouette` has its outline behind all parts, so that
    parts of one colour run together; `own` has it around itself; `none` is for what lies within others.
    """

    points: tuple[Point, ...]
    fill: str
    line: Literal["silhouette", "own", "none"] = "silhouette"


@dataclass(frozen=True)
class Room:
    """Where another object may be in front of this one, and what a caption calls that."""

    relation: RoomRelation
    rect: Rect


@dataclass(frozen=True)
class Recipe:
    """An object: its parts from back to front.

    natural: the colours that it has in life; they are never held out. second: what captions call its second part.
    second_fill: that part's colour where the caption says none: a colour word, a key of FIXED, or SHADE. board: where
    a word is written on it. patterned: whether stripes, dots and materials can be seen on it.
    """

    parts: tuple[Part, ...]
    natural: tuple[str, ...]
    second: str | None = None
    second_fill: str = SHADE
    room: Room | None = None
    board: Rect | None = None
    patterned: bool = True


def poly(fill: str, *points: Point) -> Part:
    """A polygon with straight sides."""
    return Part(points, fill)


def blob(fill: str, *points: Point) -> Part:
    """A smooth closed outline through the points (Catmull-Rom)."""
    return Part(_smooth(points, closed=True), fill)


def rect(fill: str, left: float, top: float, right: float, bottom: float) -> Part:
    return poly(fill, (left, top), (right, top), (right, bottom), (left, bottom))


def rounded(fill: str, left: float, top: float, right: float, bottom: float, radius: float) -> Part:
    """A rectangle with round corners."""
    points: list[Point] = []
    inner = (left + radius, top + radius, right - radius, bottom - radius)
    corners = ((inner[2], inner[1]), (inner[2], inner[3]), (inner[0], inner[3]), (inner[0], inner[1]))
    for quarter, (x, y) in enumerate(corners):
        points += _arc_points(x, y, radius, radius, 90 * quarter - 90, 90 * quarter, 6)
    return Part(tuple(points), fill)


def oval(fill: str, x: float, y: float, rx: float, ry: float | None = None, turn: float = 0, steps: int = 40) -> Part:
    """An ellipse around (x, y), turned clockwise by `turn` degrees."""
    ry = rx if ry is None else ry
    points = _arc_points(0, 0, rx, ry, 0, 360 * (1 - 1 / steps), steps - 1)
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return Part(tuple((x + cos * px - sin * py, y + sin * px + cos * py) for px, py in points), fill)


def arc(fill: str, x: float, y: float, outer: float, inner: float, start: float, end: float) -> Part:
    """A piece of a ring, from `start` to `end` degrees (0 is to the right, 90 is down)."""
    steps = max(6, round(abs(end - start) / 9))
    there = _arc_points(x, y, outer, outer, start, end, steps)
    back = _arc_points(x, y, inner, inner, start, end, steps)[::-1]
    return Part((*there, *back), fill)


def slice_of(fill: str, x: float, y: float, rx: float, ry: float, start: float, end: float) -> Part:
    """A piece of a filled ellipse, cut along the chord from `start` to `end` degrees."""
    return Part(tuple(_arc_points(x, y, rx, ry, start, end, max(6, round(abs(end - start) / 9)))), fill)


def stroke(fill: str, width: float, *points: Point, end_width: float | None = None, smooth: bool = False) -> Part:
    """A line as a filled band; its width changes evenly from `width` to `end_width`."""
    line = _smooth(points, closed=False) if smooth else points
    end_width = width if end_width is None else end_width
    left, right = [], []
    for i, (x, y) in enumerate(line):
        (x0, y0), (x1, y1) = line[max(0, i - 1)], line[min(len(line) - 1, i + 1)]
        length = math.hypot(x1 - x0, y1 - y0)
        half = (width + (end_width - width) * i / (len(line) - 1)) / 2
        nx, ny = -(y1 - y0) / length * half, (x1 - x0) / length * half
        left.append((x + nx, y + ny))
        right.append((x - nx, y - ny))
    return Part((*left, *right[::-1]), fill)


def within(*parts: Part) -> tuple[Part, ...]:
    """The parts without outlines: details that lie within others."""
    return tuple(replace(part, line="none") for part in parts)


def edged(*parts: Part) -> tuple[Part, ...]:
    """The parts with outlines of their own, also where they lie on others."""
    return tuple(replace(part, line="own") for part in parts)


def mirrored(*parts: Part) -> tuple[Part, ...]:
    """The parts and their mirror images in the vertical axis."""
    return (*parts, *(replace(part, points=tuple((-x, y) for x, y in part.points)) for part in parts))


def eye(x: float, y: float, radius: float = 0.07) -> tuple[Part, ...]:
    """A dark eye with a gleam."""
    return within(
        oval("eye", x, y, radius, steps=14), oval("shine", x + radius / 3, y - radius / 3, radius / 3, steps=8)
    )


def star_points(spikes: int, inner: float, radius: float = 1.0) -> tuple[Point, ...]:
    """The corners of a star whose first spike points up; `inner` is the share of the radius between two spikes."""
    radii = [radius if i % 2 == 0 else inner * radius for i in range(2 * spikes)]
    angles = [math.pi * (i / spikes - 0.5) for i in range(2 * spikes)]
    return tuple((r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True))


def _arc_points(x: float, y: float, rx: float, ry: float, start: float, end: float, steps: int) -> list[Point]:
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def _smooth(points: Sequence[Point], closed: bool) -> tuple[Point, ...]:
    """Points on a Catmull-Rom spline through the given ones."""
    count = len(points)
    found: list[Point] = []
    for i in range(count if closed else count - 1):
        around = [points[j % count if closed else min(max(j, 0), count - 1)] for j in range(i - 1, i + 3)]
        found += [_between(around, step / _SMOOTH_STEPS) for step in range(_SMOOTH_STEPS)]
    return tuple(found if closed else [*found, points[-1]])


def _between(around: Sequence[Point], t: float) -> Point:
    """The point at t (0 to 1) of the spline's piece between the second and the third of four points."""
    weights = (
        -0.5 * t**3 + t**2 - 0.5 * t,
        1.5 * t**3 - 2.5 * t**2 + 1,
        -1.5 * t**3 + 2 * t**2 + 0.5 * t,
        0.5 * t**3 - 0.5 * t**2,
    )
    x, y = (sum(w * p[axis] for w, p in zip(weights, around, strict=True)) for axis in (0, 1))
    return x, y
