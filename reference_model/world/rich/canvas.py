"""Drawing: an image of colour numbers, painted without antialiasing on a finer grid and then averaged by area."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from reference_model.world.rich.colours import (
    COLOURS,
    FIXED,
    GLASS,
    GLEAM,
    GRAIN,
    MAIN,
    OUTLINE,
    SECOND,
    SHADE,
    TINT,
    WOOD,
    Rgb,
    ink_on,
    shade_of,
    tint_of,
)
from reference_model.world.rich.figures import OUTLINE_WIDTH, Figure
from reference_model.world.rich.patterns import PATTERN_SHAPES

_HALF_PIXEL = 0.5  # PIL paints the pixels under a polygon's sides too; polygons are drawn smaller by as much


@dataclass(frozen=True)
class Paint:
    """What an object is painted with. main: its colour; second: its second part's; overlay: the pattern's second."""

    main: Rgb
    second: Rgb
    pattern: str | None = None
    overlay: Rgb = OUTLINE


def paint_of(figure: Figure, colour: str | None, pattern: str | None, second: str | None) -> Paint:
    """The paint for colour words: of a wooden or glass thing `colour` is None; `second` may be left to the recipe."""
    main = {"wooden": WOOD, "glass": GLASS}.get(pattern or "") or COLOURS[colour or ""]
    overlay = {"wooden": GRAIN, "glass": GLEAM}.get(pattern or "") or ink_on(main)
    name = second or figure.recipe.second_fill
    rgb = shade_of(main) if name == SHADE else COLOURS.get(name) or FIXED[name]
    return Paint(main, rgb, pattern, overlay)


class Canvas:
    """A grid of `side` x `side` points over the picture's unit square, or the part of it from `origin` on."""

    def __init__(self, side: int, origin: tuple[int, int] = (0, 0), extent: tuple[int, int] | None = None) -> None:
        self.side, self.origin = side, np.array(origin, float)
        self.image = Image.new("L", extent or (side, side))
        self.draw = ImageDraw.Draw(self.image)
        self.colours: list[Rgb] = []

    def copy(self) -> "Canvas":
        """A canvas with the same picture, to paint on."""
        other = copy.copy(self)
        other.colours, other.image = list(self.colours), self.image.copy()
        other.draw = ImageDraw.Draw(other.image)
        return other

    def number(self, rgb: Rgb) -> int:
        """The number that stands for a colour; a new one with every call."""
        self.colours.append(rgb)
        return len(self.colours) - 1

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points of the unit square, (N, 2), on this grid: whole numbers are the middles of its points."""
        placed: np.ndarray = points * self.side - self.origin - 0.5
        return placed

    def polygon(self, corners: np.ndarray | Sequence[tuple[float, float]], number: int) -> None:
        """Fill a polygon of the unit square."""
        self.draw.polygon(_corners(self.place(np.asarray(corners))), number)

    def pixels(self, factor: int) -> np.ndarray:
        """The picture, each pixel the mean over factor x factor points: uint8 (H, W, 3)."""
        self.image.putpalette([level for rgb in self.colours for level in rgb])
        return np.asarray(self.image.convert("RGB").reduce(factor))


def draw_figure(canvas: Canvas, figure: Figure, x: float, y: float, half: float, paint: Paint) -> dict[str, int]:
    """Draw an object, centred at (x, y) in the unit square. Returns the colour numbers of its fills."""
    numbers = {
        "ink": canvas.number(OUTLINE),
        MAIN: canvas.number(paint.main),
        SHADE: canvas.number(shade_of(paint.main)),
        TINT: canvas.number(tint_of(paint.main)),
        SECOND: canvas.number(paint.second),
    }
    for part in figure.recipe.parts:
        if part.fill not in numbers:
            numbers[part.fill] = canvas.number(FIXED[part.fill])
    unit = half * canvas.side
    base = figure.points * unit + canvas.place(np.array([x, y]))
    outlines = _corners(base + figure.outward * (OUTLINE_WIDTH * unit - _HALF_PIXEL))
    fills = _corners(base - figure.outward * _HALF_PIXEL)
    spans = list(zip((0, *figure.ends), figure.ends, strict=False))
    for part, (start, end) in zip(figure.recipe.parts, spans, strict=True):
        if part.line == "silhouette":
            canvas.draw.polygon(outlines[2 * start : 2 * end], numbers["ink"])
    for part, (start, end) in zip(figure.recipe.parts, spans, strict=True):
        if part.line == "own":
            canvas.draw.polygon(outlines[2 * start : 2 * end], numbers["ink"])
        canvas.draw.polygon(fills[2 * start : 2 * end], numbers[part.fill])
    if paint.pattern is not None:
        numbers["overlay"] = canvas.number(paint.overlay)
        _overlay(canvas, paint.pattern, (x, y), half, numbers[MAIN], numbers["overlay"])
    return numbers


def _corners(points: np.ndarray) -> list[int]:
    corners: list[int] = np.floor(points + 0.5).astype(int).ravel().tolist()  # unlike rint, the same wherever it is
    return corners


def _overlay(canvas: Canvas, pattern: str, centre: tuple[float, float], half: float, where: int, number: int) -> None:
    """Paint a pattern's shapes with `number` wherever the canvas has the number `where`."""
    unit = half * canvas.side
    middle = canvas.place(np.array(centre))
    low = np.maximum(np.floor(middle - unit), 0).astype(int)
    high = np.minimum(np.ceil(middle + unit) + 1, canvas.image.size).astype(int)
    if (high <= low).any():
        return
    box = (*low.tolist(), *high.tolist())
    table = [0] * 256
    table[where] = 255
    allowed = canvas.image.crop(box).point(table)
    shapes = Image.new("L", allowed.size)
    draw = ImageDraw.Draw(shapes)
    for corners in PATTERN_SHAPES[pattern]:
        draw.polygon(_corners(corners * unit + middle - low), 255)
    canvas.image.paste(number, box, ImageChops.darker(allowed, shapes))
