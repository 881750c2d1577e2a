"""Image files to RGB pixels, strictly: converted by a stated rule or refused with the file's name."""

import hashlib
import io
import struct
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from metrics.errors import MetricInputError
from metrics.images.checked import checked_images

FORMATS = ("PNG", "JPEG", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp")
SEVERAL_PICTURES = "MPO"  # what a camera writes: a JPEG with a preview, a depth map or another view behind it
_PLAIN_MODES = ("RGB", "L", "1", "P", "RGBA", "LA", "PA")  # to RGB without loss where every pixel is opaque
_PNG_BIT_DEPTH_AT = 24  # signature 8, chunk length and name 8, width and height 8
_PNG_FIRST_CHUNK_AT = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_image(path: Path) -> np.ndarray:
    """The file's pixels, uint8 (H, W, 3), RGB, as stored: no colour management, no EXIF rotation.

    Greyscale of up to 8 bits, palettes and an alpha channel become RGB without loss where every pixel is opaque; of a
    camera's file of several pictures (MPO) the first is read, as every viewer does. Refused, by MetricInputError: any
    transparency, 16 bits, CMYK and other colour spaces, animations, other formats, damaged, truncated and empty files.
    """
    if not path.is_file():
        raise MetricInputError(f"{path} is missing")
    with path.open("rb") as file:
        return _read(file, str(path))


def decode_image(content: bytes, name: str) -> np.ndarray:
    """The same of a file's content; `name` is what errors call it."""
    return _read(io.BytesIO(content), name)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The file, its pixels not decoded yet. Raises MetricInputError naming it, also for what is met inside."""
    if not path.is_file():
        raise MetricInputError(f"{path} is missing")
    with path.open("rb") as file, _opened(file, str(path)) as image:
        yield image


def _read(file: BinaryIO, name: str) -> np.ndarray:
    with _opened(file, name) as image:
        _refuse_lossy(image, file, name)
        if image.format == "PNG" and not _png_has_end(file):
            raise MetricInputError(f"{name} is damaged or truncated (its end is missing): make this image again")
        return rgb_pixels(image, name)


def rgb_pixels(image: Image.Image, name: str) -> np.ndarray:
    """The same of an image that Pillow has opened, or made."""
    if image.mode.startswith("I"):
        raise MetricInputError(f"{name} has 16 bits per channel: save it as 8-bit RGB")
    if image.mode not in _PLAIN_MODES:
        raise MetricInputError(f"{name} has mode {image.mode}: save it as 8-bit RGB without alpha")
    return np.array(_opaque(image, name).convert("RGB"))


@contextmanager
def _opened(file: BinaryIO, name: str) -> Iterator[Image.Image]:
    try:
        if file.seek(0, io.SEEK_END) == 0:
            raise MetricInputError(f"{name} is empty (0 bytes): make this image again")
        file.seek(0)
        with Image.open(file, formats=FORMATS) as image:
            yield image
    except UnidentifiedImageError:
        raise MetricInputError(f"{name} is not a PNG, JPEG or WebP image, whatever its name says") from None
    except Image.DecompressionBombError:
        raise MetricInputError(f"{name} is too large an image to be read safely") from None
    except MetricInputError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, zlib.error, struct.error) as error:
        raise MetricInputError(f"{name} is damaged or truncated ({error}): make this image again") from error


def read_ahead(
    read: Callable[[Item], Result], items: Iterable[Item], most: int, workers: int | None = None
) -> Generator[Result]:
    """`read` of each item, in order; the next ones, at most so many, are read by threads while one is used.

    workers: threads, which Pillow lets decode side by side; None for as many as Python thinks good. Closing the
    iterator gives up what was not begun.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(read, item))
                if len(waiting) > most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def decoded(paths: Sequence[Path], batch: int, workers: int | None = None) -> Iterator[list[np.ndarray]]:
    """The images of some files, in order, `batch` at a time; the next are decoded while these are used.

    workers: see `read_ahead`. At most two batches are decoded ahead. Raises MetricInputError for the first file that is
    refused, in the files' order.
    """
    if batch < 1 or (workers is not None and workers < 1):
        raise ValueError("a batch and a pool of workers hold at least 1")
    with closing(read_ahead(read_image, paths, 2 * batch, workers)) as images:
        while together := list(islice(images, batch)):
            yield together


def _refuse_lossy(image: Image.Image, file: BinaryIO, name: str) -> None:
    """Refuse what cannot become 8-bit RGB without a choice that changes numbers."""
    if getattr(image, "n_frames", 1) > 1 and image.format != SEVERAL_PICTURES:
        raise MetricInputError(f"{name} is animated ({getattr(image, 'n_frames', 0)} frames): save one frame as RGB")
    if _png_bit_depth(file, image) == 16:
        raise MetricInputError(f"{name} has 16 bits per channel: save it as 8-bit RGB")


def _opaque(image: Image.Image, name: str) -> Image.Image:
    """The image, refused where any pixel is transparent: what is behind it would be a choice."""
    if not image.has_transparency_data:
        return image
    seen = image.convert("RGBA")
    if seen.getchannel("A").getextrema() != (255, 255):
        raise MetricInputError(f"{name} has transparent pixels (mode {image.mode}): save it as 8-bit RGB without alpha")
    return seen


def _png_bit_depth(file: BinaryIO, image: Image.Image) -> int:
    """Pillow reads 16-bit RGB as 8-bit without a word; only the file's header still tells."""
    if image.format != "PNG":
        return 8
    with _place_kept(file):
        file.seek(0)
        return file.read(_PNG_BIT_DEPTH_AT + 1)[_PNG_BIT_DEPTH_AT]


def _png_has_end(file: BinaryIO) -> bool:
    """Whether every chunk is there, up to the last: Pillow is content without those that hold no pixels.

    Bytes after the last chunk are no part of the image and are not looked at.
    """
    with _place_kept(file):
        size = file.seek(0, io.SEEK_END)
        file.seek(_PNG_FIRST_CHUNK_AT)
        while len(head := file.read(8)) == 8:  # length of the data, name
            length, name = struct.unpack(">I4s", head)
            after = file.seek(length + 4, io.SEEK_CUR)  # the data and its checksum
            if name == b"IEND":
                return after <= size
    return False


@contextmanager
def _place_kept(file: BinaryIO) -> Iterator[None]:
    """Pillow reads on from where it left a file."""
    place = file.tell()
    try:
        yield
    finally:
        file.seek(place)


def pixel_hash(image: np.ndarray) -> str:
    """SHA-256 over `HxW` and the RGB bytes of a uint8 (H, W, 3) image: the same for any lossless file format."""
    height, width = checked_images([image])[0].shape[:2]
    digest = hashlib.sha256(f"{height}x{width}\n".encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()


def centre_square(image: np.ndarray, size: int) -> np.ndarray:
    """The central square of uint8 (H, W, 3), resized to (size, size, 3) by Pillow's antialiased bicubic filter.

    An image that has this size already is returned as it is.
    """
    height, width = checked_images([image])[0].shape[:2]
    if (height, width) == (size, size):
        return image
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(square)
    return np.array(Image.fromarray(square).resize((size, size), Image.Resampling.BICUBIC))
