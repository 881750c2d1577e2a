"""Features of a run's images computed by all ranks, in the batches that one process would make."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import SHARED_PATIENCE
from drawbench.runs.ranks import Ranks
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import default_batch, image_store
from drawbench.scoring.prepared import evaluated_size
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.run_features import sealed_files
from drawbench.scoring.while_drawing import extractor_names
from metrics.errors import MetricInputError
from metrics.features.cache import FeatureStore, content_ids
from metrics.images.decode import centre_square, pixel_hash, read_image

LOOK_AGAIN = 2.0  # seconds
Window = Mapping[str, Path]  # a batch: where an image with these pixels is, by their hash


def share_features(
    path: Path, protocol: Protocol, with_references: bool, extractors: Extractors, ranks: Ranks, progress: Progress
) -> None:
    """Called by every rank once the run at `path` is sealed: afterwards the features are in the ranks' caches.

    Scoring, which rank 0 does alone, finds those of a cache that they share, and computes what it does not find: the
    batches are the same, so no number depends on who computed what. References are left to rank 0.
    """
    names = extractor_names(protocol, with_references)
    if ranks.is_member:
        run = _seen(path, str(ranks.awaited("sealed")["pixels_sha256"]))
        with suppress(UserError, MetricInputError, OSError):  # rank 0 meets them again, and says what is wrong
            if run is not None:
                _compute(run, evaluated_size(run, protocol), names, extractors, ranks, lambda n: ranks.count("seen", n))
        ranks.count("features", 1)
        return
    run = RunDirectory.open(path)
    ranks.announce("sealed", {"pixels_sha256": run.require_seal().pixels_sha256})
    shown = 0

    def show_others() -> None:
        nonlocal shown
        before, shown = shown, ranks.counted("seen")
        progress.advance(shown - before)

    def show(count: int) -> None:
        progress.advance(count)
        show_others()

    with progress.counted("features", 0, len({run.pixel_sha256(sample) for sample in run.samples()} - {None})):
        _compute(run, evaluated_size(run, protocol), names, extractors, ranks, show)
        ranks.wait("features", show_others)


def _seen(path: Path, pixels_sha256: str) -> RunDirectory | None:
    """The run as rank 0 sealed it, which a network file system may show a little later; None where it does not."""
    end = time.monotonic() + SHARED_PATIENCE
    while time.monotonic() < end:
        with suppress(UserError):
            run = RunDirectory.open(path)
            if run.pixels_sha256() == pixels_sha256:
                return run
        time.sleep(LOOK_AGAIN)
    return None


def _compute(
    run: RunDirectory,
    size: int,
    names: Sequence[str],
    extractors: Extractors,
    ranks: Ranks,
    show: Callable[[int], None],
) -> None:
    """The batches that fall to this rank."""
    windows = windows_of(run, default_batch(extractors.device))
    stores = {name: image_store(extractors, name, size) for name in names}
    try:
        for number in ranks.deal("features", len(windows)):
            _compute_batch(windows[number], size, stores, extractors)
            show(len(windows[number]))
    finally:
        for store in stores.values():
            store.flush()


def windows_of(run: RunDirectory, batch: int) -> list[Window]:
    """The batches that scoring makes of the distinct images of a sealed run."""
    files = sealed_files(run, [sample for sample in run.samples() if run.refusal(sample) is None])
    first = dict(reversed(list(zip(files.sealed or (), files.paths, strict=True))))
    digests = list(dict.fromkeys(files.sealed or ()))
    parts = [digests[start : start + batch] for start in range(0, len(digests), batch)]
    return [{digest: first[digest] for digest in part} for part in parts]


def lacking(window: Window, stores: Mapping[str, FeatureStore]) -> dict[str, np.ndarray]:
    """The places of a batch that each store has not yet."""
    ids = content_ids(window)
    return {name: np.flatnonzero(~store.has(ids)) for name, store in stores.items()}


def _compute_batch(window: Window, size: int, stores: Mapping[str, FeatureStore], extractors: Extractors) -> None:
    """Of one batch what no store has yet."""
    digests, ids, missing = list(window), content_ids(window), lacking(window, stores)
    needed = sorted({int(place) for places in missing.values() for place in places})

    def square(place: int) -> np.ndarray:
        pixels = read_image(window[digests[place]])
        if pixel_hash(pixels) != digests[place]:
            raise UserError(f"{window[digests[place]]} was changed after the run was sealed.")
        return centre_square(pixels, size)

    with ThreadPoolExecutor() as pool:  # decoding releases the interpreter lock
        images = dict(zip(needed, pool.map(square, needed), strict=True))
    for name, places in missing.items():
        if len(places):
            rows = np.asarray(extractors.load(name)([images[int(place)] for place in places]), dtype=np.float32)
            if np.isfinite(rows).all():  # scoring meets the others again, and names the file
                stores[name].add(ids[places], rows)
