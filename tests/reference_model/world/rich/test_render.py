"""Rendering of the rich world: one picture at every size, crops of it, words on their boards."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_model.world.rich.colours import COLOURS, ink_on, luminance
from reference_model.world.rich.layout import Layout, Placement, sample_layout
from reference_model.world.rich.objects import WRITTEN_ON
from reference_model.world.rich.render import render
from reference_model.world.rich.sampling import sample_scene
from reference_model.world.rich.settings import SETTINGS
from reference_model.world.rich.words import LETTERS, sample_word

SEEDS = st.integers(0, 2**53)


def layout_of(seed: int) -> Layout:
    random = Random(seed)
    return sample_layout(sample_scene(random, "train"), random)


def reduced(image: np.ndarray, size: int) -> np.ndarray:
    """Means over squares of pixels: float64 (size, size, 3)."""
    factor = len(image) // size
    return image.reshape(size, factor, size, factor, 3).mean((1, 3))


@settings(max_examples=15)
@given(SEEDS)
def test_sizes_show_one_picture(seed: int) -> None:
    """Area-reduced to 64 px, larger renderings differ from the small one by rounded outlines only.

    Declared tolerance: 4 of 255 levels on average, and less than what moving the objects by half a pixel of 64 changes.
    """
    layout = layout_of(seed)
    small = render(layout, 64).astype(float)
    moved = replace(layout, placements=tuple(replace(p, x=p.x + 0.5 / 64) for p in layout.placements))
    tolerance = min(4.0, np.abs(reduced(render(moved, 256), 64) - reduced(render(layout, 256), 64)).mean())
    for size in (256, 1024):
        assert np.abs(reduced(render(layout, size), 64) - small).mean() < tolerance


@settings(max_examples=25)
@given(SEEDS, st.sampled_from([64, 256, 1024]), st.data())
def test_a_crop_is_that_part_of_the_image(seed: int, size: int, data: st.DataObject) -> None:
    layout, side = layout_of(seed), size // 4
    left, top = (data.draw(st.integers(0, size - side)) for _ in range(2))
    crop = render(layout, size, (left, top, left + side, top + side))
    whole = render(layout, size)[top : top + side, left : left + side]
    differs = (crop != whole).any(2)
    assert differs.mean() < 0.01
    points = 4 if size == 1024 else 16  # of the finer grid, in a pixel
    assert np.abs(crop.astype(int) - whole).max() <= 2 * 255 / points


@pytest.mark.parametrize("size", [64, 96, 256, 1024])
def test_images_are_uint8_rgb_and_the_same_again(size: int) -> None:
    layout = layout_of(1)
    image = render(layout, size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, render(layout, size))


def test_every_setting_looks_different_at_its_border() -> None:
    borders = {}
    for setting in SETTINGS:
        image = render(Layout(setting, None, ()), 64).astype(float)
        borders[setting] = np.concatenate(
            [image[:3].reshape(-1, 3), image[:, :3].reshape(-1, 3), image[:, -3:].reshape(-1, 3)]
        )
    for first in SETTINGS:
        for second in SETTINGS:
            if first < second:
                assert np.linalg.norm(borders[first] - borders[second], axis=1).mean() > 12, (first, second)


@pytest.mark.parametrize("carrier", WRITTEN_ON)
def test_words_are_drawn_inside_their_boards_in_a_colour_that_is_seen(carrier: str) -> None:
    for seed in range(60):
        random = Random(seed)
        word, colour = sample_word(random), random.choice(sorted(COLOURS))
        sign = Placement(carrier, colour, None, None, 0.5, 0.5, 0.43)
        layout = Layout("plain", word, (sign,))
        blank = render(replace(layout, word=None), 256)
        written = (render(layout, 256) != blank).any(2)
        board = (blank == COLOURS[colour]).all(2)
        assert written.sum() > 40
        assert (board & written).sum() == written.sum(), "every stroke is on the board's own colour"
        assert abs(luminance(ink_on(COLOURS[colour])) - luminance(COLOURS[colour])) > 90


def test_all_letters_can_be_told_apart_even_in_long_words() -> None:
    images = {}
    for letter in LETTERS:
        sign = Placement("sign", "yellow", None, None, 0.5, 0.5, 0.44)
        images[letter] = render(Layout("plain", letter * 8, (sign,)), 64).astype(int)
    for first in LETTERS:
        for second in LETTERS:
            if first < second:
                assert np.abs(images[first] - images[second]).max() > 60, (first, second)
