"""How far two images of one prompt and seed are from each other, in pixels and in an extractor's features."""

import math
from collections.abc import Mapping

import numpy as np

from drawbench.interface import Sample
from drawbench.progress import Progress
from drawbench.records import Record
from drawbench.results.scores import Interval
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.run_features import RunFeatures
from metrics.statistics.intervals import t_interval
from metrics.statistics.vectors import unit

PEAK = 255.0


class FeatureDistance(Record):
    """1 - cosine of both images' features, mean over prompts, 0 to 2. extractor: its name, as in definitions."""

    extractor: str
    value: float
    interval: Interval | None


class ImagePairs(Record):
    """n: pairs. identical: those of equal pixels. psnr: dB, from the mean squared error over all of them; None where
    all are identical. distances: by extractor. No LPIPS: it is none without its own weights."""

    n: int
    identical: int
    psnr: float | None
    distances: tuple[FeatureDistance, ...]


def _embeddings(protocol: Protocol, features: Mapping[str, np.ndarray]) -> list[str]:
    """The extractors of a protocol whose features are directions: no verdicts on an image and its prompt, no marks."""
    readers = {each.extractor.name for each in protocol.metrics if each.extractor.reads_prompts}
    return [name for name, rows in features.items() if name not in readers and rows.shape[1] > 1]


def _interval(values: np.ndarray) -> Interval | None:
    found = t_interval(values)
    return found and found.within(0, 2)


def image_pairs(
    runs: tuple[RunDirectory, RunDirectory],
    pair: tuple[RunFeatures, RunFeatures],
    protocol: Protocol,
    progress: Progress,
) -> ImagePairs:
    """From two runs, and their features under a protocol, row by row of the same samples."""
    samples = pair[0].samples
    errors = np.empty(len(samples))
    with progress.counted("comparing pixels", 0, len(samples)):
        for number, sample in enumerate(samples):
            errors[number] = _squared_error(runs, sample)
            progress.advance(1)
    rows = np.unique([sample.prompt_id for sample in samples], return_inverse=True)[1]
    distances = tuple(
        FeatureDistance(extractor=name, value=float(values.mean()), interval=_interval(values))
        for name, values in ((name, _by_prompt(pair, name, rows)) for name in _embeddings(protocol, pair[0].features))
    )
    mean = float(errors.mean())
    psnr = 10 * math.log10(PEAK**2 / mean) if mean else None
    return ImagePairs(n=len(samples), identical=int((errors == 0).sum()), psnr=psnr, distances=distances)


def _squared_error(runs: tuple[RunDirectory, RunDirectory], sample: Sample) -> float:
    """Mean over pixels and channels, in levels squared; 0 without reading where the sealed hashes are equal."""
    if runs[0].pixel_sha256(sample) == runs[1].pixel_sha256(sample):
        return 0.0
    a, b = (run.pixels(sample).astype(np.float64) for run in runs)
    return float(((a - b) ** 2).mean())


def _by_prompt(pair: tuple[RunFeatures, RunFeatures], extractor: str, rows: np.ndarray) -> np.ndarray:
    """(n,), the mean distance of each prompt's pairs."""
    a, b = (unit(each.features[extractor]) for each in pair)
    distances = np.maximum(1 - np.einsum("nd,nd->n", a, b), 0.0)  # below 0 by rounding
    distances[np.array(pair[0].hashes) == np.array(pair[1].hashes)] = 0.0
    return np.bincount(rows, weights=distances) / np.bincount(rows)
