"""Text features computed once and kept on disk, so that nobody needs to run a frozen text encoder again, or load it.

FOLDER/<fingerprint>-<dtype>/encoder.json   whose features these are: fingerprint, width, dtype
FOLDER/<fingerprint>-<dtype>/*.rows         features: records appended one after the other, one file per writer

A record is a header (magic, tokens, SHA-256 of the text, checksums of features and header) and the features. Writers
share nothing, so any number may work at once. A record that a kill cut short, or whose bytes changed, fails its
checksum and counts as absent: its text is encoded again.
"""

import hashlib
import json
import mmap
import struct
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch

from reference_model.errors import ReferenceModelError
from reference_model.files import atomic_path
from reference_model.text.encoder import (
    LongTexts,
    TextDtype,
    TextEncoder,
    TextFeatures,
    TextSource,
    load_text_encoder,
    text_dtype,
)

_MAGIC = b"DBE1"
_HEADER = struct.Struct("<4sI32sII")  # magic, tokens, text's SHA-256, checksum of features, of this header before it
_RAW: dict[str, Any] = {"float32": np.dtype("<i4"), "bfloat16": np.dtype("<i2")}  # numpy knows no bfloat16


class _Place(NamedTuple):
    """Where a text's features lie."""

    path: Path
    offset: int  # of the features, in bytes
    tokens: int
    checksum: int


class EmbeddingCache:
    """Features of texts by one encoder, read from disk and, with the encoder at hand, added where they are missing.

    Each text is encoded alone, so features do not depend on when, or beside which others, they were made.
    """

    def __init__(self, root: Path, encoder: TextEncoder | None = None, dtype: TextDtype = "float32") -> None:
        """Without an encoder the root must hold the features of exactly one. Raises ReferenceModelError otherwise."""
        self.encoder = encoder
        self.encoded = 0  # texts that had to be encoded since this was opened
        self.folder = _folder_of(root, encoder, dtype) if encoder is not None else _only_folder(root)
        card = _read_card(self.folder)
        self.width: int = card["width"]
        self.dtype: str = card["dtype"]
        self._bytes_per_token = self.width * _RAW[self.dtype].itemsize
        self._maps: dict[Path, mmap.mmap] = {}
        self._index: dict[bytes, _Place] = {}
        self._others: dict[bytes, list[_Place]] = {}  # of two writers at once, or in place of a damaged record
        self._own: BinaryIO | None = None
        for path in sorted(self.folder.glob("*.rows")):
            for digest, place in self._scan(path):
                if self._index.setdefault(digest, place) is not place:
                    self._others.setdefault(digest, []).append(place)

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, text: str) -> bool:
        return _digest(text) in self._index

    def encode_batch(self, texts: Sequence[str]) -> TextFeatures:
        """Padded float32 features. Raises ReferenceModelError when one is absent and there is no encoder."""
        rows = [self._row(text) for text in texts]
        lengths = torch.tensor([len(row) for row in rows])
        raw = np.zeros((len(rows), int(lengths.max()), self.width), _RAW[self.dtype])
        for target, row in zip(raw, rows, strict=True):
            target[: len(row)] = row
        tokens = torch.from_numpy(raw).view(text_dtype(self.dtype)).float()
        return TextFeatures(tokens, torch.arange(raw.shape[1])[None, :] < lengths[:, None])

    def add(self, texts: Iterable[str]) -> None:
        """Encode and keep those that are not there yet."""
        for text in dict.fromkeys(texts):
            if text not in self:
                self._append(text)

    def _row(self, text: str) -> np.ndarray:
        """Raw features (L, D), checked; encoded again when they are absent or damaged."""
        digest = _digest(text)
        if digest in self._index:
            for place in (self._index[digest], *self._others.get(digest, ())):
                row = self._read(place)
                if row is not None:
                    return row
        return self._append(text)

    def _read(self, place: _Place) -> np.ndarray | None:
        size = place.tokens * self._bytes_per_token
        content = self._map(place.path, place.offset + size)
        if content is None or zlib.crc32(memoryview(content)[place.offset : place.offset + size]) != place.checksum:
            return None
        flat = np.frombuffer(content, _RAW[self.dtype], place.tokens * self.width, place.offset)
        return flat.reshape(place.tokens, self.width)

    def _append(self, text: str) -> np.ndarray:
        if self.encoder is None:
            raise ReferenceModelError(
                f"{self.folder} has no features of the text with SHA-256 {_digest(text).hex()[:12]}, and no encoder was"
                " given to make them: name it with --text, or run python -m reference_model.training.embeddings"
            )
        features = self.encoder.encode(text).to("cpu", text_dtype(self.dtype)).contiguous()
        raw = features.view(torch.int32 if self.dtype == "float32" else torch.int16).numpy()
        data = raw.tobytes()
        head = struct.pack("<4sI32sI", _MAGIC, len(raw), _digest(text), zlib.crc32(data))
        if self._own is None:
            self._own = (self.folder / f"{uuid.uuid4().hex}.rows").open("xb")
        offset = self._own.tell() + _HEADER.size
        self._own.write(head + struct.pack("<I", zlib.crc32(head)) + data)
        self._own.flush()
        self._index[_digest(text)] = _Place(Path(self._own.name), offset, len(raw), zlib.crc32(data))
        self.encoded += 1
        return raw

    def _scan(self, path: Path) -> Iterator[tuple[bytes, _Place]]:
        """Every record up to the end or to the first broken header, behind which nothing can be found."""
        content, offset = self._map(path, 1), 0
        while content is not None and offset + _HEADER.size <= len(content):
            magic, tokens, digest, checksum, own = _HEADER.unpack_from(content, offset)
            start = offset + _HEADER.size
            if magic != _MAGIC or zlib.crc32(content[offset : start - 4]) != own:
                return
            offset = start + tokens * self._bytes_per_token
            if offset <= len(content):
                yield digest, _Place(path, start, tokens, checksum)

    def _map(self, path: Path, size: int) -> mmap.mmap | None:
        """The file in memory, mapped again when it has grown; None when it is shorter than `size`."""
        known = self._maps.get(path)
        if known is not None and len(known) >= size:
            return known
        if path.stat().st_size < size:
            return None
        with path.open("rb") as file:
            self._maps[path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return self._maps[path]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _folder_of(root: Path, encoder: TextEncoder, dtype: TextDtype) -> Path:
    text_dtype(dtype)
    folder = root / f"{encoder.fingerprint[:16]}-{dtype}"
    card = {"fingerprint": encoder.fingerprint, "width": encoder.width, "dtype": dtype}
    with atomic_path(folder / "encoder.json") as partial:  # the same bytes from every writer
        partial.write_text(json.dumps(card, indent=2) + "\n")
    return folder


def _only_folder(root: Path) -> Path:
    folders = sorted(path.parent for path in root.glob("*/encoder.json"))
    if len(folders) != 1:
        raise ReferenceModelError(
            f"{root} holds the features of {len(folders)} text encoders: name the one you mean with --text FOLDER"
        )
    return folders[0]


def _read_card(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / "encoder.json").read_text())
        text_dtype(card["dtype"])
        return {"width": int(card["width"]), "dtype": card["dtype"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReferenceModelError(f"{folder / 'encoder.json'} cannot be read ({error}): delete {folder}") from error


def text_source(
    text: Path | None, embeddings: Path | None, dtype: TextDtype = "float32", long_texts: LongTexts = "refuse"
) -> TextSource:
    """What a training command was given: an encoder's folder, a cache of features, or both."""
    encoder = None if text is None else load_text_encoder(text, long_texts=long_texts)
    if embeddings is not None:
        return EmbeddingCache(embeddings, encoder, dtype)
    if encoder is None:
        raise ReferenceModelError("no text encoder was named: give --text FOLDER, or --embeddings FOLDER made with it")
    return encoder
