"""Features kept on disk, found by the content of what they were made from and by everything that could change them.

A store is one folder of packs; its key covers extractor, preprocessing and software. A pack is one file:

    magic line, JSON header padded to 512 bytes, ids (n x 32 bytes), zeros up to a multiple of 64, rows (n x D float32)

It is written under a temporary name, synced and renamed, so a name never shows half a pack, whoever writes at the same
time and whenever one is killed. The header holds a SHA-256 of ids and rows; a pack that fails it is named, deleted and
built anew. While a set is computed its rows are saved in parts; the finished set is one pack that can be memory-mapped.
"""

import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from metrics.files import PARTIAL, atomic_file
from metrics.images.folders import CACHE_VARIABLE, cache_folder

MAGIC = b"drawbench features 1\n"
HEADER_BYTES = 512
ALIGNMENT = 64
ID = np.dtype("S32")  # a SHA-256 digest
ROW = np.dtype("<f4")
WHOLE, PART = ".features", ".part"
PART_ROWS = 256
PART_SECONDS = 30.0
ABANDONED_SECONDS = 24 * 3600.0


def content_ids(digests: Iterable[str]) -> np.ndarray:
    """Hexadecimal SHA-256 digests as ids, (n,) of 32 bytes."""
    return np.array([bytes.fromhex(digest) for digest in digests], dtype=ID)


class _DamagedError(Exception):
    """A pack that is not what was written. The message says what is wrong."""


@dataclass(frozen=True)
class _Pack:
    path: Path
    ids: np.ndarray  # (n,) of ID
    rows: np.ndarray  # (n, D), memory-mapped
    rows_sha256: str

    @cached_property
    def intact(self) -> bool:
        """Whether the rows are those that were written; reads all of them, once."""
        return hashlib.sha256(self.rows.data).hexdigest() == self.rows_sha256


class FeatureStore:
    """The features of one extractor, preprocessing and software, by the content of the images.

    Safe under any number of processes: they can only do the same work twice.
    """

    def __init__(self, key: str, folder: Path | None = None, warn: Callable[[str], None] = warnings.warn) -> None:
        """key: hexadecimal digest of everything that could change a row. folder: of the cache; see `cache_folder`."""
        self._folder = (folder or cache_folder()) / "features" / key[:32]
        self._key = key
        self._warn = warn
        self._writable = True
        self._new: list[tuple[np.ndarray, np.ndarray]] = []  # added and not saved yet
        self._saved_at = time.monotonic()
        self._index: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self._packs: list[_Pack] = []
        self._damaged: set[Path] = set()

    def whole(self, ids: np.ndarray) -> np.ndarray | None:
        """The rows (n, D) of a finished set in the order of its ids, memory-mapped and read-only; None if not kept."""
        pack = self._open(self._whole_path(ids))
        if pack is None or not np.array_equal(pack.ids, ids) or not self._is_intact(pack):
            return None
        return pack.rows

    def has(self, ids: np.ndarray) -> np.ndarray:
        """For each id whether its row is kept, (n,) bool. The rows themselves are checked when they are read."""
        return self._places(ids) >= 0

    def is_empty(self) -> bool:
        """Whether no row is kept at all."""
        self._places(content_ids([]))
        return not self._packs

    def lookup(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Which ids are kept, (n,) bool, and their rows (n, D) with zeros for the others; None when none is kept."""
        places = self._places(ids)
        _, pack_of, row_of = self._index or _empty_index()
        for number in np.unique(pack_of[places[places >= 0]]):
            if not self._is_intact(self._packs[number]):
                self._index = None
                return self.lookup(ids)  # without the pack, which is deleted
        present = places >= 0
        if not present.any():
            return present, None
        rows = np.zeros((len(ids), self._packs[pack_of[places[present][0]]].rows.shape[1]), dtype=ROW)
        for number in np.unique(pack_of[places[present]]):
            here = present & (pack_of[places] == number)
            rows[here] = self._packs[number].rows[row_of[places[here]]]
        return present, rows

    def add(self, ids: np.ndarray, rows: np.ndarray) -> None:
        """Keep new rows (n, D). They are saved in parts, every so many rows or seconds: see `flush`."""
        self._new.append((ids, rows))
        full = sum(len(each) for each, _ in self._new) >= PART_ROWS
        if full or time.monotonic() - self._saved_at > PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Save what was added, so that a process killed after this has not computed it in vain."""
        if self._new:
            ids = np.concatenate([each for each, _ in self._new])
            rows = [each for _, each in self._new]
            self._save(self._folder / f"{_digest(ids)}{PART}", ids, rows)
        self._new, self._saved_at = [], time.monotonic()

    def finish(self, ids: np.ndarray, chunks: Sequence[np.ndarray]) -> np.ndarray:
        """Keep a finished set: rows (n, D) in chunks, in the order of ids. Returns them, memory-mapped where possible.

        Parts that the set covers are deleted.
        """
        self._new = []
        path = self._whole_path(ids)
        if self._save(path, ids, chunks):
            self._damaged.discard(path)
            self._drop_parts(ids)
            kept = self.whole(ids)
            if kept is not None:
                return kept
        rows = np.concatenate(chunks)
        rows.flags.writeable = False
        return rows

    def _whole_path(self, ids: np.ndarray) -> Path:
        return self._folder / f"{_digest(ids)}{WHOLE}"

    def _places(self, ids: np.ndarray) -> np.ndarray:
        """For each id its place in the index, (n,) int, or -1."""
        if self._index is None:
            self._index = self._build_index()
        known = self._index[0]
        if len(known) == 0:
            return np.full(len(ids), -1)
        places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[places] == ids, places, -1)

    def _build_index(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All ids kept, sorted, and for each its pack and row; of equal ids the first in the packs' order of names."""
        paths = sorted(self._folder.glob("*.*")) if self._folder.is_dir() else []
        found = [self._open(path) for path in paths if path.suffix in (WHOLE, PART)]
        self._packs = [pack for pack in found if pack is not None]
        if not self._packs:
            return _empty_index()
        pack_of = np.concatenate([np.full(len(pack.ids), number) for number, pack in enumerate(self._packs)])
        row_of = np.concatenate([np.arange(len(pack.ids)) for pack in self._packs])
        ids, first = np.unique(np.concatenate([pack.ids for pack in self._packs]), return_index=True)
        return ids, pack_of[first], row_of[first]

    def _open(self, path: Path) -> _Pack | None:
        if path in self._damaged:
            return None
        try:
            return _read_pack(path, self._key)
        except FileNotFoundError:
            return None
        except _DamagedError as error:
            self._discard(path, str(error))
        except OSError as error:
            self._warn(f"the cached features {path} cannot be read ({error.strerror}): they are computed again")
        return None

    def _is_intact(self, pack: _Pack) -> bool:
        if not pack.intact:
            self._discard(pack.path, "its checksum differs")
        return pack.intact

    def _discard(self, path: Path, reason: str) -> None:
        self._warn(f"the cached features {path} are damaged ({reason}): they are deleted and computed again")
        self._damaged.add(path)  # it may be impossible to delete
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def _save(self, path: Path, ids: np.ndarray, chunks: Sequence[np.ndarray]) -> bool:
        """Whether the pack was written. A cache that cannot be written costs time later, and no result now."""
        if not self._writable:
            return False
        try:
            _write_pack(path, self._key, ids, chunks)
        except OSError as error:
            self._writable = False
            self._warn(
                f"features cannot be kept in {path.parent} ({error.strerror or error}): they are computed again next "
                f"time; make room there, or name another folder with {CACHE_VARIABLE}"
            )
            return False
        return True

    def _drop_parts(self, ids: np.ndarray) -> None:
        """Delete the parts that a finished set covers, and what killed processes left half-written long ago."""
        for path in self._folder.glob(f"*{PART}"):
            pack = self._open(path)
            if pack is not None and np.isin(pack.ids, ids).all():
                path.unlink(missing_ok=True)
        for path in self._folder.glob(f".*{PARTIAL}"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()


def _empty_index() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.empty(0, dtype=ID), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)


def _digest(ids: np.ndarray) -> str:
    """A name for these ids in this order."""
    return hashlib.sha256(ids.tobytes()).hexdigest()[:32]


def _rows_at(count: int) -> int:
    """Where in a pack of `count` ids the rows begin, in bytes."""
    ids_end = HEADER_BYTES + count * ID.itemsize
    return ids_end + -ids_end % ALIGNMENT


def _write_pack(path: Path, key: str, ids: np.ndarray, chunks: Sequence[np.ndarray]) -> None:
    parts = [np.ascontiguousarray(chunk, dtype=ROW) for chunk in chunks]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.data)
    facts = {
        "key": key,
        "n": len(ids),
        "dimension": parts[0].shape[1],
        "ids_sha256": hashlib.sha256(ids.tobytes()).hexdigest(),
        "rows_sha256": digest.hexdigest(),
    }
    header = MAGIC + json.dumps(facts).encode()
    with atomic_file(path) as file:
        file.write(header.ljust(HEADER_BYTES))
        file.write(ids.tobytes().ljust(_rows_at(len(ids)) - HEADER_BYTES, b"\0"))
        for part in parts:
            file.write(part.data)


def _read_pack(path: Path, key: str) -> _Pack:
    """Open a pack and check its header and ids; its rows are checked by `_Pack.intact`."""
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
        if not header.startswith(MAGIC):
            raise _DamagedError("it does not begin like one")
        try:
            facts = json.loads(header[len(MAGIC) :])
            n, dimension = int(facts["n"]), int(facts["dimension"])
            known = (facts["key"], facts["ids_sha256"], facts["rows_sha256"])
        except (ValueError, KeyError, TypeError):
            raise _DamagedError("its header cannot be read") from None
        if known[0] != key:
            raise _DamagedError("it belongs to another key")
        size = os.fstat(file.fileno()).st_size
        if n < 1 or dimension < 1 or size != _rows_at(n) + n * dimension * ROW.itemsize:
            raise _DamagedError(f"it has {size} bytes")
        ids = file.read(n * ID.itemsize)
        if hashlib.sha256(ids).hexdigest() != known[1]:
            raise _DamagedError("the checksum of its ids differs")
        rows = np.memmap(file, dtype=ROW, mode="r", offset=_rows_at(n), shape=(n, dimension))
    return _Pack(path, np.frombuffer(ids, dtype=ID), rows, known[2])
