"""What an image file says of itself before its pixels are decoded: by its content, whatever its name says."""

import io
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image

from metrics.images.decode import FORMATS, SEVERAL_PICTURES, opened, read_image

UPRIGHT = 1
_BLANK_PART = 50  # a file of one colour is over a hundred times smaller than its pixels
_FORMAT_BYTES = 1000  # what every file of a format has
_RIFF_HEADER = 12  # bytes, before the first chunk
_LOSSY_CHUNK, _LOSSLESS_CHUNK = b"VP8 ", b"VP8L"


@dataclass(frozen=True)
class ImageFacts:
    """width, height: pixels, as stored. lossy: a JPEG, or a WebP of the lossy kind. turned: its EXIF asks viewers to
    rotate or mirror it, which is not done here. pictures: in a camera's file of several; the first is read.
    may_be_blank: whether its pixels take so few bytes that they may be of a single colour."""

    width: int
    height: int
    lossy: bool
    turned: bool
    pictures: int
    may_be_blank: bool


def image_facts(path: Path) -> ImageFacts:
    """The facts of one file. Raises MetricInputError as `read_image` does, as far as the file's head tells."""
    with opened(path) as image, path.open("rb") as file:
        lossy = _is_lossy(image, file)
        pictures = getattr(image, "n_frames", 1) if image.format == SEVERAL_PICTURES else 1
        beside = sum(len(value) for value in image.info.values() if isinstance(value, bytes | str))
        blank = path.stat().st_size - beside <= blank_bytes(image.width * image.height)
        return ImageFacts(*image.size, lossy, _is_turned(image), pictures, blank)


def blank_bytes(pixels: int) -> int:
    """No file of a single colour is larger, but for what it says beside its pixels: only smaller ones need be read."""
    return 3 * pixels // _BLANK_PART + _FORMAT_BYTES


def blank_note(paths: Sequence[Path], n: int, what: str) -> list[str]:
    """How many of `n` images, `what` in the plural, are of a single colour; of the files that may be."""
    with ThreadPoolExecutor(thread_name_prefix="facts") as pool:
        colours = [pixels[0, 0] for pixels in pool.map(read_image, paths) if (pixels == pixels[0, 0]).all()]
    black = sum(not colour.any() for colour in colours)
    also = f", {black} of them black" if black else ""
    return [f"{len(colours)} of {n} {what} are of a single colour{also}"] if colours else []


def is_lossy(content: bytes) -> bool:
    """Whether an image, given as the bytes of its file, is a JPEG or a WebP of the lossy kind."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        return _is_lossy(image, io.BytesIO(content))


def facts_of(paths: Sequence[Path]) -> list[ImageFacts]:
    """The facts of some files, in order."""
    with ThreadPoolExecutor(thread_name_prefix="facts") as pool:
        return list(pool.map(image_facts, paths))


def facts_notes(facts: Sequence[ImageFacts], what: str) -> list[str]:
    """What a reader must know of some files, counted; `what` names them in the plural."""
    turned, several = sum(each.turned for each in facts), sum(each.pictures > 1 for each in facts)
    notes = []
    if turned:
        notes.append(f"{turned} of {len(facts)} {what} have an EXIF rotation, which is ignored: read as stored")
    if several:
        notes.append(f"{several} of {len(facts)} {what} are files of several pictures (MPO): the first is read")
    return notes


def _is_turned(image: Image.Image) -> bool:
    data = image.info.get("exif")  # image.getexif() would decode a PNG's pixels
    if not data:
        return False
    exif = Image.Exif()
    try:
        exif.load(data)
        return exif.get(ExifTags.Base.Orientation, UPRIGHT) not in (0, UPRIGHT)
    except (SyntaxError, ValueError, TypeError, OSError, struct.error):  # not readable: no viewer turns it either
        return False


def _is_lossy(image: Image.Image, file: BinaryIO) -> bool:
    """file: what the image is read from, at its beginning, as a file of its own."""
    return image.format in ("JPEG", SEVERAL_PICTURES) or (image.format == "WEBP" and _is_lossy_webp(file))


def _is_lossy_webp(file: BinaryIO) -> bool:
    file.seek(_RIFF_HEADER)
    while len(head := file.read(8)) == 8:
        name, length = head[:4], struct.unpack("<I", head[4:])[0]
        if name in (_LOSSY_CHUNK, _LOSSLESS_CHUNK):
            return name == _LOSSY_CHUNK
        file.seek(length + length % 2, 1)
    return True  # not known to be lossless
