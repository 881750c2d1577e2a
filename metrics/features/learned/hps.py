"""HPS v2.1 (Wu et al. 2023): a CLIP ViT-H/14 tuned on choices between images; 100 times the cosine, as in its tables.

Its published code turns an image into a tensor first, and scales that tensor's longer edge to 224 px, without rounding
to 8 bits; what is missing to a square is black. torchvision antialiases such tensors since 0.17, and so do we. It runs
in float16 on a GPU, we always in float32.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from metrics.errors import MetricInputError
from metrics.features.clip.open_clip import ClipConfig, ClipExtractor, read_state
from metrics.features.extractor import fingerprint_of
from metrics.features.learned.clip_sizes import CONTEXT, open_clip_sizes
from metrics.features.pixel_transform import OPENAI_MEAN, OPENAI_STD

SCALE = 100.0
HEAD = 80  # width of a head of ViT-H
PREPROCESSING = "longer edge to {} px, bicubic on float pixels with antialias, black up to a square"


class HpsExtractor(ClipExtractor):
    """Image embeddings of length 1, text embeddings of length 100: the score is their product."""

    def __init__(self, weights: Path, sha256: str = "", device: str = "cpu") -> None:
        """Raises MetricInputError for a file that is missing, unreadable, not of this digest, or of another network."""
        if not weights.is_file():
            raise MetricInputError(f"the weights file {weights} of HPS v2.1 is missing")
        state = read_state(weights)
        sizes = open_clip_sizes(state, HEAD, False, f"{weights} holds no ViT-H/14 of open_clip, as HPS v2.1 is one")
        image = {"size": sizes["vision_cfg"]["image_size"], "mean": list(OPENAI_MEAN), "std": list(OPENAI_STD)}
        super().__init__(ClipConfig("HPS v2.1", sizes, image, "clip"), weights, sha256, device)

    @property
    def fingerprint(self) -> str:
        """See `hps_fingerprint`."""
        return hps_fingerprint(self.weights_sha256)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to vectors of length 100, float32 (B, D). Texts longer than 77 tokens are cut; see `truncated`."""
        return np.float32(SCALE) * super().encode_texts(texts)

    @cached_property
    def _transform(self) -> Callable[[Sequence[np.ndarray]], torch.Tensor]:
        size = int(self.config.preprocess["size"])
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (OPENAI_MEAN, OPENAI_STD))
        return lambda images: torch.stack([(squared(image, size) - mean) / std for image in images])


def squared(image: np.ndarray, size: int) -> torch.Tensor:
    """A uint8 image (H, W, 3) to float32 (3, size, size), 0 to 1 but for what bicubic adds at edges."""
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
    height, width = pixels.shape[1:]
    scale = size / max(height, width)
    if scale == 1.0 and height == width:
        return pixels
    scaled = round(height * scale), round(width * scale)
    pixels = F.interpolate(pixels[None], size=scaled, mode="bicubic", align_corners=False, antialias=True)[0]
    down, across = size - scaled[0], size - scaled[1]
    return F.pad(pixels, (across // 2, across - across // 2, down // 2, down - down // 2))


def hps_fingerprint(weights_sha256: str) -> str:
    """The extractor's fingerprint, known without loading it. The weights tell the network's sizes."""
    return fingerprint_of(
        {
            "network": "HPS v2.1: open_clip ViT-H-14, GELU",
            "weights": weights_sha256,
            "tokenizer": "clip",
            "context_length": CONTEXT,
            "layer": f"projected embeddings, images of length 1, texts of length {SCALE:g}",
            "preprocessing": [PREPROCESSING, OPENAI_MEAN, OPENAI_STD],
        }
    )
