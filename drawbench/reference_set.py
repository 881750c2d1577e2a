"""The reference images of a distance: a folder of images, or an .npz of their statistics."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.protocols import MetricDefinition
from drawbench.scores import ReferenceRef
from metrics.features.decode import SUFFIXES, centre_square, pixel_hash, read_images
from metrics.features.extractor import Extractor
from metrics.features.weights import file_sha256
from metrics.gaussian import FeatureStream, Gaussian, read_statistics


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
    """What distances need: which set it was, and a Gaussian for each metric that has one."""

    ref: ReferenceRef
    gaussians: dict[str, Gaussian]


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
    extractors: dict[str, Extractor],
    size: int,
    batch: int,
    progress: Progress,
) -> ReferenceFeatures:
    """Gaussians for the Fréchet metrics, of the images cropped and resized to `size`, or from the statistics."""
    if not references.images:
        return _from_statistics(references.path, metrics)
    streams = {metric.metric: FeatureStream(extractors[metric.extractor.name].dimension) for metric in metrics}
    hashes = []
    progress.start("references", 0, len(references.images))
    try:
        for start in range(0, len(references.images), batch):
            images = read_images(references.images[start : start + batch])
            hashes += [pixel_hash(image) for image in images]
            pixels = [centre_square(image, size) for image in images]
            for metric in metrics:
                streams[metric.metric].add(extractors[metric.extractor.name](pixels))
            progress.advance(len(images))
    finally:
        progress.finish()
    digest = hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()
    ref = ReferenceRef(name=references.path.name, sha256=digest, n=len(hashes))
    return ReferenceFeatures(ref, {name: stream.gaussian() for name, stream in streams.items()})


def _from_statistics(path: Path, metrics: Sequence[MetricDefinition]) -> ReferenceFeatures:
    """Statistics do not tell how they were made, so where a protocol has several modes the file's name must."""
    chosen = [metric for metric in metrics if not metric.statistics or _marked(path, metric.statistics)]
    if not chosen:
        marks = " or ".join(metric.statistics for metric in metrics)
        raise UserError(f"the statistics {path} do not say how they were made: put {marks} into the file's name")
    gaussian = read_statistics(path)
    return ReferenceFeatures(
        ReferenceRef(name=path.name, sha256=file_sha256(path), n=gaussian.n),
        {metric.metric: gaussian for metric in chosen},
    )


def _marked(path: Path, mark: str) -> bool:
    return re.search(rf"(^|[^a-z]){mark}($|[^a-z])", path.stem.lower()) is not None
