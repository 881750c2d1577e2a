"""An image and its prompt to whether the image obeys the prompt's rule."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Protocol

import numpy as np
from PIL import Image

from metrics.features.extractor import TextExtractor, fingerprint_of
from metrics.features.geneval.owlv2 import THRESHOLDS, Owlv2Folder
from metrics.features.geneval.rules import COLOURS, Detection, RuleFile, Thresholds, counting, obeys
from metrics.images.checked import checked_images

COLOUR_QUERIES = (
    "a photo of a {colour} {name}",
    "a photo of a {colour}-colored {name}",
    "a photo of a {colour} object",
)

Detector = Callable[[np.ndarray], Mapping[str, Sequence[Detection]]]


class ColoursOf(Protocol):
    """The colours of some detections of a class in an image."""

    def __call__(self, image: np.ndarray, name: str, found: Sequence[Detection]) -> list[str]:
        """A word of `COLOURS` for each."""
        ...


class ClipColours:
    """Colours by zero-shot classification of what is inside a box, as GenEval has them where it has no mask."""

    def __init__(self, clip: TextExtractor) -> None:
        """clip: embeds images and texts in one space."""
        self._clip = clip
        self._texts = cache(self._embedded)

    def __call__(self, image: np.ndarray, name: str, found: Sequence[Detection]) -> list[str]:
        """The nearest colour of each detection."""
        if not found:
            return []
        inside = self._clip([_crop(image, each) for each in found])  # (n, D), of whatever length
        return [COLOURS[number] for number in (inside @ self._texts(name).T).argmax(axis=1)]

    def _embedded(self, name: str) -> np.ndarray:
        """The mean of each colour's queries for a class, unit vectors (10, D)."""
        queries = [query.format(colour=colour, name=name) for colour in COLOURS for query in COLOUR_QUERIES]
        texts = _unit(self._clip.encode_texts(queries))
        return _unit(texts.reshape(len(COLOURS), len(COLOUR_QUERIES), -1).mean(axis=1))


class GenevalReader:
    """GenEval's verdict on an image, by any detector and any way to see colours."""

    dimension, context_length = 2, 0

    def __init__(
        self, rules: RuleFile, detector: Detector, colours: ColoursOf, thresholds: Thresholds, fingerprint: str
    ) -> None:
        """thresholds: which of the detections count."""
        self._rules, self._detector, self._colours, self._thresholds = rules, detector, colours, thresholds
        self.fingerprint = fingerprint

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        """None: a prompt only names its rule."""
        return [False] * len(prompts)

    def __call__(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """B uint8 images (H, W, 3) and their prompts to float32 (B, 2).

        The number of the prompt's task, from 1 in the order of the file, 0 for a prompt without a rule; and 1 where the
        image obeys the rule, otherwise 0.
        """
        checked_images(images)
        return np.array([self._read(*pair) for pair in zip(images, prompts, strict=True)], dtype=np.float32)

    def _read(self, image: np.ndarray, prompt: str) -> tuple[float, float]:
        rule = self._rules.of(prompt)
        if rule is None:
            return 0.0, 0.0

        def colours(name: str, found: Sequence[Detection]) -> list[str]:
            return self._colours(image, name, found)

        found = counting(self._detector(image), rule.task, self._thresholds)
        return 1.0 + self._rules.tasks.index(rule.task), float(obeys(rule, found, colours))


def geneval_fingerprint(rules: RuleFile, detector: Owlv2Folder, clip: str) -> str:
    """The fingerprint of GenEval by a detector and a CLIP with that fingerprint, known without loading them."""
    chosen = [THRESHOLDS.confidence, THRESHOLDS.counting, THRESHOLDS.most, THRESHOLDS.overlap]
    return fingerprint_of(
        {
            **detector.parts,
            "rules": rules.sha256,
            "thresholds": chosen,
            "colours": [clip, *COLOUR_QUERIES] if rules.colours else [],
        }
    )


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths: np.ndarray = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / lengths


def _crop(image: np.ndarray, found: Detection) -> np.ndarray:
    """What is inside a box, at least a pixel; outside of the image it is black."""
    left, top, right, bottom = (round(edge) for edge in found.box)
    return np.asarray(Image.fromarray(image).crop((left, top, max(right, left + 1), max(bottom, top + 1))))
