"""The Efficient U-Net of the super-resolution stages (Imagen, sec. 2.4 and app. B.1).

Depth sits at the low resolutions, downsampling comes before and upsampling after a block's convolutions, and skip
connections are scaled by 1 / sqrt 2.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from reference_model.networks.layers import (
    PreparedText,
    ResBlock,
    ScalarEmbedding,
    TextConditioning,
    TextCrossAttention,
    TextSelfAttention,
    group_norm,
    prepare_text,
    unshuffled_conv,
    zero_init,
)
from reference_model.sampling.schedules import denoised_share, per_image
from reference_model.text.encoder import TextFeatures

SKIP_SCALE = 1 / math.sqrt(2)
Attention = Literal["none", "self and text", "text"]


@dataclass(frozen=True)
class EfficientUNetConfig:
    """A super-resolution model's hyperparameters.

    size, low_size: sides of its output and of the image it starts from.
    channels, blocks: of each level; every level halves the resolution of the one before, the first that of the stem.
    attention: of the lowest level.
    patch: pixel-unshuffle factor of the stem; 1, as in the paper, works on pixels.
    residual: whether the output is added to the enlarged low-resolution image (a network of x0); not in the paper.
    """

    size: int
    low_size: int
    text_width: int
    stem_channels: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    attention: Attention
    head_width: int = 64
    embedding_width: int = 512
    patch: int = 1
    residual: bool = False


@dataclass(frozen=True)
class PreparedConditions:
    """What the network is conditioned on, computed once however many denoising steps follow.

    low: the low-resolution image's part of the stem, (B, C, S / patch, S / patch). augmentation: (B, E).
    start: what a residual network's output is added to, (B, 3, S, S).
    """

    text: PreparedText
    low: torch.Tensor
    augmentation: torch.Tensor
    start: torch.Tensor | None


class EfficientUNet(nn.Module):
    """Predicts v or epsilon from a noisy image and its time, a noise-augmented low-resolution image, and text."""

    def __init__(self, config: EfficientUNetConfig) -> None:
        super().__init__()
        self.config = config
        embed, pixels = config.embedding_width, 3 * config.patch**2
        widths = (config.stem_channels, *config.channels)
        last = len(config.channels) - 1
        self.time = ScalarEmbedding(embed)
        self.augmentation = ScalarEmbedding(embed)
        self.text = TextConditioning(config.text_width, embed)
        self.mix = nn.Conv2d(2 * pixels, config.stem_channels, 1)  # the image and the low-resolution one, side by side
        self.stem = nn.Conv2d(config.stem_channels, config.stem_channels, 3, padding=1)
        self.down = nn.ModuleList(
            _DownBlock(config, widths[i], widths[i + 1], blocks, i == last) for i, blocks in enumerate(config.blocks)
        )
        self.up = nn.ModuleList(
            _UpBlock(config, widths[i + 1], widths[i], blocks, i == last)
            for i, blocks in reversed(list(enumerate(config.blocks)))
        )
        self.out = nn.Sequential(
            group_norm(config.stem_channels),
            nn.SiLU(),
            nn.Conv2d(config.stem_channels, config.stem_channels, 3, padding=1),
            nn.SiLU(),
            zero_init(nn.Conv2d(config.stem_channels, pixels, 1)),
        )

    def forward(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        text: TextFeatures,
        low: torch.Tensor,
        aug_level: torch.Tensor,
        keep: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """x (B, 3, S, S), low (B, 3, S / factor, S / factor) in about [-1, 1]; t, aug_level (B,) in [0, 1] -> as x."""
        return self.predict(x, t, self.prepare(text, low, aug_level, keep))

    def prepare(
        self, text: TextFeatures, low: torch.Tensor, aug_level: torch.Tensor, keep: torch.Tensor | None = None
    ) -> PreparedConditions:
        """What does not change from step to step: the text, and the low-resolution image's part of the stem."""
        factor = float(self.config.size // self.config.low_size)
        large = F.interpolate(low, scale_factor=factor, mode="bilinear", align_corners=False)
        _, weight = self.mix.weight.chunk(2, dim=1)
        mixed = unshuffled_conv(large, weight, self.config.patch, self.mix.bias)
        start = per_image(denoised_share(aug_level)) * enlarge(low, factor) if self.config.residual else None
        return PreparedConditions(prepare_text(self, text, keep), mixed, self.augmentation(aug_level), start)

    def predict(self, x: torch.Tensor, t: torch.Tensor, conditions: PreparedConditions) -> torch.Tensor:
        """`forward` with the prepared conditions."""
        text = conditions.text
        embedding = self.time(t) + conditions.augmentation + text.pooled
        weight, _ = self.mix.weight.chunk(2, dim=1)
        h = self.stem(unshuffled_conv(x, weight, self.config.patch) + conditions.low)
        skips = []
        for down in self.down:
            skips.append(h)
            h = down(h, embedding, text)
        for up in self.up:
            h = up(h, embedding, text) + skips.pop() * SKIP_SCALE
        output = F.pixel_shuffle(self.out(h), self.config.patch)
        return output if conditions.start is None else conditions.start + output


def enlarge(low: torch.Tensor, factor: float) -> torch.Tensor:
    """Bicubic interpolation of images (B, 3, h, w) to (B, 3, factor h, factor w)."""
    large = F.interpolate(low, scale_factor=factor, mode="bicubic", align_corners=False)
    return large.contiguous(memory_format=torch.channels_last)


class _DownBlock(nn.Module):
    """Downsample first: every convolution of the block then works at the lower resolution."""

    def __init__(
        self, config: EfficientUNetConfig, in_channels: int, out_channels: int, blocks: int, lowest: bool
    ) -> None:
        super().__init__()
        self.downsample = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
        self.blocks = _res_blocks(config, out_channels, blocks)
        self.attention = _attention(config, out_channels) if lowest else None

    def forward(self, x: torch.Tensor, embedding: torch.Tensor, text: PreparedText) -> torch.Tensor:
        h = self.downsample(x)
        for block in self.blocks:
            h = block(h, embedding)
        return h if self.attention is None else self.attention(h, text)


class _UpBlock(nn.Module):
    """Upsample last, for the same reason."""

    def __init__(
        self, config: EfficientUNetConfig, in_channels: int, out_channels: int, blocks: int, lowest: bool
    ) -> None:
        super().__init__()
        self.blocks = _res_blocks(config, in_channels, blocks)
        self.attention = _attention(config, in_channels) if lowest else None
        self.upsample = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x: torch.Tensor, embedding: torch.Tensor, text: PreparedText) -> torch.Tensor:
        for block in self.blocks:
            x = block(x, embedding)
        if self.attention is not None:
            x = self.attention(x, text)
        return F.interpolate(self.upsample(x), scale_factor=2.0, mode="nearest")


def _res_blocks(config: EfficientUNetConfig, channels: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(ResBlock(channels, channels, config.embedding_width, SKIP_SCALE) for _ in range(count))


def _attention(config: EfficientUNetConfig, channels: int) -> nn.Module | None:
    if config.attention == "none":
        return None
    kind = TextSelfAttention if config.attention == "self and text" else TextCrossAttention
    return kind(channels, config.text_width, config.head_width)
