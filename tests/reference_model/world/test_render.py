"""Rendering: truthful layouts, colours that are there, and one picture at every size."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_model.world.objects import COLOURS, OBJECTS, WORDS
from reference_model.world.render import Layout, Placement, render, sample_layout
from reference_model.world.scene import SETTINGS, Item, Scene, sample_scene

SEEDS = st.integers(0, 2**53)
OUTLINE = 0.009  # width of an outline, as a fraction of the image's side
COLOURED_PIXELS = 12  # of an object's own colour, untouched by antialiasing, in a group of four at 64 px


def _layout(seed: int) -> tuple[Scene, Layout]:
    random = Random(seed)
    scene = sample_scene(random, "train")
    return scene, sample_layout(scene, random)


def _area_reduced(image: np.ndarray, size: int) -> np.ndarray:
    """Means over squares of pixels: float64 (size, size, 3)."""
    factor = len(image) // size
    return image.reshape(size, factor, size, factor, 3).mean((1, 3))


def _mask(layout: Layout, placement: Placement, size: int) -> np.ndarray:
    """Where one object of a layout paints, on a background that has none of the objects' colours."""
    alone = replace(layout, setting="plain", placements=(placement,))
    empty = replace(alone, placements=())
    return (render(alone, size) != render(empty, size)).any(2)


@given(SEEDS)
def test_one_seed_gives_one_layout_with_the_scenes_objects(seed: int) -> None:
    scene, layout = _layout(seed)
    assert (scene, layout) == _layout(seed)
    shown = sorted((p.object, p.colour) for p in layout.placements)
    assert shown == sorted((item.object, item.colour) for item in scene.items for _ in range(item.count))
    assert (layout.setting, layout.word) == (scene.setting, scene.word)


@given(SEEDS)
def test_objects_stand_where_the_relation_says(seed: int) -> None:
    scene, layout = _layout(seed)
    if scene.relation is None:
        return
    first, second = layout.placements
    apart = {
        "left of": second.x - first.x,
        "right of": first.x - second.x,
        "above": second.y - first.y,
        "below": first.y - second.y,
    }
    assert apart[scene.relation] >= first.half + second.half


@settings(max_examples=60)
@given(SEEDS)
def test_nothing_overlaps(seed: int) -> None:
    _, layout = _layout(seed)
    painted = sum(_mask(layout, placement, 64).astype(int) for placement in layout.placements)
    # Neighbours may share the one pixel in which both of their antialiased outlines end.
    assert (np.asarray(painted) > 1).mean() <= 2 / 64**2


@settings(max_examples=60)
@given(SEEDS)
def test_nothing_leaves_the_canvas(seed: int) -> None:
    """Everything is drawn at half its size in the middle: what left the canvas would now be seen around it."""
    _, layout = _layout(seed)
    shrunk = [replace(p, x=0.25 + p.x / 2, y=0.25 + p.y / 2, half=p.half / 2) for p in layout.placements]
    for placement in shrunk:
        rows, columns = np.nonzero(_mask(layout, placement, 256))
        slack = OUTLINE * 256 + 1
        assert min(rows.min(), columns.min()) >= 64 - slack
        assert max(rows.max(), columns.max()) <= 192 + slack


@settings(max_examples=20)
@given(SEEDS)
def test_sizes_show_one_picture(seed: int) -> None:
    """Area-reduced to 64 px, larger renderings differ from the small one by rounded outlines only.

    Declared tolerance: 5 of 255 levels on average, and less than what moving the objects by one pixel of 64 changes.
    """
    _, layout = _layout(seed)
    small = render(layout, 64).astype(float)
    moved = replace(layout, placements=tuple(replace(p, x=p.x + 1 / 64) for p in layout.placements))
    tolerance = min(5.0, np.abs(render(moved, 64) - small).mean())
    for size in (256, 1024):
        assert np.abs(_area_reduced(render(layout, size), 64) - small).mean() < tolerance


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_background_has_an_objects_colour(setting: str) -> None:
    pixels = {tuple(int(v) for v in pixel) for pixel in render(Layout(setting, None, ()), 64).reshape(-1, 3)}
    assert not pixels & set(COLOURS.values())


@pytest.mark.parametrize("name", OBJECTS)
def test_each_object_shows_each_colour_at_64_pixels(name: str) -> None:
    for colour, rgb in COLOURS.items():
        layout = sample_layout(Scene((Item(name, colour, 4),), "night"), Random(colour))
        same = (render(layout, 64) == rgb).all(2)
        quarters = [same[top : top + 32, left : left + 32] for top in (0, 32) for left in (0, 32)]
        assert min(int(quarter.sum()) for quarter in quarters) >= COLOURED_PIXELS, (name, colour)


@pytest.mark.parametrize("word", WORDS)
def test_each_word_is_drawn_inside_its_sign(word: str) -> None:
    layout = sample_layout(Scene((Item("sign", "yellow"),), "plain", word=word), Random(word))
    written = (render(layout, 256) != render(replace(layout, word=None), 256)).any(2)
    assert written.any()
    board = (render(replace(layout, word=None), 256) == COLOURS["yellow"]).all(2)
    assert (board & written).sum() == written.sum(), "every stroke is on the board's own colour"


def test_words_can_be_told_apart() -> None:
    images = set()
    for word in WORDS:
        layout = sample_layout(Scene((Item("sign", "yellow"),), "plain", word=word), Random(0))
        images.add(render(layout, 64).tobytes())
    assert len(images) == len(WORDS)


@pytest.mark.parametrize("size", [64, 96, 256])
def test_images_are_uint8_rgb_of_the_size_asked_for(size: int) -> None:
    image = render(_layout(1)[1], size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
