"""Images that a program holds, to RGB pixels: converted by the rule of files, or refused with a sentence."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from metrics.errors import MetricInputError
from metrics.images.checked import checked_images
from metrics.images.decode import rgb_pixels

Range = tuple[float, float]
USUAL: tuple[Range, ...] = ((0, 1), (-1, 1), (0, 255))  # ranges that libraries give images in
FAR = 100  # times as wide as what an image fills: it would be of two neighbouring levels


def pixels_of(images: Any, value_range: Range | None = None) -> list[np.ndarray]:
    """Images as uint8 (H, W, 3), RGB, each in memory of its own or the caller's.

    images: a list of PIL images, uint8 arrays (H, W, 3), or arrays or tensors of floats, or one array or tensor of all
    of them, (N, ...); channels may come first. value_range: lowest and highest value of floats, such as (0, 1).
    Raises MetricInputError for anything else: transparency, 16 bits, greyscale arrays, floats without a range.
    """
    return [one_image(image, f"image {number}", value_range) for number, image in enumerate(listed(images))]


def one_image(image: Any, name: str, value_range: Range | None = None) -> np.ndarray:
    """The same of one image; `name` is what errors call it."""
    if isinstance(image, Image.Image):
        return rgb_pixels(image, name)
    array = array_of(image)
    if array is None:
        raise MetricInputError(f"{name} is a {type(image).__name__}: give PIL images, uint8 arrays, or tensors")
    array = channels_last(array)
    if array.ndim == 3 and np.issubdtype(array.dtype, np.floating):
        array = levels(array, value_range, name, "give value_range=(0, 1), or what their range is")
    return checked_images([array])[0]


def listed(images: Any) -> list[Any]:
    """The images of a list, a column of a data set, or an array of several. Raises MetricInputError for others."""
    array = None if isinstance(images, list | tuple) else array_of(images)
    if array is not None and array.ndim == 4:
        return list(array)
    if array is not None or isinstance(images, str | bytes | Mapping | Image.Image) or not hasattr(images, "__iter__"):
        shape = "" if array is None else f" of shape {array.shape}"
        raise MetricInputError(f"a {type(images).__name__}{shape} is no list of images: give a list")
    return list(images)


def array_of(image: Any) -> np.ndarray | None:
    """What an array or a tensor of any library holds; None for anything else."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(image, torch.Tensor):
        image = image.detach().cpu()
        return np.asarray(image.float() if image.is_floating_point() else image)  # numpy knows no bfloat16
    return np.asarray(image) if hasattr(image, "__array__") and not isinstance(image, Image.Image) else None


def channels_last(array: np.ndarray) -> np.ndarray:
    """(3, H, W), also as the only one of a batch, to (H, W, 3)."""
    array = array[0] if array.ndim == 4 and len(array) == 1 else array
    if array.ndim == 3 and array.shape[0] == 3 != array.shape[2]:
        array = np.moveaxis(array, 0, -1)
    return array


def levels(values: np.ndarray, stated: Range | None, told: str, how: str) -> np.ndarray:
    """uint8 levels, rounded to the nearest, of values in the stated range: its lowest is 0 and its highest 255.

    told: what errors call the image. how: how a range is stated, for the error where there is none.
    Raises MetricInputError for values outside of the range, and for a range of which they fill next to nothing.
    """
    if stated is None:
        raise MetricInputError(
            f"{told} holds {values.dtype} values of no stated range: give uint8 (0 to 255), or {how}"
        )
    low, high = stated
    if not np.isfinite(values).all():
        raise MetricInputError(f"{told} holds values that are no numbers, nan or infinite")
    least, most = float(values.min(initial=high)), float(values.max(initial=low))
    if least < low or most > high:
        raise MetricInputError(
            f"{told} holds values from {least:g} to {most:g}, outside of the stated range {low:g} to {high:g}: "
            "clamp them to it, or state another range"
        )
    if meant := _meant(least, most, high - low):
        raise MetricInputError(
            f"{told} holds values from {least:g} to {most:g}, of which the stated range {low:g} to {high:g} makes one "
            f"colour: state what is meant, such as {meant}"
        )
    return np.rint((values.astype(np.float64) - low) * (255 / (high - low))).astype(np.uint8, order="C")


def _meant(least: float, most: float, width: float) -> Range | None:
    """The usual range that the values fill, where the stated one is far wider."""
    return next(((a, b) for a, b in USUAL if a <= least < most <= b and (b - a) * FAR <= width), None)


def checked_range(stated: Any, whose: str) -> Range | None:
    """A range as (low, high); None for none. Raises MetricInputError where it is no range."""
    if stated is None:
        return None
    try:
        low, high = map(float, stated)
    except (TypeError, ValueError):
        low = high = np.nan
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise MetricInputError(f"{whose} is {stated!r}: state the lowest and the highest value, such as (0, 1)")
    return low, high


def equal_sides(images: Sequence[np.ndarray]) -> int:
    """The side in pixels of square images of one size. Raises MetricInputError for others, naming the first."""
    width = images[0].shape[1]
    for number, image in enumerate(images):
        if image.shape[:2] != (width, width):
            raise MetricInputError(
                f"image {number} is {image.shape[1]}x{image.shape[0]} px, and all must be square and of one size: "
                "crop and resize them first"
            )
    return width
