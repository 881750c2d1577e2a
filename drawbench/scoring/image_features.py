"""Features of files, in the files' order. A file that is known is not read; any other is decoded once and hashed."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.scoring.extractors import Extractors
from metrics.errors import MetricInputError
from metrics.features.cache import FeatureStore, content_ids
from metrics.images.decode import centre_square, pixel_hash, read_ahead, read_image
from metrics.images.file_hashes import FileHashes, stamps

BATCH = 32  # images per pass on a CPU
ACCELERATOR_BATCH = 256  # several passes of a network, so that images are resized while it computes


@dataclass(frozen=True)
class ImageFiles:
    """Image files in a fixed order. sealed: the pixel hash each must have; None where any content will do."""

    folder: Path
    paths: tuple[Path, ...]
    sealed: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ReadSettings:
    """How files are read; none of it changes a number beyond float32 rounding.

    size: pixels, of the central square that extractors see. batch: images per pass. workers: threads that decode; None
    for as many as Python thinks good. verify: decode also files that did not change since they were last read.
    """

    size: int
    batch: int
    workers: int | None = None
    verify: bool = False


@dataclass(frozen=True)
class ImageFeatures:
    """hashes: of each file's pixels. features: per extractor float32 (n, D), row by row those of the files."""

    hashes: tuple[str, ...]
    features: dict[str, np.ndarray]


def image_features(
    files: ImageFiles,
    extractors: Extractors,
    names: Sequence[str],
    reading: ReadSettings,
    label: str,
    progress: Progress,
) -> ImageFeatures:
    """The features of all files under the named extractors, from the cache where it has them.

    Equal images are computed once. A batch is a fixed run of consecutive distinct images, so that a pass that is killed
    and begun again computes the same batches, and gives the same bits.
    Raises UserError for a file that is not as it was sealed; MetricInputError for one that cannot be read, or whose
    features are NaN or infinite.
    """
    book = FileHashes(files.folder, warn=progress.note)
    before = stamps(files.paths)
    known = [None] * len(files.paths) if reading.verify else book.known(files.paths, before)
    if files.sealed is not None:
        known = [digest if digest == seal else None for digest, seal in zip(known, files.sealed, strict=True)]
    work = _Pass(files, {name: image_store(extractors, name, reading.size) for name in names}, extractors, reading)
    work.load_networks(known)
    try:
        with progress.counted(label, 0, len(files.paths)):
            hashes = work.run(known, progress)
    finally:
        for store in work.stores.values():
            store.flush()
    if None in known:
        book.record(files.paths, before, hashes)
    return ImageFeatures(tuple(hashes), work.features(hashes))


def image_store(extractors: Extractors, name: str, size: int) -> FeatureStore:
    """Where an extractor's features of images of `size` pixels are kept."""
    return extractors.store(name, f"{size} px")


def default_batch(device: str) -> int:
    """Images per pass where nobody asked for another number."""
    return BATCH if device == "cpu" else ACCELERATOR_BATCH


class _Pass:
    """One pass over files: in order, a window of `batch` distinct images at a time."""

    def __init__(
        self, files: ImageFiles, stores: dict[str, FeatureStore], extractors: Extractors, reading: ReadSettings
    ) -> None:
        self.files, self.stores, self.extractors, self.reading = files, stores, extractors, reading
        self._whole: dict[str, np.ndarray] = {}
        self._chunks: dict[str, list[np.ndarray]] = {name: [] for name in stores}

    def load_networks(self, known: Sequence[str | None]) -> None:
        """Before anything is read or counted: those that will surely be asked, so that bad weights are told at once."""
        digests = self.files.sealed or [digest for digest in known if digest]
        for name, store in self.stores.items():
            if not store.has(content_ids(dict.fromkeys(digests))).all() or store.is_empty():
                self.extractors.load(name)

    def run(self, known: Sequence[str | None], progress: Progress) -> list[str]:
        """Read what must be read, compute what must be computed; the pixel hashes of all files."""
        if self.files.sealed is not None or None not in known:
            ids = content_ids(dict.fromkeys(self.files.sealed or [digest for digest in known if digest]))
            found = {name: store.whole(ids) for name, store in self.stores.items()}
            self._whole = {name: rows for name, rows in found.items() if rows is not None}
        read = self._to_read(known)
        hashes: list[str] = []
        window: dict[str, tuple[int, np.ndarray | None]] = {}  # distinct images not computed yet: file and pixels
        seen: set[str] = set()
        numbers = [number for number, needed in enumerate(read) if needed]
        with closing(read_ahead(self._decode, numbers, 2 * self.reading.batch, self.reading.workers)) as decoded:
            for number in range(len(read)):
                digest, pixels = next(decoded) if read[number] else (known[number], None)
                assert digest is not None
                hashes.append(digest)
                if digest not in seen:
                    seen.add(digest)
                    window[digest] = (number, pixels)
                if len(window) == self.reading.batch or number + 1 == len(read):
                    self._compute(window)
                    window = {}
                progress.advance(1)
        return hashes

    def features(self, hashes: Sequence[str]) -> dict[str, np.ndarray]:
        """The finished features, a row for each file."""
        distinct = {digest: number for number, digest in enumerate(dict.fromkeys(hashes))}
        rows = [distinct[digest] for digest in hashes]
        found = {}
        for name, store in self.stores.items():
            ids = content_ids(distinct)
            kept = self._whole.get(name)
            if kept is None:
                kept = store.whole(ids)  # known only now, when all files had to be hashed
            if kept is None:
                kept = store.finish(ids, self._chunks[name])
            found[name] = kept if len(distinct) == len(hashes) else kept[rows]
        return found

    def _to_read(self, known: Sequence[str | None]) -> list[bool]:
        """Files that changed or were never read, and the first of each content that some extractor has not seen."""
        digests = list(dict.fromkeys(digest for digest in known if digest))
        lacking: set[str] = set()
        for name, store in self.stores.items():
            if digests and name not in self._whole:
                has = store.has(content_ids(digests))
                lacking |= {digest for digest, kept in zip(digests, has, strict=True) if not kept}
        read = []
        for digest in known:
            read.append(digest is None or digest in lacking)
            lacking.discard(digest or "")
        return read

    def _decode(self, number: int) -> tuple[str, np.ndarray]:
        """The pixel hash of a file, and its central square in the evaluated size."""
        return checked_square(self.files, number, self.reading.size)

    def _compute(self, window: dict[str, tuple[int, np.ndarray | None]]) -> None:
        """Append the window's rows of every extractor; those that no store has are computed as one batch."""
        if not window:
            return
        digests = list(window)
        ids = content_ids(digests)
        for name, store in self.stores.items():
            if name in self._whole:
                continue
            present, rows = store.lookup(ids)
            missing = np.flatnonzero(~present)
            if len(missing):
                images = [self._pixels(digests[i], *window[digests[i]]) for i in missing]
                paths = [self.files.paths[window[digests[i]][0]] for i in missing]
                new = finite_rows(self.extractors.load(name)(images), paths)
                store.add(ids[missing], new)
                if rows is None:
                    rows = np.zeros((len(ids), new.shape[1]), dtype=np.float32)
                rows[missing] = new
            assert rows is not None
            self._chunks[name].append(rows)

    def _pixels(self, digest: str, number: int, pixels: np.ndarray | None) -> np.ndarray:
        """An image that had not to be read is read after all when the cache lost its features meanwhile."""
        if pixels is not None:
            return pixels
        found, pixels = self._decode(number)
        if found != digest:
            raise UserError(f"{self.files.paths[number]} changed while it was read: run the same command again")
        return pixels


def checked_square(files: ImageFiles, number: int, size: int) -> tuple[str, np.ndarray]:
    """The pixel hash of a file, and its central square in `size`. Raises UserError where it is not as it was sealed."""
    path = files.paths[number]
    pixels = read_image(path)
    digest = pixel_hash(pixels)
    if files.sealed is not None and digest != files.sealed[number]:
        raise UserError(f"{path} was changed after the run was sealed: run its generate command again to restore it")
    return digest, centre_square(pixels, size)


def finite_rows(features: np.ndarray, paths: Sequence[Path]) -> np.ndarray:
    """What a network gave for these files, as float32 rows. Raises MetricInputError for one that is not finite."""
    rows = np.ascontiguousarray(features, dtype=np.float32)
    finite = np.atleast_1d(np.isfinite(rows).all(axis=1))
    if not finite.all():
        path = paths[int(np.argmin(finite))]
        raise MetricInputError(f"the features of {path} are NaN or infinite: check the weights")
    return rows
