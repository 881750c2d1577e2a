"""Features of images as they are drawn, from memory: scoring then finds them in the cache and decodes nothing."""

from collections.abc import Callable, Sequence

import numpy as np

from drawbench.interface import Refused
from drawbench.runs.directory import RunDirectory
from drawbench.runs.plan import Slice
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import default_batch, image_store
from drawbench.scoring.protocol import Protocol
from metrics.features.cache import FeatureStore, content_ids
from metrics.images.decode import centre_square, pixel_hash


class FeaturesWhileDrawing:
    """Computes the features that scoring will ask for, in the batches that scoring would make, and keeps them.

    It follows a run that is drawn from its beginning, or on from where it stopped. Where slices are missing in the
    middle, the batches would be other ones: scoring computes those features itself.
    """

    def __init__(
        self, protocol: Protocol, with_references: bool, extractors: Extractors, note: Callable[[str], None]
    ) -> None:
        """extractors: the protocol's, which scoring takes afterwards: what is loaded is not loaded twice."""
        self._size = protocol.size
        self._note = note
        self._extractors = extractors
        self._names = extractor_names(protocol, with_references)
        self._following = False
        self._square = 0  # pixels that extractors see
        self._stores: dict[str, FeatureStore] = {}
        self._seen: set[str] = set()
        self._window: dict[str, np.ndarray] = {}  # distinct images of one batch; empty arrays for those drawn before

    def load(self) -> None:
        """The networks, also those left to scoring. Raises MetricInputError when weights are missing or wrong."""
        for name, entry in self._extractors.entries.items():
            if name in self._names or entry.reads_prompts:
                self._extractors.load(name)

    def begin(self, run: RunDirectory, missing: Sequence[Slice]) -> None:
        """Before the first slice is drawn. Loads the extractors: what they lack is told before hours of drawing.

        Raises MetricInputError when weights are missing or wrong.
        """
        parts = run.slices()
        self._following = [part.index for part in missing] == [
            part.index for part in parts[len(parts) - len(missing) :]
        ]
        if not self._following:
            return
        self._square = self._size or run.plan.size
        self._stores = {name: image_store(self._extractors, name, self._square) for name in self._names}
        self.load()
        for part in parts[: len(parts) - len(missing)]:
            for sample in part.samples:
                digest = run.pixel_sha256(sample)
                if digest is not None:
                    self._take(digest, np.empty(0, dtype=np.uint8))

    def add(self, outputs: Sequence[np.ndarray | Refused]) -> None:
        """The next slice, as the model gave it."""
        if self._following:
            for output in outputs:
                if not isinstance(output, Refused):
                    # A copy, because a model may fill the same memory again.
                    self._take(pixel_hash(output), np.array(centre_square(output, self._square)))

    def end(self, complete: bool) -> None:
        """After the last slice, or when drawing stopped: then the batch that was begun is left to scoring."""
        if self._following:
            if complete:
                self._compute()
            for store in self._stores.values():
                store.flush()

    def _take(self, digest: str, pixels: np.ndarray) -> None:
        if digest not in self._seen:
            self._seen.add(digest)
            self._window[digest] = pixels
            if len(self._window) == default_batch(self._extractors.device):
                self._compute()

    def _compute(self) -> None:
        """One batch, unless some of it was drawn before: its features are kept already, or scoring computes it."""
        window, self._window = self._window, {}
        if not window or any(pixels.size == 0 for pixels in window.values()):
            return
        ids, images = content_ids(window), list(window.values())
        try:
            for name, store in self._stores.items():
                lacking = np.flatnonzero(~store.has(ids))
                if len(lacking):
                    rows = np.asarray(self._extractors.load(name)([images[i] for i in lacking]), dtype=np.float32)
                    if np.isfinite(rows).all():  # scoring meets the others again, and names the file
                        store.add(ids[lacking], rows)
        except RuntimeError as error:  # such as an accelerator's memory, which the model needs as well
            self._following = False
            self._note(f"features are computed after drawing, not beside it ({error})")


def extractor_names(protocol: Protocol, with_references: bool) -> list[str]:
    """The extractors of images that scoring under a protocol asks for; what reads prompts too is left to scoring."""
    metrics = [metric for metric in protocol.metrics if with_references or not metric.kind.needs.references]
    return list(dict.fromkeys(metric.extractor.name for metric in metrics if not metric.extractor.reads_prompts))
