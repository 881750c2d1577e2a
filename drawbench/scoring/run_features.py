"""The features of a run's images in plan order, checked against the seal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.progress import Progress
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import ImageFiles, ReadSettings, image_features
from drawbench.scoring.prompt_readings import Pairs, PromptReadings


@dataclass(frozen=True)
class RunFeatures:
    """What extractors saw in a run.

    samples: those that have an image, in plan order; refused ones are left out.
    features: per extractor's name float32 (len(samples), D), row by row those of `samples`; read-only. For one that
    looks at images together with their prompts, its numbers about each.
    hashes: of each sample's pixels.
    """

    samples: tuple[Sample, ...]
    features: dict[str, np.ndarray]
    hashes: tuple[str, ...]

    def only(self, places: Sequence[int]) -> "RunFeatures":
        """Some of the samples, by their places."""
        return RunFeatures(
            tuple(self.samples[place] for place in places),
            {name: rows[list(places)] for name, rows in self.features.items()},
            tuple(self.hashes[place] for place in places),
        )


def features_of_run(
    run: RunDirectory, extractors: Extractors, names: Sequence[str], reading: ReadSettings, progress: Progress
) -> RunFeatures:
    """Features of all images of a sealed run, under the extractors of these names.

    Features that are in the cache are not computed again, and images that did not change since they were sealed or
    last read are not read again; `reading.verify` reads all of them.
    Raises UserError for a run that is not sealed, has no image, or was changed since; MetricInputError for weights that
    are missing, images that cannot be read, and features that are NaN or infinite.
    """
    run.require_seal()
    drawn = tuple(sample for sample in run.samples() if run.refusal(sample) is None)
    if not drawn:
        raise UserError(f"the model refused every image of {run.path}: there is nothing to score")
    pairs = pairs_of(run, drawn)
    apart = [name for name in names if extractors.entries[name].reads_prompts]
    readings = {name: PromptReadings(pairs, extractors, name, reading) for name in apart}
    alone = [name for name in names if name not in readings]
    found = image_features(pairs.files, extractors, alone, reading, "scoring", progress)
    features = found.features | {name: each.rows(progress) for name, each in readings.items()}
    return RunFeatures(drawn, features, found.hashes)


def pairs_of(run: RunDirectory, samples: Sequence[Sample]) -> Pairs:
    """The images of some samples that were made, each with its prompt."""
    return Pairs(sealed_files(run, samples), tuple(sample.text for sample in samples))


def sealed_files(run: RunDirectory, samples: Sequence[Sample]) -> ImageFiles:
    """The images of some samples that were made, each with the hash of its pixels."""
    hashes = [run.pixel_sha256(sample) for sample in samples]
    paths = tuple(run.image_path(sample) for sample in samples)
    return ImageFiles(run.images, paths, tuple(digest for digest in hashes if digest is not None))
