"""The base U-Net at 64 x 64 (Imagen, sec. 2.3 and app. F.1): text -> image."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from reference_model.networks.layers import (
    PreparedText,
    ResBlock,
    ScalarEmbedding,
    TextConditioning,
    TextSelfAttention,
    group_norm,
    prepare_text,
    zero_init,
)
from reference_model.text.encoder import TextFeatures


@dataclass(frozen=True)
class UNetConfig:
    """The base model's hyperparameters.

    channels: per level, the first at `size / patch`, each further at half the resolution.
    blocks: residual blocks per level on the way down; one more on the way up.
    attention: per level, whether every residual block is followed by attention over image and text.
    patch: pixel-unshuffle factor of the stem; 1, as in the paper, works on pixels.
    upsample_last: whether a level's last convolution comes before its upsampling, as in the Efficient U-Net: a quarter
        of the work.
    """

    size: int
    text_width: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    attention: tuple[bool, ...]
    head_width: int = 64
    embedding_width: int = 512
    patch: int = 1
    upsample_last: bool = False


class UNet(nn.Module):
    """Predicts v or epsilon from a noisy image, its time, and text."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        width, embed = config.channels[0], config.embedding_width
        pixels = 3 * config.patch**2
        self.time = ScalarEmbedding(embed)
        self.text = TextConditioning(config.text_width, embed)
        self.stem = nn.Conv2d(pixels, width, 3, padding=1)
        self.down, self.downsample = nn.ModuleList(), nn.ModuleList()
        skips = [width]
        for level, channels in enumerate(config.channels):
            for _ in range(config.blocks[level]):
                self.down.append(_Block(config, level, width, channels))
                width = channels
                skips.append(width)
            if level + 1 < len(config.channels):
                self.downsample.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                skips.append(width)
        self.middle = nn.ModuleList([_Block(config, -1, width, width), _Block(config, -1, width, width)])
        self.up, self.upsample = nn.ModuleList(), nn.ModuleList()
        for level, channels in reversed(list(enumerate(config.channels))):
            for _ in range(config.blocks[level] + 1):
                self.up.append(_Block(config, level, width + skips.pop(), channels))
                width = channels
            if level > 0:
                self.upsample.append(nn.Conv2d(width, width, 3, padding=1))
        self.out = nn.Sequential(group_norm(width), nn.SiLU(), zero_init(nn.Conv2d(width, pixels, 3, padding=1)))

    def forward(
        self, x: torch.Tensor, t: torch.Tensor, text: TextFeatures, keep: torch.Tensor | None = None
    ) -> torch.Tensor:
        """x (B, 3, S, S) in about [-1, 1]; t (B,) in [0, 1]; keep (B,) False where text is dropped -> (B, 3, S, S)."""
        return self.predict(x, t, self.prepare(text, keep))

    def prepare(self, text: TextFeatures, keep: torch.Tensor | None = None) -> PreparedText:
        """What does not change from step to step."""
        return prepare_text(self, text, keep)

    def predict(self, x: torch.Tensor, t: torch.Tensor, text: PreparedText) -> torch.Tensor:
        """`forward` with the prepared text."""
        embedding = self.time(t) + text.pooled
        h = self.stem(F.pixel_unshuffle(x, self.config.patch))  # (B, C0, S / patch, S / patch)
        skips, blocks = [h], iter(self.down)
        for level, count in enumerate(self.config.blocks):
            for _ in range(count):
                h = next(blocks)(h, embedding, text)
                skips.append(h)
            if level < len(self.downsample):
                h = self.downsample[level](h)
                skips.append(h)
        for block in self.middle:
            h = block(h, embedding, text)
        blocks, upsamples = iter(self.up), iter(self.upsample)
        for level, count in reversed(list(enumerate(self.config.blocks))):
            for _ in range(count + 1):
                h = next(blocks)(torch.cat([h, skips.pop()], dim=1), embedding, text)
            if level > 0:
                h = self._upsampled(h, next(upsamples))
        return F.pixel_shuffle(self.out(h), self.config.patch)

    def _upsampled(self, h: torch.Tensor, convolution: nn.Module) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, 2 H, 2 W)."""
        if self.config.upsample_last:
            return F.interpolate(convolution(h), scale_factor=2.0, mode="nearest")
        return convolution(F.interpolate(h, scale_factor=2.0, mode="nearest"))


class _Block(nn.Module):
    """A residual block and, where the level has it, attention."""

    def __init__(self, config: UNetConfig, level: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.residual = ResBlock(in_channels, out_channels, config.embedding_width)
        self.attention = (
            TextSelfAttention(out_channels, config.text_width, config.head_width) if config.attention[level] else None
        )

    def forward(self, x: torch.Tensor, embedding: torch.Tensor, text: PreparedText) -> torch.Tensor:
        h = self.residual(x, embedding)
        return h if self.attention is None else self.attention(h, text)
