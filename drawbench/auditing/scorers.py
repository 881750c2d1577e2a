"""What can be tried: metrics that give images marks, functions, and three scorers whose card is known beforehand."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from drawbench.auditing.examples import Example
from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.kinds.kind import MetricKind
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.protocols import get_protocol
from metrics.features.cache import FeatureStore, content_ids
from metrics.image_set import ImageSet, nothing
from metrics.images.decode import pixel_hash

BATCH = 32  # images at once
Marks = Callable[[Sequence[Example], Progress], np.ndarray]
Function = Callable[[Sequence[np.ndarray], Sequence[str]], Sequence[float]]  # images and captions to marks


@dataclass(frozen=True)
class Scorer:
    """Marks examples, float64 (n,), higher is better, NaN: not marked. It advances the progress by one for each.

    definition: what it computes. fingerprint: of all that changes a mark.
    """

    name: str
    definition: str
    fingerprint: str
    marks: Marks


def scorer_named(
    name: str, metric: str | None = None, device: str = "cpu", note: Callable[[str], None] = print
) -> Scorer:
    """`random`, `saturation`, `reader`, or a protocol: of that the first metric that marks images, or the one named.

    note: is told what went wrong with the cache. Raises UserError where there is none such; MetricInputError where its
    files are missing or wrong.
    """
    if name in KNOWN:
        if metric:
            raise UserError(f"{name} has no metrics to choose from: leave out --metric")
        definition, mark = KNOWN[name]
        return Scorer(name, definition, _digest(definition), _one_by_one(mark))
    chosen = _chosen(_protocol(name), metric)
    chosen.extractor.check_files()
    extractors = Extractors([chosen.extractor], device, note)
    fingerprint = _digest([chosen.metric, chosen.kind.name, chosen.definition, chosen.extractor.fingerprint()])
    label = name if metric is None else f"{name} {metric}"
    return Scorer(label, chosen.definition, fingerprint, _MetricMarks(chosen, extractors))


def scorer_of(function: Function) -> Scorer:
    """A function of images, uint8 (H, W, 3), and their captions to a mark for each: higher is better, NaN is none."""
    name = getattr(function, "__name__", type(function).__name__)

    def marks(examples: Sequence[Example], progress: Progress) -> np.ndarray:
        found = []
        for start in range(0, len(examples), BATCH):
            batch = examples[start : start + BATCH]
            made = np.asarray(function([each.image for each in batch], [each.caption for each in batch]), np.float64)
            if made.shape != (len(batch),):
                raise UserError(f"{name} gave marks of shape {made.shape} for {len(batch)} images: give one for each")
            found.append(made)
            progress.advance(len(batch))
        return np.concatenate(found)

    return Scorer(name, "a function in memory", "", marks)


def _protocol(name: str) -> Protocol:
    try:
        return get_protocol(name)
    except UserError as error:
        if not str(error).startswith("there is no protocol"):
            raise
        raise UserError(f"{error}; or {', '.join(KNOWN)}") from None


def _chosen(protocol: Protocol, metric: str | None) -> MetricDefinition:
    marking = [each for each in protocol.metrics if type(each.kind).per_image is not MetricKind.per_image]
    if not marking:
        raise UserError(f"no metric of protocol {protocol.name} marks single images: choose another scorer")
    found = [each for each in marking if metric in (None, each.metric)]
    if not found:
        names = ", ".join(each.metric for each in marking)
        raise UserError(f"{metric} is no metric of protocol {protocol.name} that marks single images: use {names}")
    return found[0]


class _MetricMarks:
    """A metric's values of single images; what its network says of an image is kept, so that none is read twice."""

    def __init__(self, metric: MetricDefinition, extractors: Extractors) -> None:
        self.metric, self.extractors, self.name = metric, extractors, metric.extractor.name

    def __call__(self, examples: Sequence[Example], progress: Progress) -> np.ndarray:
        captions = list(dict.fromkeys(example.caption for example in examples))
        row = {caption: number for number, caption in enumerate(captions)}
        kind, prompts = self.metric.kind, np.array([row[example.caption] for example in examples])
        texts = self.extractors.texts(self.name, captions) if kind.needs.texts else nothing()
        values = kind.per_image(ImageSet(self._features(examples, progress), prompts, captions, texts))
        assert values is not None, f"{kind.name} marks images"
        return -values if kind.measures[0].higher_is_better is False else values

    def _features(self, examples: Sequence[Example], progress: Progress) -> np.ndarray:
        reads_prompts = self.metric.extractor.reads_prompts
        store = self.extractors.store(self.name, "audit, with prompts" if reads_prompts else "audit")
        rows = []
        try:
            for start in range(0, len(examples), BATCH):
                batch = examples[start : start + BATCH]
                rows.append(self._batch(batch, store, reads_prompts))
                progress.advance(len(batch))
        finally:
            store.flush()
        return np.concatenate(rows)

    def _batch(self, examples: Sequence[Example], store: FeatureStore, reads_prompts: bool) -> np.ndarray:
        told = [pixel_hash(each.image) + (f"\0{each.caption}" if reads_prompts else "") for each in examples]
        ids = content_ids(hashlib.sha256(each.encode()).hexdigest() for each in told)
        present, rows = store.lookup(ids)
        missing = np.flatnonzero(~present).tolist()
        if missing:
            images = [examples[place].image for place in missing]
            if reads_prompts:
                new = self.extractors.reader(self.name)(images, [examples[place].caption for place in missing])
            else:
                new = self.extractors.load(self.name)(images)
            if not np.isfinite(new).all():
                raise UserError(f"{self.name} gave NaN or infinite numbers: check its weights")
            store.add(ids[missing], new)
            rows = np.zeros((len(ids), new.shape[1]), dtype=np.float32) if rows is None else rows
            rows[missing] = new
        assert rows is not None
        return rows


def _one_by_one(mark: Callable[[Example], float]) -> Marks:
    def marks(examples: Sequence[Example], progress: Progress) -> np.ndarray:
        found = []
        for example in examples:
            found.append(mark(example))
            progress.advance(1)
        return np.array(found)

    return marks


def _random(example: Example) -> float:
    return int(_digest([pixel_hash(example.image), example.caption])[:12], 16) / 16**12


def _saturation(example: Example) -> float:
    pixels = example.image.astype(np.float32)
    largest, least = pixels.max(2), pixels.min(2)
    return float(((largest - least) / np.maximum(largest, 1)).mean())


def _reader(example: Example) -> float:
    if example.truth is None:
        raise UserError("the scorer `reader` knows scenes of the procedural world only: leave out it or --photographs")
    return example.truth(example.image)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


KNOWN: dict[str, tuple[str, Callable[[Example], float]]] = {
    "reader": ("the share of the asked that the procedural world's exact reader finds: it is told the scene", _reader),
    "saturation": ("the mean saturation of the image, whatever the caption", _saturation),
    "random": ("a number made from a hash of image and caption", _random),
}
