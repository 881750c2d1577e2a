"""Whether arrays are the images that they are taken for."""

from collections.abc import Sequence

import numpy as np

from metrics.errors import MetricInputError


def checked_images(images: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """The images as they came, each uint8 (H, W, 3). Raises MetricInputError that says what another one is.

    Floats in [0, 1], 16 bits, channels first or four channels would all give features, of another picture.
    """
    if len(images) == 0:
        raise MetricInputError("no images were given, and at least one is needed")
    for number, image in enumerate(images):
        if not isinstance(image, np.ndarray):
            raise MetricInputError(f"image {number} is a {type(image).__name__}: {NEEDED}")
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise MetricInputError(f"image {number} is {image.dtype} of shape {image.shape}{_range(image)}: {NEEDED}")
    return images


NEEDED = "arrays of uint8 (H, W, 3), RGB in 0..255, are needed"


def _range(image: np.ndarray) -> str:
    if image.size == 0 or image.dtype == np.uint8 or image.dtype.kind not in "fiu":
        return ""
    return f" with values from {image.min():.3g} to {image.max():.3g}"
