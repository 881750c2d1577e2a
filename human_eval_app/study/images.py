"""The images as raters load them: RGB, without metadata, in one encoding for all models, under opaque names.

A file's bytes depend on its pixels and the encoder alone; its name and the order in which files are written depend on
the study's secret; all files bear one time. So nothing but the picture itself can tell which model made it.
"""

import hashlib
import hmac
import io
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from PIL import Image

from drawbench.errors import UserError
from drawbench.progress import Progress
from metrics.images.decode import centre_square

SUFFIX = ".webp"
TOKEN_DIGITS = 32
FILE_TIME = 946_684_800  # 2000-01-01T00:00:00Z, of every image

Alteration = Literal["", "mosaic and noise", "of another prompt", "given"]
MOSAIC_TILES = 16  # on a side: coarse enough to be seen at 64 pixels as at 1024
NOISE = 30.0  # standard deviation of the tiles' brightness, of 255


class ImageSource(Protocol):
    """Where a model's images come from."""

    def pixels(self, prompt_id: str, index: int) -> np.ndarray:
        """The image, uint8 (H, W, 3), RGB. Raises UserError when it is missing or not the one that was recorded."""
        ...


@dataclass(frozen=True)
class ImageJob:
    """One file to be made: `label`'s image of a prompt, altered or not, as `token`."""

    token: str
    label: str
    prompt_id: str
    index: int
    alteration: Alteration


@dataclass(frozen=True)
class Encoder:
    """How every image of a study is encoded: WebP without losses, or with the losses of a quality from 1 to 100."""

    quality: int | None

    @classmethod
    def named(cls, name: str) -> "Encoder":
        """The encoder of a name such as `webp-lossless` or `webp-90`. Raises UserError for another."""
        kind, _, quality = name.partition("-")
        if name == "webp-lossless":
            return cls(None)
        if kind == "webp" and quality.isascii() and quality.isdigit() and 1 <= int(quality) <= 100:
            return cls(int(quality))
        raise UserError(f"--encoder {name} is unknown: give webp-lossless, or webp-1 to webp-100.")

    @property
    def name(self) -> str:
        """As `named` takes it."""
        return "webp-lossless" if self.quality is None else f"webp-{self.quality}"

    def encode(self, pixels: np.ndarray) -> bytes:
        """The file of uint8 pixels (H, W, 3), with nothing in it but the image."""
        buffer = io.BytesIO()
        image = Image.fromarray(pixels)
        if self.quality is None:
            # Low effort: at 1024 pixels it takes 0.4 s where the default takes 0.9, for files 2% larger.
            image.save(buffer, format="WEBP", lossless=True, quality=20, method=1)
        else:
            image.save(buffer, format="WEBP", quality=self.quality)
        return buffer.getvalue()


def image_token(secret: bytes, label: str, prompt_id: str, index: int, alteration: str) -> str:
    """The name of an image: HMAC-SHA256 over what it shows, cut to 32 hexadecimal digits."""
    message = f"{label}\t{prompt_id}\t{index}\t{alteration}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:TOKEN_DIGITS]


def prepared(pixels: np.ndarray, size: int, alteration: Alteration, seed: int) -> np.ndarray:
    """The image as it is shown, uint8 (size, size, 3): its central square, resized where needed, then altered."""
    square = centre_square(pixels, size)
    return mosaic(square, seed) if alteration == "mosaic and noise" else square


def mosaic(pixels: np.ndarray, seed: int) -> np.ndarray:
    """A version of uint8 (S, S, 3) that nobody finds better: 16 x 16 flat tiles of uneven brightness.

    Deterministic in `seed`. The unevenness makes a difference where the image has one colour only.
    """
    size = pixels.shape[0]
    small = np.asarray(Image.fromarray(pixels).resize((MOSAIC_TILES, MOSAIC_TILES), Image.Resampling.BOX), np.float64)
    noisy = small + np.random.default_rng(seed).normal(0.0, NOISE, (MOSAIC_TILES, MOSAIC_TILES, 1))
    tiles = Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    return np.array(tiles.resize((size, size), Image.Resampling.NEAREST))


def write_images(
    jobs: Iterable[ImageJob],
    sources: dict[str, ImageSource],
    folder: Path,
    *,
    size: int,
    encoder: Encoder,
    progress: Progress,
    workers: int | None = None,
) -> int:
    """Write all images into `folder` and return the bytes they take together.

    Raises UserError when an image cannot be read, OSError when one cannot be written. `workers`: threads (the number
    of processors).
    """
    ordered = sorted(jobs, key=lambda job: job.token)  # an order that has nothing to do with models
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    pool = ThreadPoolExecutor(workers or os.cpu_count())  # Pillow releases the interpreter lock
    with progress.counted("re-encoding", 0, len(ordered)):
        try:
            tasks = [pool.submit(_write_image, job, sources[job.label], folder, size, encoder) for job in ordered]
            for task in as_completed(tasks):
                total += task.result()
                progress.advance(1)
        finally:
            pool.shutdown(cancel_futures=True)
    _forget_times(folder, ordered)
    return total


def _write_image(job: ImageJob, source: ImageSource, folder: Path, size: int, encoder: Encoder) -> int:
    pixels = prepared(source.pixels(job.prompt_id, job.index), size, job.alteration, int(job.token[:8], 16))
    content = encoder.encode(pixels)
    (folder / f"{job.token}{SUFFIX}").write_bytes(content)
    return len(content)


def _forget_times(folder: Path, jobs: Sequence[ImageJob]) -> None:
    for job in jobs:
        os.utime(folder / f"{job.token}{SUFFIX}", (FILE_TIME, FILE_TIME))
