"""The extractors in the actors of a cluster: this process needs neither their memory nor a GPU."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.runs.cluster import Cluster, Made
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.extractors import Extractors, software
from drawbench.scoring.image_features import default_batch, image_store
from drawbench.scoring.prepared import evaluated_size
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.protocols import get_protocol
from drawbench.scoring.shared_features import Window, lacking, windows_of
from drawbench.scoring.while_drawing import extractor_names
from metrics.features.cache import content_ids
from metrics.features.extractor import Extractor
from metrics.images.decode import centre_square, decode_image, pixel_hash

OPTIONAL = ("context_length", "encode_texts", "truncated", "logits")  # what only some extractors have


class ClusterExtractors(Extractors):
    """The extractors of a protocol, each of which answers from an actor."""

    def __init__(self, cluster: Cluster, protocol: str, device: Callable[[], str], warn: Callable[[str], None]) -> None:
        """protocol: as typed. device: chooses that of an actor. Raises UserError where one has other software."""
        self.cluster = cluster
        self.made = cluster.made(partial(_extractors, protocol, device, software()))
        entries = [metric.extractor for metric in get_protocol(protocol).metrics]
        super().__init__(entries, cluster.call(self.made, _device), warn)

    def load(self, name: str) -> Extractor:
        if name not in self._loaded:
            entry = self.entries[name]
            expected = entry.fingerprint() if entry.weights_sha256 else ""
            self._loaded[name] = _There(self.cluster, self.made, name, expected)
        return self._loaded[name]


class _There:
    """One of them, as if it were here."""

    def __init__(self, cluster: Cluster, made: Made, name: str, expected: str) -> None:
        """expected: its fingerprint; empty where any will do, which then is that of all actors."""
        self._has, self.fingerprint, self.dimension = cluster.call(made, _facts, name, expected)
        self._ask = partial(cluster.call, made, _answer, name, self.fingerprint)

    def __call__(self, images: Sequence[np.ndarray], *prompts: Sequence[str]) -> np.ndarray:
        return self._ask("__call__", images, *prompts)

    def __getattr__(self, name: str) -> Any:
        if name not in self._has:
            raise AttributeError(name)
        return self._ask("context_length") if name == "context_length" else partial(self._ask, name)


def gather_features(
    run: RunDirectory, protocol: Protocol, with_references: bool, extractors: ClusterExtractors, progress: Progress
) -> None:
    """Have the actors compute what the cache lacks of a sealed run's images, in the batches of one process.

    Scoring then finds it there. References are left to scoring. Raises UserError for an image that was changed,
    MetricInputError for weights that an actor lacks.
    """
    size, names = evaluated_size(run, protocol), extractor_names(protocol, with_references)
    stores = {name: image_store(extractors, name, size) for name in names}
    windows = windows_of(run, default_batch(extractors.device))
    missing = [window for window in windows if any(len(places) for places in lacking(window, stores).values())]

    def send(window: Window) -> tuple[Any, ...]:
        wanted = {name: [int(place) for place in places] for name, places in lacking(window, stores).items()}
        needed = sorted({place for places in wanted.values() for place in places})
        items = list(window.items())
        files = {place: (*items[place], items[place][1].read_bytes()) for place in needed}
        return size, {name: (extractors.fingerprint(name), places) for name, places in wanted.items()}, files

    total = sum(len(window) for window in windows)
    with progress.counted("features", total - sum(len(window) for window in missing), total):
        try:
            actors = extractors.cluster.map(extractors.made, _features, missing, send, most=len(missing))
            for window, found in actors:
                ids = content_ids(window)
                for name, (places, rows) in found.items():
                    if np.isfinite(rows).all():  # scoring meets the others again, and names the file
                        stores[name].add(ids[places], rows)
                progress.advance(len(window))
        finally:
            for store in stores.values():
                store.flush()


def _extractors(protocol: str, device: Callable[[], str], expected: Mapping[str, str]) -> Extractors:
    """In an actor."""
    own = software()
    other = [f"{name} {own.get(name)}, not {expected[name]}" for name in expected if own.get(name) != expected[name]]
    if other:
        raise UserError(
            f"a machine of the cluster has other software than this one ({'; '.join(other)}): install the same on all."
        )
    return Extractors([metric.extractor for metric in get_protocol(protocol).metrics], device(), lambda _: None)


def _device(extractors: Extractors) -> str:
    return extractors.device


def _network(extractors: Extractors, name: str, fingerprint: str) -> Extractor:
    network = extractors.load(name)
    if fingerprint not in ("", network.fingerprint):
        raise UserError(
            f"a machine of the cluster has other weights of {name} than the others: put the same files there."
        )
    return network


def _facts(extractors: Extractors, name: str, expected: str) -> tuple[list[str], str, int]:
    network = _network(extractors, name, expected)
    return [each for each in OPTIONAL if hasattr(network, each)], network.fingerprint, network.dimension


def _answer(extractors: Extractors, name: str, fingerprint: str, attribute: str, *arguments: object) -> Any:
    found = getattr(_network(extractors, name, fingerprint), attribute)
    return found(*arguments) if callable(found) else found


def _features(
    extractors: Extractors,
    size: int,
    wanted: Mapping[str, tuple[str, Sequence[int]]],
    files: Mapping[int, tuple[str, Path, bytes]],
) -> dict[str, tuple[Sequence[int], np.ndarray]]:
    """Rows of places of a batch, by extractor. wanted: of each its fingerprint, and the places. files: of each place
    the pixels' hash, where it is, and the content."""

    def square(place: int) -> np.ndarray:
        digest, path, content = files[place]
        pixels = decode_image(content, str(path))
        if pixel_hash(pixels) != digest:
            raise UserError(f"{path} was changed after the run was sealed: run its generate command again.")
        return centre_square(pixels, size)

    with ThreadPoolExecutor() as pool:  # decoding releases the interpreter lock
        images = dict(zip(files, pool.map(square, files), strict=True))
    found = {}
    for name, (fingerprint, places) in wanted.items():
        if places:
            rows = _network(extractors, name, fingerprint)([images[place] for place in places])
            found[name] = (places, np.asarray(rows, dtype=np.float32))
    return found
