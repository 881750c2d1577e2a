"""The features of a run's images: decoded once, checked against the seal, in plan order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.run_directory import RunDirectory
from drawbench.samples import Sample
from metrics.errors import MetricInputError
from metrics.features.decode import centre_square, pixel_hash, read_images
from metrics.features.registry import ExtractorEntry

BATCH = 32


@dataclass(frozen=True)
class RunFeatures:
    """What extractors saw in a run.

    samples: those that have an image, in plan order; refused ones are left out.
    features: per extractor's name float32 (len(samples), D), row by row those of `samples`. Read-only.
    """

    samples: tuple[Sample, ...]
    features: dict[str, np.ndarray]


def run_features(
    run: RunDirectory,
    entries: Sequence[ExtractorEntry],
    size: int,
    *,
    device: str = "cpu",
    batch: int = BATCH,
    verify: bool = False,
    progress: Progress | None = None,
) -> RunFeatures:
    """Features of all images of a sealed run, cropped and resized to `size` pixels, under each extractor.

    verify: read every image again, also those that did not change since they were last verified.
    Raises UserError for a run that is not sealed, has no image, or was changed since; MetricInputError for weights that
    are missing, images that cannot be read, and features that are NaN or infinite.
    """
    progress = progress or Progress()
    run.require_seal()
    drawn = tuple(sample for sample in run.samples() if run.refusal(sample) is None)
    if not drawn:
        raise UserError(f"the model refused every image of {run.path}: there is nothing to score")
    extractors = {entry.name: entry.load(device) for entry in entries}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in extractors}
    progress.start("scoring", 0, len(drawn))
    try:
        for start in range(0, len(drawn), batch):
            part = drawn[start : start + batch]
            images = [centre_square(image, size) for image in _read_sealed(run, part)]
            for name, extractor in extractors.items():
                parts[name].append(_finite(extractor(images), run, part))
            progress.advance(len(part))
    finally:
        progress.finish()
    return RunFeatures(drawn, {name: np.concatenate(rows) for name, rows in parts.items()})


def _read_sealed(run: RunDirectory, samples: Sequence[Sample]) -> list[np.ndarray]:
    """The samples' pixels; refused when they are not the ones that were sealed."""
    paths = [run.image_path(sample) for sample in samples]
    images = read_images(paths)
    for sample, path, image in zip(samples, paths, images, strict=True):
        if pixel_hash(image) != run.pixel_sha256(sample):
            raise UserError(
                f"{path} was changed after the run was sealed: run its generate command again to restore it"
            )
    return images


def _finite(features: np.ndarray, run: RunDirectory, samples: Sequence[Sample]) -> np.ndarray:
    for sample, row in zip(samples, features, strict=True):
        if not np.isfinite(row).all():
            raise MetricInputError(f"the features of {run.image_path(sample)} are NaN or infinite: check the weights")
    return features
