"""FID and CLIP score of images that a program holds, or of folders: three lines to a number with its interval."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from metrics.alignment import clip_score_results, prompt_scores
from metrics.errors import MetricInputError
from metrics.features.extractor import TextExtractor
from metrics.features.registry import (
    ExtractorEntry,
    inception,
    open_clip_model,
    openai_clip,
    scorer_folder,
    transformers_clip,
)
from metrics.frechet.gaussian import Gaussian, read_statistics
from metrics.frechet.interval import frechet_result
from metrics.images.decode import centre_square, decoded
from metrics.images.image_folder import read_image_folder
from metrics.images.in_memory import Range, checked_range, pixels_of
from metrics.statistics.result import MetricResult

BATCH = 32
NETWORKS: dict[str, Callable[[], ExtractorEntry]] = {
    "legacy_tensorflow": lambda: inception("legacy_tensorflow"),
    "clean": lambda: inception("clean"),
    "legacy_pytorch": lambda: inception("legacy_pytorch"),
    "bundled": scorer_folder,
}
SCORERS: dict[str, Callable[[], ExtractorEntry]] = {"openai-vit-l-14": openai_clip, "bundled": scorer_folder}
NOT_FID = "on the bundled scorer's embeddings: no FID, and comparable with no other suite's number"


@dataclass(frozen=True)
class ClipScore(MetricResult):
    """A CLIP score beside what tells whether it says anything of the prompts.

    shuffled: the same images with all other prompts' captions. difference: own captions minus shuffled ones, paired by
    prompt. Both are None where there is one caption only. cut: captions of which the scorer read the beginning only.
    """

    shuffled: MetricResult | None = None
    difference: MetricResult | None = None
    cut: int = 0


def fid(
    images: Any,
    references: Any,
    *,
    network: str | ExtractorEntry = "legacy_tensorflow",
    size: int | None = None,
    prompts: Sequence[object] | None = None,
    value_range: Range | None = None,
    device: str = "cpu",
) -> MetricResult:
    """The Fréchet inception distance (Heusel et al. 2017) of images to reference images, lower is better, from 0.

    images: PIL images, uint8 arrays (H, W, 3), tensors; or a folder. references: the same, or an .npz of statistics.
    network: Inception under clean-fid's resize `legacy_tensorflow` (the nearest to published numbers), `clean` or
    `legacy_pytorch`; `bundled`, which needs no download and is no FID; or an entry of `metrics.features.registry`.
    size: pixels to which central squares are resized first, as protocol imagen does with 256; None for images as they
    are. Enlarging images is refused; references may be smaller.
    prompts: for each image its prompt (text or id), so that the interval counts prompts; None where each has its own.
    value_range: of tensors and arrays of floats. device: cpu, cuda, ...
    Raises MetricInputError for what is no image, fewer than 2, and weights that are missing or wrong.
    """
    entry = network if isinstance(network, ExtractorEntry) else _named(network, NETWORKS, "network")
    extract = entry.load(device)
    features = _features(extract, images, value_range, size, enlarge=False)
    if prompts is not None and len(prompts) != len(features):
        raise MetricInputError(f"{len(features)} images and {len(prompts)} prompts were given: one each is needed")
    rows = None if prompts is None else np.unique([str(each) for each in prompts], return_inverse=True)[1]
    if isinstance(references, str | Path) and Path(references).suffix == ".npz":
        result = frechet_result(features, read_statistics(Path(references)), prompts=rows)
    else:
        theirs = _features(extract, references, value_range, size, enlarge=True)
        result = frechet_result(features, Gaussian.of_features(theirs), prompts=rows, references=theirs)
    return _noted(result, NOT_FID) if network == "bundled" else result


def clip_score(
    images: Any,
    prompts: Sequence[str],
    *,
    scorer: str | ExtractorEntry = "openai-vit-l-14",
    size: int | None = None,
    value_range: Range | None = None,
    device: str = "cpu",
) -> ClipScore:
    """The mean raw cosine of each image with its prompt (Hessel et al. 2021, neither scaled nor clamped), -1 to 1.

    images: as for `fid`; of a folder, in the order of their paths. prompts: one for each image; equal ones are samples
    of one prompt, which count once. scorer: `openai-vit-l-14`; `bundled`, a toy of this package that knows drawings
    only; a folder or hub id of a CLIP or SigLIP of transformers; `MODEL=FILE` of open_clip; or an entry of
    `metrics.features.registry`. size, value_range, device: as for `fid`.
    Raises MetricInputError as `fid` does, and where images and prompts are not one each.
    """
    entry = scorer if isinstance(scorer, ExtractorEntry) else _scorer(scorer)
    extract = entry.load(device)
    if not hasattr(extract, "encode_texts"):
        raise MetricInputError(f"{entry.name} reads no text: a CLIP score needs a network of images and texts")
    reader = cast(TextExtractor, extract)
    if isinstance(prompts, str):
        raise MetricInputError("the prompts are one text: give a list with one for each image")
    features = _features(extract, images, value_range, size, enlarge=False)
    if len(prompts) != len(features):
        raise MetricInputError(f"{len(features)} images and {len(prompts)} prompts were given: one each is needed")
    texts = list(dict.fromkeys(prompts))
    row = {text: number for number, text in enumerate(texts)}
    scores = prompt_scores(features, [row[text] for text in prompts], texts, reader.encode_texts(texts))
    found = clip_score_results(scores)
    own, cut = found.pop("clip_score"), sum(reader.truncated(texts))
    note = f"{cut} captions were cut at {reader.context_length} tokens" if cut else ""
    own = _noted(_noted(own, entry.caution), note)
    others = found.get("clip_score_shuffled"), found.get("clip_score_difference")
    return ClipScore(own.value, own.interval, own.n, own.note, *others, cut)


def _named(name: str, there: dict[str, Callable[[], ExtractorEntry]], what: str) -> ExtractorEntry:
    if name not in there:
        raise MetricInputError(f"there is no {what} {name!r}: use one of {', '.join(there)}")
    return there[name]()


def _scorer(name: str) -> ExtractorEntry:
    if name in SCORERS:
        return SCORERS[name]()
    model, equals, file = name.partition("=")
    return open_clip_model(model, Path(file)) if equals else transformers_clip(name)


def _features(
    extract: Callable[[Sequence[np.ndarray]], np.ndarray],
    images: Any,
    value_range: Range | None,
    size: int | None,
    *,
    enlarge: bool,
) -> np.ndarray:
    """(N, D) of all images, a batch at a time. Images of several sizes are computed size by size."""
    rows = []
    with closing(_batches(images, checked_range(value_range, "value_range"))) as batches:
        for batch in batches:
            if size is not None:
                small = next((image for image in batch if min(image.shape[:2]) < size), None)
                if small is not None and not enlarge:
                    seen = f"{small.shape[1]}x{small.shape[0]}"
                    raise MetricInputError(f"an image of {seen} px would be enlarged to {size} px: give a lower size")
                batch = [centre_square(image, size) for image in batch]
            rows += [extract(together) for together in _of_one_shape(batch)]
    if not rows:
        raise MetricInputError("no images were given, and at least one is needed")
    return np.concatenate(rows)


def _batches(images: Any, value_range: Range | None) -> Generator[list[np.ndarray]]:
    if isinstance(images, str | Path):
        if not Path(images).is_dir():
            raise MetricInputError(f"{images} is no folder of images: check the path")
        yield from decoded(read_image_folder(Path(images)).images, BATCH)
        return
    given = pixels_of(images, value_range)
    for start in range(0, len(given), BATCH):
        yield given[start : start + BATCH]


def _of_one_shape(batch: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Runs of neighbours of one shape, as networks take them."""
    start = 0
    for end in range(1, len(batch) + 1):
        if end == len(batch) or batch[end].shape != batch[start].shape:
            yield list(batch[start:end])
            start = end


def _noted(result: MetricResult, note: str) -> MetricResult:
    joined = "; ".join(each for each in (result.note, note) if each)
    return MetricResult(result.value, result.interval, result.n, joined)
