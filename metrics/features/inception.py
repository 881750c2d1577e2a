"""FID's Inception network of 2015, through clean-fid's own wrapper and resizers: the same features, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from metrics.errors import MetricInputError
from metrics.features.extractor import exact_float32, fingerprint_of
from metrics.features.weights import INCEPTION, WeightsFile, check_weights, find_weights, quiet_torchscript

if TYPE_CHECKING:
    import torch

Mode = Literal["clean", "legacy_tensorflow"]
DIMENSION = 2048
PREPROCESSING: dict[Mode, str] = {
    "clean": "Pillow bicubic to 299 px per float32 channel, clipped to 0..255, no 8-bit step; (x - 128) / 128",
    "legacy_tensorflow": "resized to 299 px inside the TorchScript network, as TensorFlow 1 did",
}


@dataclass(frozen=True)
class InceptionExtractor:
    """Pool features (2048) of the TorchScript Inception. Make one with `load`."""

    mode: Mode
    weights_sha256: str
    verified: bool  # whether the digest was checked against a published one
    device: str
    network: torch.nn.Module

    @classmethod
    def load(
        cls, mode: Mode, device: str = "cpu", folder: Path | None = None, weights: WeightsFile = INCEPTION
    ) -> InceptionExtractor:
        """Read the weights from `folder`, or from where `find_weights` looks; never downloads.

        Raises MetricInputError when the file is missing, is not the published one, or is no TorchScript network.
        """
        path = folder / weights.file if folder is not None else find_weights(weights)
        if not path.is_file():
            raise MetricInputError(f"the weights file {path} is missing: get it from {weights.source}")
        digest = check_weights(path, weights.sha256)
        from cleanfid.inception_torchscript import InceptionV3W

        try:
            with quiet_torchscript():
                network = InceptionV3W(str(path.parent), download=False, resize_inside=mode == "legacy_tensorflow")
        except (RuntimeError, AttributeError) as error:
            raise MetricInputError(f"{path} is not the TorchScript Inception network: fetch it again") from error
        return cls(mode, digest, bool(weights.sha256), device, network.to(device).eval())

    @property
    def fingerprint(self) -> str:
        """See `inception_fingerprint`."""
        return inception_fingerprint(self.mode, self.weights_sha256)

    @property
    def dimension(self) -> int:
        """2048."""
        return DIMENSION

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, of equal sizes, to float32 (B, 2048)."""
        import torch
        from cleanfid.resize import build_resizer

        resize = build_resizer(self.mode)
        resized = np.stack([np.asarray(resize(image), dtype=np.float32) for image in images])
        batch = torch.from_numpy(resized).permute(0, 3, 1, 2).contiguous().to(self.device)  # (B, 3, H, W), 0..255
        with torch.inference_mode(), exact_float32():
            return self.network(batch).float().cpu().numpy()


def inception_fingerprint(mode: Mode, weights_sha256: str) -> str:
    """The extractor's fingerprint, known without loading it."""
    return fingerprint_of(
        {
            "network": "inception-2015-12-05, TorchScript",
            "weights": weights_sha256,
            "layer": "pool, 2048",
            "preprocessing": PREPROCESSING[mode],
        }
    )
