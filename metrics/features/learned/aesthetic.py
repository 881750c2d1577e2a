"""LAION's aesthetic predictors: linear layers on CLIP ViT-L/14's image embedding of length 1. No prompt is read.

Version 2 (`sac+logos+ava1-l14-linearMSE.pth`) has five linear layers without anything between them, version 1
(`sa_0_4_vit_l_14_linear.pth`) has one. A rating is about 1 to 10.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from metrics.errors import MetricInputError
from metrics.features.clip.open_clip import ClipConfig, ClipExtractor, read_state
from metrics.features.extractor import fingerprint_of
from metrics.features.learned.clip_sizes import open_clip_sizes
from metrics.features.learned.linear_layers import linear_layers, through
from metrics.features.pixel_transform import OPENAI_MEAN, OPENAI_STD
from metrics.features.weights import check_weights

HEAD = 64  # width of a head of ViT-L
# The same names and shapes with ReLUs between the layers, which no file tells.
WITH_RELU = "0af3254c651d55b7ea851429c20f26ec880bb0169805a4df85b814bd7966f3e4"


class AestheticExtractor:
    """One rating an image: float32 (B, 1)."""

    def __init__(
        self, head: Path, clip: Path, head_sha256: str = "", clip_sha256: str = "", device: str = "cpu"
    ) -> None:
        """head: the linear layers. clip: OpenAI's ViT-L/14. The digests are enforced when given.

        Raises MetricInputError for files that are missing, unreadable, not of these digests, or of other networks.
        """
        for path in (head, clip):
            if not path.is_file():
                raise MetricInputError(f"the weights file {path} of LAION's aesthetic predictor is missing")
        self.head_sha256 = check_weights(head, head_sha256)
        if self.head_sha256 == WITH_RELU:
            raise MetricInputError(
                f"{head} has ReLUs between its layers, which is another scorer: use sac+logos+ava1-l14-linearMSE.pth"
            )
        state = read_state(head)
        try:
            self._layers = linear_layers(state)
        except (KeyError, ValueError) as error:
            raise MetricInputError(f"{head} holds no aesthetic predictor of LAION: name the published file") from error
        sizes = open_clip_sizes(read_state(clip), HEAD, True, f"{clip} holds no CLIP ViT-L/14 in open_clip's names")
        size = sizes["vision_cfg"]["image_size"]
        pixels = {"size": size, "mean": list(OPENAI_MEAN), "std": list(OPENAI_STD), "interpolation": "bicubic"}
        config = ClipConfig("CLIP ViT-L/14", sizes, pixels | {"resize_mode": "shortest"}, "clip")
        self._clip = ClipExtractor(config, clip, clip_sha256, device)
        if self._layers[0][0].shape[1] != self._clip.dimension:
            raise MetricInputError(
                f"{head} reads embeddings of {self._layers[0][0].shape[1]} numbers, and {clip} makes "
                f"{self._clip.dimension}: use the files of one scorer"
            )

    @property
    def fingerprint(self) -> str:
        """See `aesthetic_fingerprint`."""
        return aesthetic_fingerprint(self.head_sha256, self._clip.weights_sha256)

    @property
    def dimension(self) -> int:
        """1."""
        return 1

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, to ratings, float32 (B, 1). MetricInputError for any others."""
        with torch.inference_mode():
            return through(self._layers, torch.from_numpy(self._clip(images))).numpy()


def aesthetic_fingerprint(head_sha256: str, clip_sha256: str) -> str:
    """The extractor's fingerprint, known without loading it. The weights tell the sizes."""
    return fingerprint_of(
        {
            "network": "LAION aesthetic: linear layers on CLIP ViT-L/14, QuickGELU",
            "weights": [head_sha256, clip_sha256],
            "layer": "projected embedding, unit norm, then the layers",
            "preprocessing": ["shorter edge to 224 px, Pillow bicubic, centre crop", OPENAI_MEAN, OPENAI_STD],
        }
    )
