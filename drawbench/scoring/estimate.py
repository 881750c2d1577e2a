"""How long the features of a run take, from a few of its images: what scoring does before its statistics."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drawbench.runs.directory import RunDirectory
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import image_store
from drawbench.scoring.prompt_readings import readings_store
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.references import find_references
from drawbench.scoring.run_features import pairs_of, sealed_files
from metrics.features.cache import content_ids
from metrics.images.decode import centre_square, read_image
from metrics.images.file_hashes import FileHashes, stamps

TRIED = 8  # reference images that are read to know how long one takes


@dataclass
class FeatureTimes:
    """Seconds that a protocol's networks take for images and references. Nothing is written, also not into the cache.

    reference: of all runs. A network is loaded, and tried, when some image is not in the cache.
    """

    protocol: Protocol
    reference: Path | None
    extractors: Extractors
    _per_image: dict[tuple[str, int], float] = field(default_factory=dict, init=False)
    _references: dict[int, float] = field(default_factory=dict, init=False)

    def of_run(
        self, images: Sequence[np.ndarray], prompts: Sequence[str], size: int, missing: int, run: RunDirectory | None
    ) -> float:
        """For a run of `size` pixels, of which so many images are to be drawn and the others lie in `run`.

        images: some of the run's, to try the networks on; none: only what has been tried before is known.
        prompts: the run's, of which some are tried with them.
        """
        square = self.protocol.size or size
        return sum(
            lacking * self._seconds(name, square, images, prompts)
            for name in self._names(references_only=False)
            if (lacking := missing + (self._lacking(name, square, run) if run else 0))
        )

    def of_references(self, size: int) -> float:
        """For the references, evaluated for runs of `size` pixels."""
        square = self.protocol.size or size
        if square not in self._references:
            self._references[square] = self._time_references(square) if self.reference else 0.0
        return self._references[square]

    def _time_references(self, square: int) -> float:
        assert self.reference is not None
        paths = find_references(self.reference).images
        known = FileHashes(self.reference, warn=_unsaid).known(paths, stamps(paths)) if paths else []
        digests = [digest for digest in known if digest]
        lacking = {
            name: len(paths) - len(digests) + self._uncached(name, square, digests)
            for name in self._names(references_only=True)
        }
        if not any(lacking.values()):
            return 0.0
        began = time.monotonic()
        images = [np.array(centre_square(read_image(path), square)) for path in paths[:TRIED]]
        decoding = (time.monotonic() - began) / len(images) * max(lacking.values())
        return decoding + sum(count * self._seconds(name, square, images) for name, count in lacking.items() if count)

    def _names(self, *, references_only: bool) -> list[str]:
        """Networks that the protocol asks of what there is."""
        asked = [m for m in self.protocol.metrics if self.reference or not m.kind.needs.references]
        return list(dict.fromkeys(m.extractor.name for m in asked if m.kind.needs.references or not references_only))

    def _lacking(self, name: str, square: int, run: RunDirectory) -> int:
        """Of the images that a run has, those that a network has not seen."""
        drawn = [sample for sample in run.samples() if run.pixel_sha256(sample) is not None]
        if self.extractors.entries[name].reads_prompts:
            ids = content_ids(pairs_of(run, drawn).different)
            return int((~readings_store(self.extractors, name, square).has(ids)).sum())
        return self._uncached(name, square, sealed_files(run, drawn).sealed or ())

    def _uncached(self, name: str, square: int, digests: Sequence[str]) -> int:
        different = list(dict.fromkeys(digests))
        return int((~image_store(self.extractors, name, square).has(content_ids(different))).sum()) if different else 0

    def _seconds(self, name: str, square: int, images: Sequence[np.ndarray], prompts: Sequence[str] = ()) -> float:
        """For one image; the first pass, which is slower than all others, is not counted."""
        if (name, square) not in self._per_image and images:
            batch = [np.array(centre_square(image, square)) for image in images]
            self._ask(name, batch[:1], prompts)
            began = time.monotonic()
            self._ask(name, batch, prompts)
            self._per_image[name, square] = (time.monotonic() - began) / len(batch)
        return self._per_image.get((name, square), 0.0)

    def _ask(self, name: str, images: Sequence[np.ndarray], prompts: Sequence[str]) -> None:
        if self.extractors.entries[name].reads_prompts:
            spread = [prompts[number * len(prompts) // len(images)] for number in range(len(images))]
            self.extractors.reader(name)(images, spread)
        else:
            self.extractors.load(name)(images)


def _unsaid(message: str) -> None:
    """Scoring will say it."""
