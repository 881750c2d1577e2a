"""The drawable objects: short vector recipes in unit coordinates, each with one part that takes the scene's colour.

Coordinates: x to the right, y downwards, the object inside [-1, 1] x [-1, 1].
"""

import math
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Rgb = tuple[int, int, int]

MAIN = "main"  # the part a colour word speaks of
SHADE = "shade"  # the same colour, darker

COLOURS: dict[str, Rgb] = {
    "red": (220, 40, 40),
    "orange": (245, 140, 30),
    "yellow": (250, 220, 50),
    "green": (50, 165, 70),
    "blue": (45, 95, 215),
    "purple": (135, 60, 175),
    "pink": (250, 150, 190),
    "brown": (130, 80, 45),
    "black": (40, 40, 45),
    "white": (248, 248, 248),
}

OUTLINE: Rgb = (20, 20, 25)
FIXED: dict[str, Rgb] = {
    "trunk": (110, 70, 40),
    "leaf": (60, 150, 60),
    "glass": (190, 225, 245),
    "tyre": (30, 30, 35),
    "door": (90, 60, 40),
    "roof": (95, 85, 90),
    "sail": (240, 240, 235),
    "yolk": (250, 205, 60),
    "shine": (255, 255, 255),
}


@dataclass(frozen=True)
class Part:
    """One filled shape: a polygon's points, or the two corners of an ellipse's box."""

    shape: Literal["polygon", "ellipse"]
    points: tuple[Point, ...]
    fill: str  # MAIN, SHADE or a key of FIXED


def _polygon(fill: str, *points: Point) -> Part:
    return Part("polygon", points, fill)


def _ellipse(fill: str, left: float, top: float, right: float, bottom: float) -> Part:
    return Part("ellipse", ((left, top), (right, bottom)), fill)


def _rectangle(fill: str, left: float, top: float, right: float, bottom: float) -> Part:
    return _polygon(fill, (left, top), (right, top), (right, bottom), (left, bottom))


def _star_points(spikes: int = 5, inner: float = 0.42) -> tuple[Point, ...]:
    radii = [1.0 if i % 2 == 0 else inner for i in range(2 * spikes)]
    angles = [math.pi * (i / spikes - 0.5) for i in range(2 * spikes)]
    return tuple((r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True))


def _heart_points(steps: int = 40) -> tuple[Point, ...]:
    points = []
    for i in range(steps):
        t = 2 * math.pi * i / steps
        x = math.sin(t) ** 3
        y = -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16
        points.append((x, y * 0.95))
    return tuple(points)


def _apple_points(steps: int = 32) -> tuple[Point, ...]:
    """A circle with a dent where the stem is."""
    points = []
    for i in range(steps):
        angle = 2 * math.pi * i / steps - math.pi
        radius = 0.8 * (1 - 0.3 * math.exp(-((angle / 0.4) ** 2)))
        points.append((radius * math.sin(angle), 0.18 - radius * 0.95 * math.cos(angle)))
    return tuple(points)


def _petals(count: int = 6) -> tuple[Part, ...]:
    parts = []
    for i in range(count):
        angle = 2 * math.pi * i / count
        x, y = 0.38 * math.cos(angle), 0.38 * math.sin(angle) - 0.42
        parts.append(_ellipse(MAIN, x - 0.27, y - 0.27, x + 0.27, y + 0.27))
    return tuple(parts)


OBJECTS: dict[str, tuple[Part, ...]] = {
    "ball": (_ellipse(MAIN, -0.9, -0.9, 0.9, 0.9), _ellipse("shine", -0.5, -0.6, -0.1, -0.2)),
    "box": (
        _rectangle(MAIN, -0.85, -0.45, 0.85, 0.85),
        _rectangle(SHADE, -0.95, -0.85, 0.95, -0.4),
    ),
    "star": (_polygon(MAIN, *_star_points()),),
    "heart": (_polygon(MAIN, *_heart_points()),),
    "apple": (
        _polygon(MAIN, *_apple_points()),
        _polygon("trunk", (-0.06, -0.3), (0.02, -0.95), (0.16, -0.95), (0.08, -0.3)),
        _polygon("leaf", (0.12, -0.6), (0.4, -0.95), (0.75, -0.85), (0.45, -0.55)),
    ),
    "tree": (
        _rectangle("trunk", -0.16, 0.2, 0.16, 0.98),
        _ellipse(MAIN, -0.75, -0.98, 0.75, 0.4),
    ),
    "house": (
        _rectangle(MAIN, -0.75, -0.15, 0.75, 0.95),
        _polygon("roof", (-0.95, -0.15), (0.0, -0.95), (0.95, -0.15)),
        _rectangle("door", -0.15, 0.35, 0.2, 0.95),
        _rectangle("glass", 0.35, 0.1, 0.62, 0.4),
    ),
    "car": (
        _polygon(MAIN, (-0.55, -0.1), (-0.35, -0.6), (0.35, -0.6), (0.6, -0.1)),
        _rectangle(MAIN, -1.0, -0.12, 1.0, 0.35),
        _polygon("glass", (-0.38, -0.12), (-0.25, -0.48), (0.25, -0.48), (0.42, -0.12)),
        _ellipse("tyre", -0.75, 0.1, -0.25, 0.6),
        _ellipse("tyre", 0.25, 0.1, 0.75, 0.6),
    ),
    "boat": (
        _polygon(MAIN, (-1.0, 0.3), (1.0, 0.3), (0.6, 0.9), (-0.6, 0.9)),
        _rectangle("trunk", -0.06, -0.95, 0.06, 0.3),
        _polygon("sail", (0.1, -0.9), (0.85, 0.15), (0.1, 0.15)),
    ),
    "fish": (
        _polygon(MAIN, (0.4, 0.0), (1.0, -0.55), (1.0, 0.55)),
        _ellipse(MAIN, -0.95, -0.5, 0.6, 0.5),
        _ellipse("shine", -0.7, -0.25, -0.4, 0.05),
        _ellipse("tyre", -0.62, -0.17, -0.48, -0.03),
    ),
    "cup": (
        _ellipse(MAIN, 0.25, -0.4, 0.98, 0.45),
        _ellipse("shine", 0.42, -0.2, 0.8, 0.25),
        _polygon(MAIN, (-0.8, -0.75), (0.55, -0.75), (0.4, 0.85), (-0.65, 0.85)),
        _ellipse(SHADE, -0.8, -0.92, 0.55, -0.58),
    ),
    "flower": (
        _rectangle("leaf", -0.06, -0.2, 0.06, 0.98),
        _polygon("leaf", (0.0, 0.75), (0.5, 0.3), (0.6, 0.55)),
        *_petals(),
        _ellipse("yolk", -0.22, -0.64, 0.22, -0.2),
    ),
}

SIGN: tuple[Part, ...] = (
    _rectangle("trunk", -0.07, 0.3, 0.07, 0.98),
    _rectangle(MAIN, -0.98, -0.6, 0.98, 0.4),
)

# Letters as strokes on a 2 x 4 grid (x 0..2, y 0..4, y downwards): text without a font file.
LETTERS: dict[str, tuple[tuple[Point, ...], ...]] = {
    "A": (((0, 4), (0, 1), (1, 0), (2, 1), (2, 4)), ((0, 2.4), (2, 2.4))),
    "B": (((0, 0), (0, 4), (1.6, 4), (2, 3), (1.6, 2), (0, 2)), ((1.6, 2), (2, 1), (1.6, 0), (0, 0))),
    "C": (((2, 0.4), (1, 0), (0, 1), (0, 3), (1, 4), (2, 3.6)),),
    "D": (((0, 0), (0, 4), (1.2, 4), (2, 3), (2, 1), (1.2, 0), (0, 0)),),
    "E": (((2, 0), (0, 0), (0, 4), (2, 4)), ((0, 2), (1.6, 2))),
    "F": (((2, 0), (0, 0), (0, 4)), ((0, 2), (1.6, 2))),
    "G": (((2, 0.4), (1, 0), (0, 1), (0, 3), (1, 4), (2, 3.4), (2, 2.2), (1.2, 2.2)),),
    "H": (((0, 0), (0, 4)), ((2, 0), (2, 4)), ((0, 2), (2, 2))),
    "I": (((1, 0), (1, 4)),),
    "K": (((0, 0), (0, 4)), ((2, 0), (0, 2), (2, 4))),
    "L": (((0, 0), (0, 4), (2, 4)),),
    "M": (((0, 4), (0, 0), (1, 2), (2, 0), (2, 4)),),
    "N": (((0, 4), (0, 0), (2, 4), (2, 0)),),
    "O": (((1, 0), (0, 1), (0, 3), (1, 4), (2, 3), (2, 1), (1, 0)),),
    "P": (((0, 4), (0, 0), (1.6, 0), (2, 1), (1.6, 2), (0, 2)),),
    "R": (((0, 4), (0, 0), (1.6, 0), (2, 1), (1.6, 2), (0, 2)), ((1, 2), (2, 4))),
    "S": (((2, 0.4), (1, 0), (0, 0.8), (0.4, 1.8), (1.6, 2.2), (2, 3.2), (1, 4), (0, 3.6)),),
    "T": (((0, 0), (2, 0)), ((1, 0), (1, 4))),
    "U": (((0, 0), (0, 3), (1, 4), (2, 3), (2, 0)),),
    "W": (((0, 0), (0.4, 4), (1, 2), (1.6, 4), (2, 0)),),
    "Y": (((0, 0), (1, 2), (2, 0)), ((1, 2), (1, 4))),
    "Z": (((0, 0), (2, 0), (0, 4), (2, 4)),),
}

WORDS: tuple[str, ...] = (
    "ON", "GO", "HI", "UP", "NO", "OK", "CAT", "DOG", "SUN", "BUS", "TEA", "ZOO", "RED", "ICE", "BOAT", "STOP",
    "OPEN", "FISH", "STAR", "MILK", "HOME", "CLUB", "SNOW", "LION",
)  # fmt: skip
