"""Scenes to pixels. A layout stands in unit coordinates, so one scene renders alike at 64, 256 and 1024 pixels."""

from functools import lru_cache

import numpy as np

from reference_model.world.rich.canvas import Canvas, Paint, draw_figure, paint_of
from reference_model.world.rich.colours import ink_on
from reference_model.world.rich.figures import Figure
from reference_model.world.rich.layout import Layout, Placement
from reference_model.world.rich.objects import figure
from reference_model.world.rich.settings import BACKGROUNDS
from reference_model.world.rich.words import lettering

_FINE_UP_TO = 512  # pixels; larger images are painted on a grid of half their pixels, others of a quarter
_KEPT_UP_TO = 1024  # points: backgrounds of smaller canvases are kept
Crop = tuple[int, int, int, int]  # left, top, right, bottom, in pixels


def render(layout: Layout, size: int, crop: Crop | None = None) -> np.ndarray:
    """The scene as a uint8 array (size, size, 3), antialiased by area; with `crop` only those of its pixels.

    A crop is what the whole image has there, but for single points of the finer grid that PIL rounds otherwise on the
    edges of polygons; it takes as much less time as it is smaller.
    """
    factor = 4 if size <= _FINE_UP_TO else 2
    left, top, right, bottom = crop or (0, 0, size, size)
    if crop is None and size * factor <= _KEPT_UP_TO:
        canvas = _background(layout.setting, size * factor).copy()
    else:
        extent = ((right - left) * factor, (bottom - top) * factor)
        canvas = _with_background(Canvas(size * factor, (left * factor, top * factor), extent), layout.setting)
    for placement in layout.placements:
        _draw(canvas, placement, layout.word)
    return canvas.pixels(factor)


@lru_cache(maxsize=32)
def _background(setting: str, side: int) -> Canvas:
    return _with_background(Canvas(side), setting)


def _with_background(canvas: Canvas, setting: str) -> Canvas:
    for layer in BACKGROUNDS[setting]:
        number = canvas.number(layer.rgb)
        for corners in layer.polygons:
            canvas.polygon(corners, number)
    return canvas


def _draw(canvas: Canvas, placement: Placement, word: str | None) -> None:
    shape = figure(placement.object)
    paint = paint_of(shape, placement.colour, placement.pattern, placement.second)
    draw_figure(canvas, shape, placement.x, placement.y, placement.half, paint)
    if shape.board is not None and word is not None:
        _write(canvas, shape, placement, word, paint)


def _write(canvas: Canvas, shape: Figure, placement: Placement, word: str, paint: Paint) -> None:
    """The word on the board of a sign or a shop."""
    left, top, right, bottom = shape.board or (0.0, 0.0, 0.0, 0.0)
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    number = canvas.number(ink_on(paint.main))
    for corners in lettering(word, right - left, bottom - top):
        canvas.polygon((corners + middle) * placement.half + (placement.x, placement.y), number)
