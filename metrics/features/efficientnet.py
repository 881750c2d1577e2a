"""EfficientNet-Lite0 (ImageNet, 4.7 million parameters): pooled features of images, and its classes' probabilities."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from metrics.errors import MetricInputError
from metrics.features.extractor import exact_float32, fingerprint_of
from metrics.features.packaged import EFFICIENTNET_LITE0
from metrics.features.pixel_transform import PixelTransform
from metrics.features.streams import in_streams
from metrics.images.checked import checked_images

ARCHITECTURE = "tf_efficientnet_lite0"  # in timm
HALF = (0.5, 0.5, 0.5)
TRANSFORM = PixelTransform(224, 256, HALF, HALF)  # timm's own for this architecture
DIMENSION = 1280


class EfficientNetExtractor:
    """The 1280 numbers between global average pooling and the classifier."""

    def __init__(self, device: str = "cpu") -> None:
        """Load the weights from their package. Raises MetricInputError when they are missing or wrong."""
        self.device = device
        self.network = load_network(EFFICIENTNET_LITE0.checked()).to(device)

    @property
    def fingerprint(self) -> str:
        """See `efficientnet_fingerprint`."""
        return efficientnet_fingerprint()

    @property
    def dimension(self) -> int:
        """1280."""
        return DIMENSION

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, to float32 (B, 1280). Raises MetricInputError for anything else."""
        return self._in_batches(self._pooled, images)

    def probabilities(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B such images to the probabilities of ImageNet's classes, float32 (B, 1000), in the usual order."""
        return self._in_batches(lambda part: self.network.classifier(self._pooled(part)).softmax(dim=1), images)

    def _in_batches(self, compute: Any, images: Sequence[np.ndarray]) -> np.ndarray:
        checked_images(images)

        def numbers(part: Sequence[np.ndarray]) -> np.ndarray:
            with torch.inference_mode():
                return compute(part).float().cpu().numpy()

        with exact_float32():
            return in_streams(numbers, images) if self.device == "cpu" else numbers(images)

    def _pooled(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        maps = self.network.forward_features(TRANSFORM(images).to(self.device))  # (B, 1280, 7, 7)
        return self.network.forward_head(maps, pre_logits=True)


def efficientnet_parts() -> dict[str, object]:
    """What decides its numbers, for fingerprints."""
    return {
        "network": f"EfficientNet-Lite0, {ARCHITECTURE} of timm",
        "weights": EFFICIENTNET_LITE0.sha256,
        "preprocessing": TRANSFORM.declaration(),
    }


def efficientnet_fingerprint() -> str:
    """The extractor's fingerprint, known without loading it."""
    return fingerprint_of({**efficientnet_parts(), "layer": f"global average pool, {DIMENSION}"})


def load_network(path: Path) -> Any:
    """timm's network with the file's tensors, which have other names and the same order.

    Raises MetricInputError when their number or a shape differs.
    """
    from timm import create_model

    try:
        state = dict(torch.load(path, map_location="cpu", weights_only=True))
        with torch.random.fork_rng(devices=[]):  # making a network draws random numbers that belong to the caller
            network = create_model(ARCHITECTURE, pretrained=False)
        network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)), strict=True)
    except Exception as error:  # of any kind, as junk leads the reader anywhere
        raise MetricInputError(f"{path} does not fit timm's {ARCHITECTURE}: install its package again") from error
    return network.float().eval().requires_grad_(False)
