"""The PNG files of a run. They are read back, and their pixels hashed, by metrics.features.decode."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

PNG_LEVEL = 1  # about five times faster than the default, for files about a tenth larger
PNG_END = b"\0\0\0\0IEND\xaeB\x60\x82"  # the last chunk of every PNG: no data, its name, its checksum


def encode_png(pixels: np.ndarray) -> bytes:
    """A PNG without metadata of uint8 pixels (height, width, 3), RGB. Equal pixels give equal bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def ends_as_png(path: Path) -> bool:
    """Whether the file has its end: a decoder is content without the last bytes when no pixel is in them."""
    with path.open("rb") as file:
        file.seek(0, io.SEEK_END)
        file.seek(max(0, file.tell() - len(PNG_END)))
        return file.read() == PNG_END
