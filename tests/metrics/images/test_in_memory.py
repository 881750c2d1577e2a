"""Images that a program holds: the same pixels whatever holds them, and a sentence for what is none."""

from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset, Features, Image
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from metrics.errors import MetricInputError
from metrics.images.in_memory import equal_sides, pixels_of

LEVELS = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), np.uint8)
FIRST = np.moveaxis(LEVELS, -1, 1)


@pytest.mark.parametrize(
    ("images", "value_range"),
    [
        (LEVELS, None),
        (list(LEVELS), None),
        (tuple(FIRST), None),
        ([Pillow.fromarray(each) for each in LEVELS], None),
        ([Pillow.fromarray(each).convert("RGBA") for each in LEVELS], None),
        (torch.from_numpy(FIRST), None),
        (torch.from_numpy(FIRST / 255), (0, 1)),
        ([torch.from_numpy(each).float() / 127.5 - 1 for each in FIRST], (-1, 1)),
        (LEVELS.astype(np.float32), (0, 255)),
        ([LEVELS[0], Pillow.fromarray(LEVELS[1]), torch.from_numpy(FIRST[2])], None),
    ],
)
def test_whatever_holds_them_gives_the_same_pixels(images: Any, value_range: Any) -> None:
    assert np.array_equal(pixels_of(images, value_range), LEVELS)


def test_a_column_of_a_data_set_is_a_list_of_images() -> None:
    rows = {"image": [Pillow.fromarray(each) for each in LEVELS]}
    column = Dataset.from_dict(rows, features=Features({"image": Image()}))["image"]
    assert np.array_equal(pixels_of(column), LEVELS)


@pytest.mark.parametrize(
    ("images", "value_range", "sentence"),
    [
        ([LEVELS[0] / 255], None, r"image 0 holds float64 values of no stated range: .* or give value_range=\(0, 1\)"),
        ([LEVELS[0], LEVELS[1] / 200], (0, 1), "image 1 holds values from .* outside of the stated range 0 to 1"),
        ([LEVELS[0] * np.nan], (0, 1), "image 0 holds values that are no numbers"),
        ([LEVELS[0].astype(np.uint16)], None, r"image 0 is uint16 of shape \(5, 7, 3\)"),
        ([LEVELS[0, :, :, 0]], None, r"image 0 is uint8 of shape \(5, 7\)"),
        ([Pillow.new("RGBA", (2, 2))], None, "image 0 has transparent pixels"),
        ([Pillow.new("I;16", (2, 2))], None, "image 0 has 16 bits"),
        ([Pillow.new("CMYK", (2, 2))], None, "image 0 has mode CMYK"),
        (["a.png"], None, "image 0 is a str: give PIL images"),
        ("a.png", None, "a str is no list of images"),
        (LEVELS[0], None, r"a ndarray of shape \(5, 7, 3\) is no list of images"),
        (Pillow.new("RGB", (2, 2)), None, "a Image is no list of images"),
        ({"a": LEVELS[0]}, None, "a dict is no list of images"),
        (3, None, "a int is no list of images"),
    ],
)
def test_what_is_no_image_is_named(images: Any, value_range: Any, sentence: str) -> None:
    with pytest.raises(MetricInputError, match=sentence):
        pixels_of(images, value_range)


def test_images_of_other_sizes_are_named() -> None:
    assert equal_sides([LEVELS[0, :5, :5]] * 2) == 5
    for images in ([LEVELS[0]], [LEVELS[0, :5, :5], LEVELS[0, :4, :4]]):
        with pytest.raises(MetricInputError, match=r"image [01] is \dx\d px, and all must be square and of one size"):
            equal_sides(images)


@given(st.lists(st.integers(0, 255), min_size=12, max_size=12), st.sampled_from([(0, 1), (-1, 1), (0, 255), (-3, 8)]))
def test_every_level_survives_its_way_through_floats(levels: list[int], value_range: tuple[float, float]) -> None:
    image, (low, high) = np.array(levels, np.uint8).reshape(2, 2, 3), value_range
    assert np.array_equal(pixels_of([low + image / 255 * (high - low)], value_range), [image])
