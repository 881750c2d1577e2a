"""What each object looks like, as pictures made by the world's own drawing, to compare images with.

An object's picture is an affine function of its colours: picture = main * c1 + second * c2 + fixed + (1 - cover) * b,
where b is what is behind it. In a pattern, part of `main` has the pattern's own colour.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from reference_model.world.rich.canvas import Canvas, Paint, draw_figure
from reference_model.world.rich.colours import (
    DARK_INK,
    FIXED,
    GLASS,
    GLEAM,
    GRAIN,
    LIGHT_INK,
    MAIN,
    SECOND,
    SHADE,
    SHADE_FACTOR,
    TINT,
    TINT_SHARE,
    WOOD,
    Rgb,
)
from reference_model.world.rich.objects import OBJECTS, WRITTEN_ON, figure
from reference_model.world.rich.patterns import PATTERNS
from reference_model.world.rich.shapes import Rect

BLUR = 0.7  # pixels, of templates and of the images compared with them: noise and half pixels then matter less
LEVELS = (8, 12, 24)  # half sizes in pixels: what a pixel averages is more of a smaller object
PER_PIXEL = 3  # entries of a template, so that an object may lie between pixels
GRID = 22  # side of the coarse pictures that all objects are compared in at once
_UNIT = 72  # points per half size on the canvas; a whole number of them for an entry of each level
_REACH = 1.2  # half sizes from a template's middle to its edge: what blur adds to an object is in it
_BOARD_MARGIN = (0.04, 0.11)  # of a board's width and height, that no letter reaches
_ROOM_MARGIN = 0.03  # half sizes; blur carries what is in a room over its edge

# What the main part is filled with: (pattern, its second colour, the main colour of a material).
LOOKS: dict[str, tuple[str | None, Rgb, Rgb | None]] = {
    "plain": (None, (0, 0, 0), None),
    "striped light": ("striped", LIGHT_INK, None),
    "striped dark": ("striped", DARK_INK, None),
    "dotted light": ("dotted", LIGHT_INK, None),
    "dotted dark": ("dotted", DARK_INK, None),
    "wooden": ("wooden", GRAIN, WOOD),
    "glass": ("glass", GLEAM, GLASS),
}


@dataclass(frozen=True)
class Layers:
    """The coefficients of one look: main (..), second (..), cover (..) and fixed (3, ..), all of one shape (..)."""

    main: np.ndarray
    second: np.ndarray
    cover: np.ndarray
    fixed: np.ndarray


@dataclass(frozen=True)
class Template:
    """An object's coverages by kind of fill, at one level: float32 (K, S, S), entry 0 `hidden`, the room or board.

    unit: entries per half size.
    """

    coverages: np.ndarray
    unit: float

    def at(self, x: float, y: float, half: float, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """The coverages (K, len(rows), len(columns)) on an image's pixels. x, y, half: in pixels of that image."""
        scale, count = self.unit / half, self.coverages.shape[1]
        i, j = (
            (count / 2 + (pixels + 0.5 - centre) * scale).astype(np.intp).clip(0, count - 1)
            for pixels, centre in ((rows, y), (columns, x))
        )
        return (
            self.coverages.reshape(len(self.coverages), -1)
            .take((i[:, None] * count + j).ravel(), axis=1)
            .reshape(-1, len(rows), len(columns))
        )


_OF_MAIN = {MAIN: 1.0, SHADE: SHADE_FACTOR, TINT: TINT_SHARE}

# The kinds of fill that a template keeps apart; `fixed` ones are kept as three colour levels.
_KINDS = ("hidden", "main", "second", "cover", "red", "green", "blue", *PATTERNS)


def pattern_layer(look: str) -> int:
    """Which layer of a template's coverages has a look's pattern."""
    return len(_KINDS) - len(PATTERNS) + PATTERNS.index(str(LOOKS[look][0]))


def layers_of(coverages: np.ndarray, look: str) -> Layers:
    """The layers of a look from coverages (.., K, ..), with K first: shape (K, ..)."""
    pattern, overlay, _ = LOOKS[look]
    main, second, cover, fixed = coverages[1], coverages[2], coverages[3], coverages[4:7]
    if pattern is None:
        return Layers(main, second, cover, fixed)
    over = coverages[pattern_layer(look)]
    colours = np.array(overlay, np.float32).reshape(3, *[1] * over.ndim)
    return Layers(main - over, second, cover, fixed + colours * over)


def template(name: str, level: int) -> Template:
    """An object at one of LEVELS."""
    return _templates(name)[level]


@cache
def _templates(name: str) -> dict[int, Template]:
    coverages, found = _coverages(name), {}
    for level in LEVELS:
        entries = _shrunk(coverages, _UNIT // (level * PER_PIXEL))
        smooth = np.zeros_like(entries)
        for layer, out in zip(entries, smooth, strict=True):
            if layer.any():
                _smoothed(layer, out)
        found[level] = Template(smooth, float(level * PER_PIXEL))
    return found


def _smoothed(layer: np.ndarray, out: np.ndarray) -> None:
    """Means over the area of an image's pixel, blurred by BLUR."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    gaussian_filter(uniform_filter(layer, PER_PIXEL), BLUR * PER_PIXEL, output=out, truncate=3)


def nearest_level(half: float) -> int:
    """The level for a half size in pixels."""
    return min(LEVELS, key=lambda level: abs(np.log(level / half)))


@cache
def coarse_templates(level: int) -> tuple[tuple[str, ...], np.ndarray]:
    """All objects' names, and their coverages (N, K, GRID * GRID) on a grid around the middle of each one's box."""
    names = (*sorted(OBJECTS), *WRITTEN_ON)
    grids = []
    for name in names:
        x, y, half = coarse_frame(figure(name).box)
        places = (np.arange(GRID) + 0.5) / GRID * 2 * half - half
        whole = template(name, level)
        grids.append(whole.at(0.0, 0.0, 1.0, places + y - 0.5, places + x - 0.5).reshape(len(_KINDS), -1))
    return names, np.stack(grids)


def coarse_frame(box: Rect) -> tuple[float, float, float]:
    """Centre and half side of the square in which things with this box are compared."""
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2, 1.12 * max(right - left, bottom - top) / 2


def _shrunk(layers: np.ndarray, factor: int) -> np.ndarray:
    count, side = len(layers), layers.shape[1] // factor
    means: np.ndarray = layers.reshape(count, side, factor, side, factor).mean(axis=(2, 4))
    return means


def _coverages(name: str) -> np.ndarray:
    """float32 (K, S, S) at _UNIT points per half size, (0, 0) in the middle."""
    shape = figure(name)
    side = 2 * round(_REACH * _UNIT / 6) * 6
    found = np.zeros((len(_KINDS), side, side), np.float32)
    numbers, points = _drawn(name, side, None)
    table = np.zeros((7, 1 + max(numbers.values())), np.float32)
    for fill, number in numbers.items():
        table[3, number] = 1
        if fill in _OF_MAIN:
            table[1, number] = _OF_MAIN[fill]
            table[4:7, number] = 255 * (1 - TINT_SHARE) if fill == TINT else 0
        elif fill == SECOND:
            table[2, number] = 1
        else:
            table[4:7, number] = FIXED[fill]
    found[:7] = table[:, points]
    if shape.recipe.patterned:
        for i, pattern in enumerate(PATTERNS):
            numbers, points = _drawn(name, side, pattern)
            found[7 + i] = points == numbers["overlay"]
    _hide(found[0], _hidden(name))
    return found


def _drawn(name: str, side: int, pattern: str | None) -> tuple[dict[str, int], np.ndarray]:
    canvas = Canvas(side)
    canvas.number((0, 0, 0))
    numbers = draw_figure(canvas, figure(name), 0.5, 0.5, _UNIT / side, Paint((0, 0, 0), (0, 0, 0), pattern))
    return numbers, np.asarray(canvas.image)


def _hidden(name: str) -> Rect | None:
    """Where something else may be seen than the object itself: its room, or the writing on its board."""
    shape = figure(name)
    if shape.board is not None:
        left, top, right, bottom = shape.board
        aside, down = _BOARD_MARGIN[0] * (right - left), _BOARD_MARGIN[1] * (bottom - top)
        return left + aside, top + down, right - aside, bottom - down
    if shape.room is None:
        return None
    left, top, right, bottom = shape.room
    return left - _ROOM_MARGIN, top - _ROOM_MARGIN, right + _ROOM_MARGIN, bottom + _ROOM_MARGIN


def _hide(layer: np.ndarray, rect: Rect | None) -> None:
    if rect is not None:
        left, top, right, bottom = (round(len(layer) / 2 + edge * _UNIT) for edge in rect)
        layer[max(0, top) : bottom, max(0, left) : right] = 1
