"""The reference images of a distance: a folder of images, or an .npz of their statistics."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.results.scores import ReferenceRef
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import ImageFiles, ReadSettings, image_features
from drawbench.scoring.protocols import MetricDefinition
from metrics.features.weights import file_sha256
from metrics.frechet.gaussian import FeatureStream, Gaussian, read_statistics
from metrics.images.decode import SUFFIXES

ROWS = 4096  # of float32 features that are widened to float64 at once


@dataclass(frozen=True)
class ReferenceSet:
    """References as found on disk, not yet read. `images` is empty for a file of statistics."""

    path: Path
    images: tuple[Path, ...]

    @property
    def jpeg(self) -> bool:
        """Whether any reference is a JPEG, whose artefacts a PNG does not have."""
        return any(path.suffix.lower() in (".jpg", ".jpeg") for path in self.images)


@dataclass(frozen=True)
class ReferenceFeatures:
    """What distances need: which set it was, and for each metric that can be computed its part.

    gaussians: by metric, for the Fréchet distances. features: by extractor, float32 (M, D), for all other distances;
    empty for a file of statistics.
    """

    ref: ReferenceRef
    jpeg: bool
    gaussians: dict[str, Gaussian]
    features: dict[str, np.ndarray]

    def serve(self, metric: MetricDefinition) -> bool:
        """Whether these references are enough for the metric."""
        return metric.metric in self.gaussians or metric.extractor.name in self.features


def find_references(path: Path) -> ReferenceSet:
    """The images under a folder, at any depth, in order of their paths, or one .npz. Raises UserError for neither."""
    if path.is_file() and path.suffix == ".npz":
        return ReferenceSet(path, ())
    if not path.is_dir():
        raise UserError(f"the reference {path} is neither a folder of images nor an .npz file with mu and sigma")
    images = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if len(images) < 2:
        raise UserError(f"the reference folder {path} holds {len(images)} images: a distance needs at least 2")
    return ReferenceSet(path, tuple(images))


def read_references(
    references: ReferenceSet,
    metrics: Sequence[MetricDefinition],
    extractors: Extractors,
    reading: ReadSettings,
    progress: Progress,
) -> ReferenceFeatures:
    """What the metrics that look at references need: from the images, cropped and resized, or from the statistics."""
    asked = [metric for metric in metrics if metric.kind.needs.references]
    frechet = [metric for metric in asked if metric.kind.needs.references == "moments"]
    if not references.images:
        return _from_statistics(references.path, frechet)
    names = list(dict.fromkeys(metric.extractor.name for metric in asked))
    files = ImageFiles(references.path, references.images)
    found = image_features(files, extractors, names, reading, "references", progress)
    digest = hashlib.sha256("\n".join(sorted(found.hashes)).encode()).hexdigest()
    ref = ReferenceRef(name=references.path.name, sha256=digest, n=len(found.hashes))
    by_extractor = {
        name: _gaussian(found.features[name]) for name in dict.fromkeys(metric.extractor.name for metric in frechet)
    }
    gaussians = {metric.metric: by_extractor[metric.extractor.name] for metric in frechet}
    return ReferenceFeatures(ref, references.jpeg, gaussians, found.features)


def _gaussian(features: np.ndarray) -> Gaussian:
    """The moments of memory-mapped features, without a float64 copy of all of them."""
    stream = FeatureStream(features.shape[1])
    for start in range(0, len(features), ROWS):
        stream.add(features[start : start + ROWS])
    return stream.gaussian()


def _from_statistics(path: Path, metrics: Sequence[MetricDefinition]) -> ReferenceFeatures:
    """Statistics do not tell how they were made, so where a protocol has several modes the file's name must."""
    chosen = [metric for metric in metrics if not metric.statistics or _marked(path, metric.statistics)]
    if not chosen:
        marks = " or ".join(dict.fromkeys(metric.statistics for metric in metrics))
        raise UserError(f"the statistics {path} do not say how they were made: put {marks} into the file's name")
    gaussian = read_statistics(path)
    ref = ReferenceRef(name=path.name, sha256=file_sha256(path), n=gaussian.n)
    return ReferenceFeatures(ref, False, {metric.metric: gaussian for metric in chosen}, {})


def _marked(path: Path, mark: str) -> bool:
    return re.search(rf"(^|[^a-z]){mark}($|[^a-z])", path.stem.lower()) is not None
