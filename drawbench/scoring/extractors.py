"""The extractors of a protocol: loaded when first needed, and where their features are kept."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import cast

import numpy as np

from metrics.errors import MetricInputError
from metrics.features.cache import FeatureStore, content_ids
from metrics.features.extractor import Extractor, PromptReader, TextExtractor
from metrics.features.registry import ExtractorEntry

CROP = "central square, Pillow bicubic"  # metrics.images.decode.centre_square, before every extractor
LOGITS_ROWS = 1024  # pool features that become logits at once
SOFTWARE = (
    "torch",
    "torchvision",
    "open_clip_torch",
    "transformers",
    "clean-fid",
    "pillow",
    "numpy",
    "rapidocr",
    "onnxruntime",
    "opencv-python-headless",
)


@dataclass(frozen=True)
class Cut:
    """Of n texts whether only the beginning is read, the first `limit` tokens; 0 when no text is cut."""

    texts: tuple[bool, ...]
    limit: int


class Extractors:
    """Extractors by name. One is loaded when an image or a text must be computed, not when all is in the cache."""

    def __init__(self, entries: Sequence[ExtractorEntry], device: str, warn: Callable[[str], None]) -> None:
        self.device = device
        self.entries = {entry.name: entry for entry in entries}
        self._warn = warn
        self._loaded: dict[str, Extractor] = {}

    def load(self, name: str) -> Extractor:
        """The extractor itself. Raises MetricInputError when its weights are missing or wrong."""
        if name not in self._loaded:
            self._loaded[name] = self.entries[name].load(self.device)
        return self._loaded[name]

    def reader(self, name: str) -> PromptReader:
        """One that looks at images together with their prompts."""
        return cast(PromptReader, self.load(name))

    def fingerprint(self, name: str) -> str:
        """That of the extractor with the weights it uses, which are not loaded for it."""
        return self.entries[name].fingerprint()

    def store(self, name: str, what: str) -> FeatureStore:
        """Where an extractor's features of `what` are kept: the size of images, `texts`, ...

        The key covers the fingerprint, and beyond it the kind of device, the versions of the software and our own code:
        these move features by rounding only, but a score file names them, and must not be wrong about it.
        """
        parts = [self.fingerprint(name), what, CROP, self.device.partition(":")[0], _versions(), _own_code()]
        return FeatureStore(hashlib.sha256(json.dumps(parts).encode()).hexdigest(), warn=self._warn)

    def texts(self, name: str, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of texts, float32 (n, D), each different one computed once.

        Raises MetricInputError where a network has none.
        """
        unique = list(dict.fromkeys(texts))
        vectors, ids = self.store(name, "texts"), _text_ids(unique)
        rows = vectors.whole(ids)
        if rows is None:
            if not hasattr(self.load(name), "encode_texts"):
                raise MetricInputError(f"{name} reads no text: a CLIP score needs a network of images and texts")
            rows = vectors.finish(ids, [cast(TextExtractor, self.load(name)).encode_texts(unique)])
        row = {text: number for number, text in enumerate(unique)}
        return rows[[row[text] for text in texts]]

    def cut(self, name: str, texts: Sequence[str]) -> Cut:
        """Of which texts the network reads the beginning only."""
        unique = list(dict.fromkeys(texts))
        store, ids = self.store(name, "tokens texts are cut at, 0 for a whole one"), _text_ids(unique)
        limits = store.whole(ids)
        if limits is None:
            reader = cast(TextExtractor | PromptReader, self.load(name))
            limit = [[reader.context_length if text_cut else 0] for text_cut in reader.truncated(unique)]
            limits = store.finish(ids, [np.array(limit, dtype=np.float32)])
        row = {text: number for number, text in enumerate(unique)}
        return Cut(tuple(bool(limits[row[text], 0]) for text in texts), int(limits.max()))

    def logits(self, name: str, what: str, hashes: Sequence[str], pool: np.ndarray) -> np.ndarray:
        """Class logits, float32 (n, C), from an Inception network's pool features (n, D) of images with these hashes.

        what: which images they are features of, as for `store`.
        """
        first = {digest: number for number, digest in reversed(list(enumerate(hashes)))}
        unique = list(dict.fromkeys(hashes))
        ids, store = content_ids(unique), self.store(name, what)
        rows = store.whole(ids)
        if rows is None:
            network = self.load(name)
            if not hasattr(network, "logits"):
                raise MetricInputError(f"{name} knows no classes: an Inception Score needs the Inception network")
            distinct = pool[[first[digest] for digest in unique]]
            parts = range(0, len(unique), LOGITS_ROWS)
            rows = store.finish(ids, [network.logits(distinct[start : start + LOGITS_ROWS]) for start in parts])
        if len(unique) == len(hashes):
            return rows
        place = {digest: number for number, digest in enumerate(unique)}
        return rows[[place[digest] for digest in hashes]]


def software() -> dict[str, str]:
    """All software that moves features, by rounding at least: versions, and the hash of our own."""
    return {**_versions(), "drawbench's features": _own_code()}


def _text_ids(texts: Sequence[str]) -> np.ndarray:
    return content_ids(hashlib.sha256(text.encode()).hexdigest() for text in texts)


@cache
def _own_code() -> str:
    """SHA-256 of the modules that make features: whoever changes one is not shown what it made before."""
    import metrics.features
    import metrics.images

    digest = hashlib.sha256()
    for folder in (*metrics.features.__path__, *metrics.images.__path__):
        for path in sorted(Path(folder).rglob("*.py")):
            name = path.relative_to(folder).as_posix()
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _versions() -> dict[str, str]:
    found = {}
    for name in SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
