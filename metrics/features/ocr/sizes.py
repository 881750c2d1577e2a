"""The sizes at which an image is read: engines miss low letters in small images, and tear large ones apart."""

from collections.abc import Sequence

import numpy as np
from PIL import Image


def sizes(sides: Sequence[int]) -> str:
    """For definitions."""
    return f"longer side at {' and '.join(map(str, sides))} px and as it is, the reading nearest to what is asked for"


def at_sides(image: np.ndarray, sides: Sequence[int]) -> list[np.ndarray]:
    """The image, uint8 (H, W, 3), with its longer side brought to each of `sides`, and as it is where that is larger.

    By Pillow's bicubic filter, enlarged too.
    """
    height, width = image.shape[:2]
    longer, whole = max(height, width), Image.fromarray(image)
    sizes = [(max(1, round(width * side / longer)), max(1, round(height * side / longer))) for side in sides]
    found = [np.asarray(whole.resize(size, Image.Resampling.BICUBIC)) for size in sizes]
    return [*found, image] if longer > max(sides) else found
