"""Extractors of a few lines, for tests of how features are read, kept and dealt out; they know nothing of images."""

import hashlib
import time
from collections.abc import Sequence

import numpy as np

from metrics.features.extractor import Extractor
from metrics.features.registry import ExtractorEntry

DIMENSION = 8
BATCH_EFFECT = 1e-3  # far above rounding, so that a batch of other images is noticed


class PlainExtractor:
    """Random projections of the pixels, and of the bytes of texts.

    batch_effect: how much the mean of its batch is mixed into each row: a real network's rounding, enlarged.
    seconds: that each batch takes. fail_at: the batch that raises KeyboardInterrupt.
    """

    context_length = 1000

    def __init__(self, name: str, batch_effect: float = 0.0, seconds: float = 0.0, fail_at: int | None = None) -> None:
        self.fingerprint = hashlib.sha256(name.encode()).hexdigest()
        self.dimension = DIMENSION
        self.batches: list[int] = []
        self._batch_effect, self._seconds, self._fail_at = batch_effect, seconds, fail_at
        self._seed = len(name)

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        if self._fail_at == len(self.batches):
            raise KeyboardInterrupt
        time.sleep(self._seconds)
        self.batches.append(len(images))
        rows = self._project(np.stack([image.reshape(-1) for image in images]) / 255)
        return rows + np.float32(self._batch_effect) * rows.mean(axis=0)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return self._project(np.stack([np.frombuffer(text.encode().ljust(64)[:64], np.uint8) for text in texts]) / 255)

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        return [False] * len(texts)

    def _project(self, values: np.ndarray) -> np.ndarray:
        random = np.random.default_rng(self._seed)
        return (values @ random.normal(size=(values.shape[1], DIMENSION))).astype(np.float32)


def entry_of(extractor: PlainExtractor, name: str = "plain") -> ExtractorEntry:
    """The extractor as protocols hold it."""

    def load(device: str) -> Extractor:
        return extractor

    return ExtractorEntry(name, "a random projection", "0" * 64, lambda: extractor.fingerprint, load)
