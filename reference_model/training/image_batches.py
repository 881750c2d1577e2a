"""Batches of captioned images for a stage: decoded, cut to its resolution, in the same order on any number of ranks."""

import hashlib
import io
import sys
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from random import Random
from types import TracebackType
from typing import Any, Self

import numpy as np

from reference_model.errors import ReferenceModelError
from reference_model.pixels import averaged
from reference_model.training.image_source import Drawn, ImageSource, Stream, content_of
from reference_model.training.ranks import ALONE, Ranks
from reference_model.world.examples import Batch, Example

HELD_OUT_IN = 100  # one image in so many is never trained on, by its SHA-256
HELD_OUT_IMAGES, HELD_OUT_SOUGHT = 128, 20_000  # of the measurements; among so many first examples


class TooSmallError(ValueError):
    """An image would have to be enlarged."""


@dataclass(frozen=True)
class Cut:
    """What becomes of an image: its centred square at `size`; above a base a random square of `side`, and that low."""

    size: int
    low_size: int | None = None
    side: int | None = None

    def __call__(self, content: bytes, caption: str, random: Random) -> Example:
        """Raises TooSmallError, and whatever Pillow raises for what it cannot read."""
        from PIL import Image, ImageOps

        image = Image.open(io.BytesIO(content))
        if min(image.size) < self.size:
            raise TooSmallError(f"smaller than {self.size} pixels")
        image.draft("RGB", (2 * self.size, 2 * self.size))  # JPEG: nothing finer than that is decoded
        square = ImageOps.fit(image.convert("RGB"), (self.size, self.size), Image.Resampling.BICUBIC)
        pixels = np.asarray(square)
        if self.low_size is None or self.side is None:
            return Example(caption, pixels)
        factor = self.size // self.low_size
        low_side = self.side // factor
        left, top = (random.randrange(self.low_size - low_side + 1) for _ in range(2))
        low = averaged(pixels, self.low_size)[top : top + low_side, left : left + low_side]
        left, top = left * factor, top * factor
        return Example(caption, pixels[top : top + self.side, left : left + self.side], low)


class ImageBatches:
    """The batches of one rank. Batch `n` comes from stream `n % streams`, whichever rank asks for it.

    workers: threads that decode, and whether the next batch is made ahead.
    """

    def __init__(
        self,
        source: ImageSource,
        cut: Cut,
        batch: int,
        seed: str,
        streams: int = 1,
        ranks: Ranks = ALONE,
        workers: int = 0,
    ) -> None:
        self._source, self._cut, self._batch, self._ranks = source, cut, batch, ranks
        self._streams = {n: Stream(source, n, streams, seed) for n in range(ranks.rank, streams, ranks.size)}
        self._count = streams
        self._positions = {stream.name: stream.position() for stream in self._streams.values()}  # of what was fetched
        self._pool = ThreadPoolExecutor(max(1, workers))
        self._maker = ThreadPoolExecutor(1) if workers else None
        self._ahead: dict[int, Future[tuple[Batch, dict[str, Any]]]] = {}
        self.used, self.skipped = 0, Counter[str]()

    def batch(self, number: int) -> Batch:
        """The next batch of a stream. Raises ReferenceModelError when the source gives no image that can be used."""
        if self._maker is None:
            batch, position = self._made(number)
        else:
            batch, position = (self._ahead.pop(number, None) or self._maker.submit(self._made, number)).result()
            following = number + self._ranks.size
            self._ahead[following] = self._maker.submit(self._made, following)
        self._positions[self._streams[number % self._count].name] = position
        return batch

    @cached_property
    def held_out(self) -> list[Batch]:
        """The first images that are never trained on, in batches of which the last may be smaller."""
        examples: list[Example] = []
        for row in islice(self._source.part(), HELD_OUT_SOUGHT):
            content = content_of(row["image"])
            if content is not None and is_held_out(content):
                drawn = Drawn(content, row["caption"], Random(hashlib.sha256(content).digest()))
                examples += [example for example in [self._example(drawn)] if isinstance(example, Example)]
            if len(examples) == HELD_OUT_IMAGES:
                break
        if not examples:
            print(f"{self._source.spec}: no held-out image among the first {HELD_OUT_SOUGHT:,}", file=sys.stderr)
        firsts = range(0, len(examples), self._batch)
        return [_together(examples[first : first + self._batch]) for first in firsts]

    def position(self) -> dict[str, Any]:
        """Where this rank's streams are, after the batches that were fetched."""
        return dict(self._positions)

    def go_to(self, position: dict[str, Any]) -> None:
        """Go on from there. A position in another source is none. Raises ReferenceModelError for other streams."""
        if not any(name.rpartition(" ")[0] == self._source.spec for name in position):
            return
        for stream in self._streams.values():
            if stream.name not in position or len(position) != self._count:
                raise ReferenceModelError(
                    f"the state is of a training with {len(position)} batches in a step and their places in"
                    f" {self._source.spec}: go on with --accumulate {len(position)}"
                )
            stream.go_to(position[stream.name])
            self._positions[stream.name] = position[stream.name]

    def close(self) -> None:
        """End the threads; say what was skipped."""
        for pool in filter(None, (self._maker, self._pool)):
            pool.shutdown(cancel_futures=True)
        if self.skipped:
            total = self.skipped.total()
            seen = f"{total:,} of {total + self.used:,} images were skipped"
            print(f"{self._source.spec}: {seen} ({self._reasons()})", file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _made(self, number: int) -> tuple[Batch, dict[str, Any]]:
        stream, examples = self._streams[number % self._count], list[Example]()
        began = stream.epoch
        while missing := self._batch - len(examples):
            drawn = [each for each in islice(stream, missing) if each.content is None or not is_held_out(each.content)]
            for found in self._pool.map(self._example, drawn):
                if isinstance(found, Example):
                    examples.append(found)
                else:
                    self.skipped[found] += 1
            if not examples and stream.epoch > began + 1:
                raise ReferenceModelError(
                    f"{self._source.spec} has no image to train on: {self._reasons() or 'held out'}"
                )
        self.used += len(examples)
        return _together(examples), stream.position()

    def _reasons(self) -> str:
        return ", ".join(f"{count:,} {reason}" for reason, count in self.skipped.most_common())

    def _example(self, drawn: Drawn) -> Example | str:
        """The example, or why it is skipped."""
        if drawn.content is None:
            return "not there"
        if not isinstance(drawn.caption, str) or not drawn.caption.strip():
            return "without a caption"
        try:
            return self._cut(drawn.content, drawn.caption, drawn.random)
        except Exception as error:  # Pillow raises nearly anything for a broken file
            return str(error) if isinstance(error, TooSmallError) else "unreadable"


def is_held_out(content: bytes) -> bool:
    """Whether an image, by its file's bytes, is for measurements only."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") % HELD_OUT_IN == 0


def _together(examples: list[Example]) -> Batch:
    lows = [example.low for example in examples if example.low is not None]
    captions = tuple(example.caption for example in examples)
    return Batch(captions, np.stack([example.image for example in examples]), np.stack(lows) if lows else None)
