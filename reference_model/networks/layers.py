"""The parts that both U-Nets are built from: embeddings, residual blocks, attention with text."""

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import nn

from reference_model.text.encoder import TextFeatures

Weighted = TypeVar("Weighted", nn.Conv2d, nn.Linear)
POOLING_HEADS = 4


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation with as many groups, up to 32, as leave eight channels in each."""
    return nn.GroupNorm(max(1, math.gcd(32, channels // 8)), channels)


def zero_init(module: Weighted) -> Weighted:
    """A residual branch that starts silent."""
    nn.init.zeros_(module.weight)
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


def sinusoidal_embedding(t: torch.Tensor, width: int) -> torch.Tensor:
    """Continuous times in [0, 1], (B,), to (B, width): sines and cosines of 1000 t at geometric frequencies."""
    frequencies = torch.exp(-math.log(10_000) * torch.arange(width // 2, device=t.device) / (width // 2))
    angles = 1000 * t[:, None] * frequencies[None, :]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class ScalarEmbedding(nn.Module):
    """A time or an augmentation level in [0, 1], (B,), to a conditioning vector (B, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return self.mlp(sinusoidal_embedding(value, self.width))


class AttentionPooling(nn.Module):
    """Text tokens to one vector for the timestep embedding: their masked mean asks, the tokens answer."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, out_width), nn.SiLU(), nn.Linear(out_width, out_width)
        )

    def forward(self, text: TextFeatures) -> torch.Tensor:
        weights = text.mask[..., None].to(text.tokens.dtype)  # padding takes no part in the mean
        mean = (text.tokens * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True)
        q, k, v = self.query(mean), self.key(text.tokens), self.value(text.tokens)
        return self.out(attend(q, k, v, text.mask[:, None, None, :], POOLING_HEADS)[:, 0])


class TextConditioning(nn.Module):
    """What both U-Nets do with text: normalise tokens, pool them, and learn what `no text` looks like.

    Dropped texts (Imagen drops 10% in training; guidance needs the pair) become one learnt null token.
    """

    def __init__(self, text_width: int, embedding_width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(text_width)
        null = torch.empty(text_width)
        # On the meta device, where a network waits for its weights, `normal_` would import torch's compilers: seconds.
        self.null = nn.Parameter(null if null.is_meta else null.normal_(std=0.5))
        self.pool = AttentionPooling(text_width, embedding_width)

    def forward(self, text: TextFeatures, keep: torch.Tensor | None) -> tuple[TextFeatures, torch.Tensor]:
        """keep: bool (B,), False where the text is dropped; None keeps all. Returns tokens and pooled (B, E)."""
        tokens, mask = self.norm(text.tokens), text.mask
        if keep is not None:
            first = torch.arange(mask.shape[1], device=mask.device)[None, :] == 0
            mask = torch.where(keep[:, None], mask, first)
            tokens = torch.where(keep[:, None, None], tokens, self.null.to(tokens.dtype))
        conditioned = TextFeatures(tokens, mask)
        return conditioned, self.pool(conditioned)


class ResBlock(nn.Module):
    """Two 3x3 convolutions with group norm; the embedding scales and shifts between them (`scale-shift norm`)."""

    def __init__(self, in_channels: int, out_channels: int, embedding_width: int, skip_scale: float = 1.0) -> None:
        super().__init__()
        self.skip_scale = skip_scale
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.modulation = nn.Linear(embedding_width, 2 * out_channels)
        self.norm2 = group_norm(out_channels)
        self.conv2 = zero_init(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.modulation(F.silu(embedding))[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) * self.skip_scale + h


@dataclass(frozen=True)
class PreparedText:
    """What a network needs of its texts, computed once however many denoising steps follow.

    pooled: (B, E). mask: bool (B, L). keys_values: of each attention layer, (B, L, C) each.
    """

    pooled: torch.Tensor
    mask: torch.Tensor
    keys_values: "dict[TextAttention, tuple[torch.Tensor, torch.Tensor]]"


class TextAttention(nn.Module):
    """What both kinds of attention do with text: project its tokens to keys and values."""

    text_kv: nn.Linear

    def keys_values(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (B, L, D) to keys and values (B, L, C) each."""
        k, v = self.text_kv(tokens).chunk(2, dim=2)
        return k, v


class TextSelfAttention(TextAttention):
    """Self-attention over the image with the text's keys and values concatenated to it (Imagen, app. D.3.1)."""

    def __init__(self, channels: int, text_width: int, head_width: int) -> None:
        super().__init__()
        self.heads = max(1, channels // head_width)
        self.norm = group_norm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.text_kv = nn.Linear(text_width, 2 * channels)
        self.out = zero_init(nn.Linear(channels, channels))

    def forward(self, x: torch.Tensor, text: PreparedText) -> torch.Tensor:
        flat = self.norm(x).flatten(2).transpose(1, 2)  # (B, HW, C)
        q, k, v = self.qkv(flat).chunk(3, dim=2)
        text_k, text_v = text.keys_values[self]
        k, v = torch.cat([k, text_k], dim=1), torch.cat([v, text_v], dim=1)
        image_mask = text.mask.new_ones(flat.shape[0], flat.shape[1])
        mask = torch.cat([image_mask, text.mask], dim=1)[:, None, None, :]
        return x + _unflatten(self.out(attend(q, k, v, mask, self.heads)), x)


class TextCrossAttention(TextAttention):
    """Attention from image to text alone, for resolutions at which self-attention costs too much (256 -> 1024)."""

    def __init__(self, channels: int, text_width: int, head_width: int) -> None:
        super().__init__()
        self.heads = max(1, channels // head_width)
        self.norm = group_norm(channels)
        self.query = nn.Linear(channels, channels)
        self.text_kv = nn.Linear(text_width, 2 * channels)
        self.out = zero_init(nn.Linear(channels, channels))

    def forward(self, x: torch.Tensor, text: PreparedText) -> torch.Tensor:
        flat = self.norm(x).flatten(2).transpose(1, 2)  # (B, HW, C)
        k, v = text.keys_values[self]
        return x + _unflatten(self.out(attend(self.query(flat), k, v, text.mask[:, None, None, :], self.heads)), x)


def prepare_text(network: nn.Module, text: TextFeatures, keep: torch.Tensor | None) -> PreparedText:
    """All that a network with a `text: TextConditioning` makes of its texts before the first step."""
    conditioning = network.get_submodule("text")
    assert isinstance(conditioning, TextConditioning)
    conditioned, pooled = conditioning(text, keep)
    attentions = [module for module in network.modules() if isinstance(module, TextAttention)]
    keys_values = {attention: attention.keys_values(conditioned.tokens) for attention in attentions}
    return PreparedText(pooled, conditioned.mask, keys_values)


def unshuffled_conv(
    x: torch.Tensor, weight: torch.Tensor, patch: int, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """A 1x1 convolution of F.pixel_unshuffle(x, patch), as one strided convolution: several times faster.

    x (B, C, H, W); weight (out, C * patch^2, 1, 1) -> (B, out, H / patch, W / patch).
    """
    return F.conv2d(x, weight.view(len(weight), -1, patch, patch), bias, stride=patch)


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor, heads: int) -> torch.Tensor:
    """Multi-head attention. q (B, N, C); k, v (B, M, C); mask bool (B, 1, 1, M) -> (B, N, C)."""
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))  # (B, heads, N or M, C / heads)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)


def _unflatten(flat: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    return flat.transpose(1, 2).reshape(like.shape)
