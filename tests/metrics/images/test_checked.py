"""What is no image of 8-bit RGB is refused, with what it is, by every function that takes images."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from metrics.errors import MetricInputError
from metrics.features.clip.open_clip import ClipExtractor
from metrics.features.clip.transformers import TransformersClipExtractor
from metrics.features.dinov2 import Dinov2Extractor
from metrics.features.inception.extractor import InceptionExtractor
from metrics.features.pixel_transform import IMAGENET_MEAN, IMAGENET_STD, PixelTransform
from metrics.images.checked import checked_images
from metrics.images.decode import centre_square, pixel_hash

GOOD = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
BAD: dict[str, tuple[Any, str]] = {
    "floats in 0..1": (
        (GOOD / 255).astype(np.float32),
        r"image 1 is float32 of shape \(40, 48, 3\) with values from 0 to 1",
    ),
    "16 bits": (GOOD.astype(np.uint16) * 257, r"image 1 is uint16 .* from 0 to 6.55e\+04"),
    "channels first": (GOOD.transpose(2, 0, 1), r"image 1 is uint8 of shape \(3, 40, 48\)"),
    "four channels": (np.concatenate([GOOD, GOOD[:, :, :1]], axis=2), r"uint8 of shape \(40, 48, 4\)"),
    "grey": (GOOD[:, :, 0], r"uint8 of shape \(40, 48\)"),
    "a list": (GOOD.tolist(), "image 1 is a list"),
    "nothing": (GOOD[:0], r"uint8 of shape \(0, 48, 3\)"),
}
EXTRACTORS = [InceptionExtractor, ClipExtractor, TransformersClipExtractor, Dinov2Extractor]


@pytest.mark.parametrize("name", BAD)
def test_it_says_what_it_got(name: str) -> None:
    image, message = BAD[name]
    for take in takers():
        with pytest.raises(MetricInputError, match=f"{message}.*uint8 \\(H, W, 3\\), RGB"):
            take([GOOD, image])


def takers() -> list[Callable[[Sequence[np.ndarray]], object]]:
    """All that take several images; of the extractors only the call, which checks before it needs a network."""
    calls = [extractor.__new__(extractor).__call__ for extractor in EXTRACTORS]
    return [checked_images, PixelTransform(32, 32, IMAGENET_MEAN, IMAGENET_STD), *calls]


@pytest.mark.parametrize("name", BAD)
def test_single_images_are_checked_too(name: str) -> None:
    for take in (pixel_hash, lambda image: centre_square(image, 40)):
        with pytest.raises(MetricInputError, match=r"RGB in 0\.\.255, are needed"):
            take(BAD[name][0])


def test_images_pass_as_they_are() -> None:
    batch = np.stack([GOOD, GOOD])
    assert checked_images(batch) is batch
    with pytest.raises(MetricInputError, match=r"image 0 is uint8 of shape \(48, 3\)"):
        checked_images(GOOD)  # one image, where several are taken
    with pytest.raises(MetricInputError, match="no images"):
        checked_images([])
