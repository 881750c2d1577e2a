"""ConSE (Norouzi et al. 2014): an image as the mean of its likeliest classes' names in a space of sentences.

Images are embedded as the mean of the sentence embeddings of the ten likeliest of ImageNet's class names, weighted by
their probabilities, and texts by the sentence encoder itself, so that both can be compared by cosine. It sees what
the classes name, and neither number, place, colour, relation nor written words.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from metrics.errors import MetricInputError
from metrics.features.efficientnet import EfficientNetExtractor, efficientnet_parts
from metrics.features.extractor import fingerprint_of
from metrics.features.minilm import CONTEXT, DIMENSION, MiniLm
from metrics.features.packaged import MINILM_L6

LIKELIEST = 10  # classes
NAMES_SHA256 = "0b0f9fee7c952f257418d62aa701f023a9da13b443a14f5c4291e5724d92967c"


class ConseExtractor:
    """ConSE embeddings of images by EfficientNet-Lite0, and MiniLM's of texts, in one space."""

    def __init__(self, device: str = "cpu") -> None:
        """Load both networks from their packages. Raises MetricInputError when one is missing or wrong."""
        self.classes, self._sentences = EfficientNetExtractor(device), MiniLm(device)
        self._names = self._sentences(class_names())  # (1000, 384)

    @property
    def fingerprint(self) -> str:
        """See `conse_fingerprint`."""
        return conse_fingerprint()

    @property
    def dimension(self) -> int:
        """384."""
        return DIMENSION

    @property
    def context_length(self) -> int:
        """Tokens a text is cut to."""
        return CONTEXT

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, to float32 (B, 384), not of unit norm. Raises MetricInputError otherwise."""
        return likeliest_mean(self.classes.probabilities(images), self._names)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to unit vectors, float32 (n, 384)."""
        return self._sentences(texts)

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        """For each text, whether only its beginning is read."""
        return self._sentences.truncated(texts)


def likeliest_mean(probabilities: np.ndarray, names: np.ndarray, count: int = LIKELIEST) -> np.ndarray:
    """Probabilities (B, C) and embeddings of the classes' names (C, D) to float32 (B, D).

    The mean over the `count` likeliest classes, weighted by their probabilities divided by the sum of these.
    """
    chosen = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]  # (B, count)
    weights = np.take_along_axis(probabilities, chosen, axis=1).astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("bk,bkd->bd", weights, names[chosen]).astype(np.float32)


def class_names() -> list[str]:
    """ImageNet's 1,000, in the order of its classifiers, as torchvision has them.

    Raises MetricInputError when an installed torchvision has others than those the metric is defined by.
    """
    from torchvision.models import EfficientNet_B0_Weights

    names = list(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])
    if hashlib.sha256("\n".join(names).encode()).hexdigest() != NAMES_SHA256:
        raise MetricInputError(
            "torchvision's names of ImageNet's classes are not those that the ConSE score is defined by: "
            "install the torchvision that constraints.txt pins"
        )
    return names


def conse_fingerprint() -> str:
    """The extractor's fingerprint, known without loading it."""
    return fingerprint_of(
        {
            **efficientnet_parts(),
            "layer": f"ConSE, {LIKELIEST} likeliest classes, weighted by probability",
            "class names": NAMES_SHA256,
            "sentences": MINILM_L6.sha256,
            "pooling": f"mean over tokens, unit norm, {CONTEXT} tokens",
        }
    )
