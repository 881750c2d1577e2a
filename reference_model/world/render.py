"""Scenes to pixels. A layout stands in unit coordinates, so one scene renders alike at 64, 256 and 1024 pixels."""

from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw

from reference_model.world.objects import COLOURS, FIXED, LETTERS, MAIN, OBJECTS, OUTLINE, SHADE, SIGN, Part, Rgb
from reference_model.world.scene import SIGN_OBJECT, Scene

# setting -> (sky, ground or None)
_BACKGROUNDS: dict[str, tuple[Rgb, Rgb | None]] = {
    "plain": ((205, 205, 210), None),
    "grass": ((165, 210, 245), (120, 190, 90)),
    "beach": ((150, 215, 245), (235, 210, 150)),
    "snow": ((200, 215, 230), (238, 242, 248)),
    "night": ((25, 30, 75), (50, 55, 80)),
    "sea": ((190, 225, 245), (70, 140, 190)),
}
_HORIZON = 0.62  # of the image's height
_SUPERSAMPLING = {64: 4, 256: 4, 1024: 2}


@dataclass(frozen=True)
class Placement:
    """One object on the canvas. Centre and half size are fractions of the image's side."""

    object: str
    colour: str
    x: float
    y: float
    half: float


@dataclass(frozen=True)
class Layout:
    """Where everything of a scene is: all that the renderer needs besides a size in pixels."""

    setting: str
    word: str | None
    placements: tuple[Placement, ...]


def sample_layout(scene: Scene, random: Random) -> Layout:
    """A random layout that shows the scene truthfully: nothing overlaps, nothing leaves the canvas."""
    if scene.relation is not None:
        placements = _pair_layout(scene, random)
    elif scene.items[0].count > 1:
        placements = _group_layout(scene, random)
    else:
        item = scene.items[0]
        half = random.uniform(0.30, 0.38)
        placements = (_place(item.object, item.colour, 0.5, 0.52, half, random, 0.5 - half),)
    return Layout(scene.setting, scene.word, placements)


def render(layout: Layout, size: int) -> np.ndarray:
    """The scene as a uint8 array (size, size, 3), antialiased by area."""
    factor = _SUPERSAMPLING.get(size, 4)
    side = size * factor
    sky, ground = _BACKGROUNDS[layout.setting]
    canvas = Image.new("RGB", (side, side), sky)
    draw = ImageDraw.Draw(canvas)
    if ground is not None:
        draw.rectangle((0, round(_HORIZON * side), side, side), fill=ground)
    for placement in layout.placements:
        _draw_object(draw, placement, side)
        if placement.object == SIGN_OBJECT and layout.word:
            _draw_word(draw, layout.word, placement, side)
    return np.asarray(canvas.reduce(factor))


def _pair_layout(scene: Scene, random: Random) -> tuple[Placement, ...]:
    offset = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}[scene.relation or "left of"]
    first, second = scene.items
    halves = [random.uniform(0.19, 0.225) for _ in range(2)]
    gap = 0.25
    return (
        _place(first.object, first.colour, 0.5 + gap * offset[0], 0.5 + gap * offset[1], halves[0], random, 0.02),
        _place(second.object, second.colour, 0.5 - gap * offset[0], 0.5 - gap * offset[1], halves[1], random, 0.02),
    )


_GROUP_CENTRES: dict[int, tuple[tuple[float, float], ...]] = {
    2: ((0.27, 0.5), (0.73, 0.5)),
    3: ((0.27, 0.3), (0.73, 0.3), (0.5, 0.73)),
    4: ((0.27, 0.27), (0.73, 0.27), (0.27, 0.73), (0.73, 0.73)),
}


def _group_layout(scene: Scene, random: Random) -> tuple[Placement, ...]:
    item = scene.items[0]
    centres = _GROUP_CENTRES[item.count]
    if item.count == 3 and random.random() < 0.5:
        centres = tuple((x, 1 - y) for x, y in centres)
    half = random.uniform(0.17, 0.2)
    return tuple(_place(item.object, item.colour, x, y, half, random, 0.03) for x, y in centres)


def _place(name: str, colour: str, x: float, y: float, half: float, random: Random, jitter: float) -> Placement:
    jitter = min(jitter, 0.06)
    return Placement(name, colour, x + random.uniform(-jitter, jitter), y + random.uniform(-jitter, jitter), half)


def _draw_object(draw: ImageDraw.ImageDraw, placement: Placement, side: int) -> None:
    parts = SIGN if placement.object == SIGN_OBJECT else OBJECTS[placement.object]
    width = max(1, round(0.009 * side))
    for part in parts:
        points = [_to_pixels(x, y, placement, side) for x, y in part.points]
        fill = _fill(part, placement.colour)
        if part.shape == "ellipse":
            draw.ellipse((*points[0], *points[1]), fill=fill, outline=OUTLINE, width=width)
        else:
            draw.polygon(points, fill=fill, outline=OUTLINE, width=width)


def _draw_word(draw: ImageDraw.ImageDraw, word: str, placement: Placement, side: int) -> None:
    advance = 1.8 / len(word)  # the board is 1.96 wide
    glyph_width, glyph_height = 0.68 * advance, min(0.7, 1.6 * advance)
    left = -advance * len(word) / 2 + (advance - glyph_width) / 2
    top = -0.1 - glyph_height / 2
    for i, letter in enumerate(word):
        for stroke in LETTERS[letter]:
            points = [
                _to_pixels(left + i * advance + x / 2 * glyph_width, top + y / 4 * glyph_height, placement, side)
                for x, y in stroke
            ]
            draw.line(points, fill=OUTLINE, width=max(1, round(0.025 * side)), joint="curve")


def _to_pixels(x: float, y: float, placement: Placement, side: int) -> tuple[float, float]:
    return ((placement.x + x * placement.half) * side, (placement.y + y * placement.half) * side)


def _fill(part: Part, colour: str) -> Rgb:
    if part.fill == MAIN:
        return COLOURS[colour]
    if part.fill == SHADE:
        red, green, blue = COLOURS[colour]
        return (red * 3 // 4, green * 3 // 4, blue * 3 // 4)
    return FIXED[part.fill]
