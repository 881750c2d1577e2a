"""What the findings compare and the reference model does not have: a U-Net that reads pooled text alone, and a
base-style U-Net for super-resolution."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import nn

from reference_model.networks.layers import PreparedText, ScalarEmbedding
from reference_model.networks.unet import UNet, UNetConfig
from reference_model.text.encoder import TextFeatures


class PooledTextUNet(UNet):
    """The base U-Net whose attention sees no text: all it reads is the pooled text in the timestep embedding."""

    def prepare(self, text: TextFeatures, keep: torch.Tensor | None = None) -> PreparedText:
        prepared = super().prepare(text, keep)
        nothing = {layer: (k[:, :0], v[:, :0]) for layer, (k, v) in prepared.keys_values.items()}
        return PreparedText(prepared.pooled, prepared.mask[:, :0], nothing)


class BaseStyleUpsampler(UNet):
    """The base U-Net with the low-resolution image beside the noisy one, called like an EfficientUNet."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__(config)
        self.stem = nn.Conv2d(6 * config.patch**2, config.channels[0], 3, padding=1)
        self.augmentation = ScalarEmbedding(config.embedding_width)

    def forward(  # type: ignore[override]
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        text: TextFeatures,
        low: torch.Tensor,
        aug_level: torch.Tensor,
        keep: torch.Tensor | None = None,
    ) -> torch.Tensor:
        large = F.interpolate(low, size=x.shape[-2:], mode="bilinear", align_corners=False)
        prepared = self.prepare(text, keep)
        embedded = replace(prepared, pooled=prepared.pooled + self.augmentation(aug_level))
        return self.predict(torch.cat([x, large], dim=1), t, embedded)
