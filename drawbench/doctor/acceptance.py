"""`drawbench doctor --acceptance`: protocol `imagen` on the published weights, against values that others published.

The values, their sources and how far each may be off are in `published_examples`; none was computed by this project.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from drawbench.doctor.published_examples import (
    CLEAN_STATISTICS,
    COSINES,
    LABELS,
    PROBABILITIES,
    PUBLISHED_FILES,
    TENSORFLOW_STATISTICS,
    TEST_TO_TRAIN,
    Example,
    Files,
)
from drawbench.errors import StageError
from drawbench.progress import Progress
from drawbench.scoring.protocols import imagen
from drawbench.weights.download import PAUSE, fetch
from metrics.errors import MetricInputError
from metrics.features.extractor import TextExtractor
from metrics.features.registry import ExtractorEntry, clip_fid
from metrics.features.weights import (
    INCEPTION,
    OPENAI_VIT_B_32,
    OPENAI_VIT_L_14,
    WeightsFile,
    check_weights,
    find_weights,
    located,
    weights_folders,
)
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian, read_statistics
from metrics.images.decode import read_image
from metrics.statistics.vectors import unit

BATCH = 64  # images between two steps of progress
SIDE = 224  # pixels that CLIP sees
RECORD = 1 + 3 * 32 * 32  # bytes of an image in CIFAR-10's binary files: its class, then red, green and blue


@dataclass(frozen=True)
class Networks:
    """The networks of protocol `imagen` as it loads them, and the smaller CLIP of OpenAI's own example."""

    clip: ExtractorEntry
    small_clip: ExtractorEntry
    tensorflow: ExtractorEntry
    clean: ExtractorEntry
    weights: tuple[WeightsFile, ...]

    @classmethod
    def published(cls) -> Networks:
        """On the published weights."""
        clip, tensorflow, clean = (metric.extractor for metric in imagen().metrics)
        return cls(clip, clip_fid(), tensorflow, clean, (OPENAI_VIT_L_14, OPENAI_VIT_B_32, INCEPTION))


def gather(files: Files, networks: Networks, progress: Progress) -> None:
    """Fetch what is not here. Raises StageError that names all that is missing, when the network is gone."""
    needed = [*networks.weights, *vars(files).values()]
    missing = [file for file in needed if located(file) is None]
    if missing:
        megabytes = sum(file.size for file in missing) / 1e6
        least = "" if all(file.size for file in missing) else "at least "
        progress.note(f"fetching {len(missing)} files, {least}{megabytes:.0f} MB, into {weights_folders()[0]}")
    for number, file in enumerate(missing):
        try:
            fetch(file, weights_folders()[0], progress, PAUSE)
        except StageError as error:
            raise StageError(
                f"--acceptance lacks {', '.join(each.file for each in missing[number:])}, and {file.source} cannot be "
                f"reached: run it where there is a network, or put these files into {weights_folders()[0]}"
            ) from error


def accept(
    device: str, progress: Progress, files: Files | None = None, networks: Networks | None = None
) -> list[Example]:
    """Every example with what was found on this machine.

    Raises StageError when files are missing and cannot be fetched, MetricInputError when one is not the published one.
    """
    files, networks = files or PUBLISHED_FILES, networks or Networks.published()
    gather(files, networks, progress)
    diagram, cat, archive, *statistics = (_checked(file) for file in vars(files).values())
    done = [
        _filled(PROBABILITIES, *_probabilities(_text_extractor(networks.small_clip, device), _diagram(diagram))),
        _filled(COSINES, *_logits(_text_extractor(networks.clip, device), read_image(cat))),
    ]
    images = _cifar10_test(archive)
    clean_test, tensorflow_test, tensorflow_train = map(read_statistics, statistics)
    clean = _moments(networks.clean, images, device, progress)
    done.append(_filled(CLEAN_STATISTICS, frechet_distance(clean, clean_test)))
    tensorflow = _moments(networks.tensorflow, images, device, progress)
    for example, theirs in ((TENSORFLOW_STATISTICS, tensorflow_test), (TEST_TO_TRAIN, tensorflow_train)):
        done.append(_filled(example, frechet_distance(tensorflow, theirs)))
    return done


def _checked(file: WeightsFile) -> Path:
    path = find_weights(file)
    check_weights(path, file.sha256)
    return path


def _filled(example: Example, *found: float) -> Example:
    return replace(example, found=tuple(map(float, found)))


def _text_extractor(entry: ExtractorEntry, device: str) -> TextExtractor:
    load: Callable[[str], TextExtractor] = entry.load
    return load(device)


def _logits(clip: TextExtractor, image: np.ndarray) -> np.ndarray:
    """100 times the cosine of an image with each of LABELS."""
    return 100 * unit(clip.encode_texts(LABELS)) @ unit(clip([image]))[0]


def _probabilities(clip: TextExtractor, image: np.ndarray) -> np.ndarray:
    odds = np.exp(_logits(clip, image))
    return odds / odds.sum()


def _diagram(path: Path) -> np.ndarray:
    """OpenAI's picture as their preprocessing sees it: resized with its transparency, which is dropped afterwards."""
    with Image.open(path) as image:
        width, height = (int(SIDE * length / min(image.size)) for length in image.size)
        left, top = round((width - SIDE) / 2), round((height - SIDE) / 2)
        small = image.resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(small.crop((left, top, left + SIDE, top + SIDE)).convert("RGB"))


def _cifar10_test(path: Path) -> np.ndarray:
    """CIFAR-10's test images, uint8 (N, 32, 32, 3)."""
    try:
        with tarfile.open(path) as archive:
            file = archive.extractfile("cifar-10-batches-bin/test_batch.bin")
            assert file is not None
            records = np.frombuffer(file.read(), np.uint8).reshape(-1, RECORD)
    except (tarfile.TarError, KeyError, OSError, ValueError) as error:
        raise MetricInputError(f"{path} does not hold CIFAR-10's test images ({error}): fetch it again") from error
    return records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _moments(entry: ExtractorEntry, images: np.ndarray, device: str, progress: Progress) -> Gaussian:
    """Mean and covariance of the features, the images as they are: each mode resizes them itself."""
    extractor, rows = entry.load(device), []
    with progress.counted(entry.name, 0, len(images)):
        for start in range(0, len(images), BATCH):
            group = list(images[start : start + BATCH])
            rows.append(extractor(group))
            progress.advance(len(group))
    return Gaussian.of_features(np.concatenate(rows))
