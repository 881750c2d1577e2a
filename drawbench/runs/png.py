"""The PNG files of a run. They are read back, and their pixels hashed, by metrics.images.decode."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from metrics.images.decode import pixel_hash

PNG_LEVEL = 1  # about five times faster than the default, for files about a tenth larger


@dataclass(frozen=True)
class Encoded:
    """An image as its file. pixel_sha256: of its pixels, by `pixel_hash`."""

    png: bytes
    pixel_sha256: str


def encoded(pixels: np.ndarray) -> Encoded:
    """The image of uint8 pixels (height, width, 3), RGB."""
    return Encoded(encode_png(pixels), pixel_hash(pixels))


def encode_png(pixels: np.ndarray) -> bytes:
    """A PNG without metadata of uint8 pixels (height, width, 3), RGB. Equal pixels give equal bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()
