"""What networks that look at an image together with its prompt say of a run's images: read once, then kept."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drawbench.progress import Progress
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import ImageFiles, ReadSettings, checked_square, finite_rows
from metrics.features.cache import FeatureStore, content_ids
from metrics.images.decode import read_ahead


@dataclass(frozen=True)
class Pairs:
    """Images of a sealed run, each with its prompt."""

    files: ImageFiles
    prompts: tuple[str, ...]

    @cached_property
    def ids(self) -> list[str]:
        """A digest for what is read: equal images with equal prompts are read once."""
        hashes = self.files.sealed or ()
        told = [f"{digest}\0{prompt}" for digest, prompt in zip(hashes, self.prompts, strict=True)]
        return [hashlib.sha256(each.encode()).hexdigest() for each in told]

    @cached_property
    def different(self) -> dict[str, int]:
        """Each different pair, by its digest, and where it first stands; in order."""
        first: dict[str, int] = {}
        for number, digest in enumerate(self.ids):
            first.setdefault(digest, number)
        return first


def readings_store(extractors: Extractors, name: str, size: int) -> FeatureStore:
    """Where a reader's numbers about images of `size` pixels with their prompts are kept."""
    return extractors.store(name, f"{size} px, with prompts")


class PromptReadings:
    """One reader's numbers about the pairs."""

    def __init__(self, pairs: Pairs, extractors: Extractors, name: str, reading: ReadSettings) -> None:
        """Loads the reader where it will surely be asked, so that bad weights are told at once: MetricInputError."""
        self._pairs, self._reading, self._name = pairs, reading, name
        self._store = readings_store(extractors, name, reading.size)
        self._extractors = extractors
        if not self._store.has(content_ids(pairs.different)).all():
            extractors.reader(name)

    def rows(self, progress: Progress) -> np.ndarray:
        """float32 (n, K), row by row those of the pairs; from the cache where it has them.

        Batches are fixed runs of consecutive different pairs, kept in parts: work that was killed goes on, and gives
        the same bits. Raises UserError for a file that is not as it was sealed; MetricInputError for weights that are
        missing, and numbers that are NaN or infinite.
        """
        ids, first = self._pairs.ids, self._pairs.different
        rows = self._store.whole(content_ids(first))
        if rows is None:
            places, size = list(first.values()), self._reading.batch
            try:
                with progress.counted(self._name, 0, len(places)):
                    parts = [self._batch(places[at : at + size], progress) for at in range(0, len(places), size)]
            finally:
                self._store.flush()
            rows = self._store.finish(content_ids(first), parts)
        if len(first) == len(ids):
            return rows
        row = {digest: number for number, digest in enumerate(first)}
        return rows[[row[digest] for digest in ids]]

    def _batch(self, places: list[int], progress: Progress) -> np.ndarray:
        """The rows of a batch, of which those that are not kept yet are computed together."""
        ids = content_ids(self._pairs.ids[place] for place in places)
        present, rows = self._store.lookup(ids)
        missing = np.flatnonzero(~present)
        if len(missing):
            asked = [places[i] for i in missing]
            images = list(read_ahead(self._decode, asked, len(asked), self._reading.workers))
            prompts = [self._pairs.prompts[place] for place in asked]
            found = self._extractors.reader(self._name)(images, prompts)
            new = finite_rows(found, [self._pairs.files.paths[place] for place in asked])
            self._store.add(ids[missing], new)
            if rows is None:
                rows = np.zeros((len(ids), new.shape[1]), dtype=np.float32)
            rows[missing] = new
        assert rows is not None
        progress.advance(len(places))
        return rows

    def _decode(self, place: int) -> np.ndarray:
        return checked_square(self._pairs.files, place, self._reading.size)[1]
