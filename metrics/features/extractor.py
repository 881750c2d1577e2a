"""What every feature extractor offers, and how its fingerprint is made."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch

BACKEND = "torch"
DTYPE = "float32"  # TF32 off: the same features on every device, up to summation order


class Extractor(Protocol):
    """Images to features. Pure: the features of an image do not depend on its batch, beyond float32 rounding."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that can change the features; see `fingerprint_of`."""
        ...

    @property
    def dimension(self) -> int:
        """D of the features."""
        ...

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, to float32 (B, D)."""
        ...


class TextExtractor(Extractor, Protocol):
    """An extractor with a text tower that shares the images' feature space."""

    @property
    def context_length(self) -> int:
        """Tokens a text is cut to."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to unit vectors, float32 (n, D), in their order."""
        ...

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        """For each text, whether the model reads only its beginning."""
        ...


class PromptReader(Protocol):
    """Looks at an image together with its prompt, and gives numbers about the pair. Pure, as an extractor is."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that can change the numbers; see `fingerprint_of`."""
        ...

    @property
    def dimension(self) -> int:
        """K numbers a pair."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens a prompt is cut to; 0 where it is always read whole."""
        ...

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        """For each prompt, whether only its beginning is read."""
        ...

    def __call__(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, and the prompt of each, to float32 (B, K)."""
        ...


def fingerprint_of(parts: Mapping[str, object]) -> str:
    """SHA-256 of sorted JSON of weights' SHA-256, configuration, tokenizer, layer, preprocessing, dtype and backend."""
    complete = {"dtype": DTYPE, "backend": BACKEND, **parts}
    return hashlib.sha256(json.dumps(complete, sort_keys=True).encode()).hexdigest()


@contextmanager
def exact_float32() -> Iterator[None]:
    """Run float32 as float32: cuDNN would otherwise round convolutions to TF32's 10 bits."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (cudnn.allow_tf32, matmul.allow_tf32)
    cudnn.allow_tf32 = matmul.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32 = before
