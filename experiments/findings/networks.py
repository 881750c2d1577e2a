"""What the findings compare and the reference model does not have: a U-Net that reads pooled text alone, a base-style
U-Net for super-resolution, and CLIP's text tower as a text encoder."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from metrics.features.clip.byte_tokenizer import END, FIRST_BYTE, START
from metrics.features.clip.open_clip import load_folder
from reference_model.networks.layers import PreparedText, ScalarEmbedding
from reference_model.networks.unet import UNet, UNetConfig
from reference_model.text.byte_t5 import Encoded
from reference_model.text.encoder import TextEncoder, TextFeatures


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


class ClipTextTower(nn.Module):
    """The text tower of an open_clip model with byte tokens: every token's hidden state after the last norm."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.token_embedding, self.transformer = network.token_embedding, network.transformer
        self.positional_embedding, self.ln_final = network.positional_embedding, network.ln_final
        self.causal: torch.Tensor
        self.register_buffer("causal", network.attn_mask, persistent=False)
        self.config = _TowerConfig(int(self.positional_embedding.shape[1]))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Encoded:
        """Causal, so that padding after a text changes none of its features; attention_mask is not needed."""
        length = input_ids.shape[1]
        h = self.token_embedding(input_ids) + self.positional_embedding[:length]
        return Encoded(self.ln_final(self.transformer(h, attn_mask=self.causal[:length, :length])))


@dataclass(frozen=True)
class _TowerConfig:
    hidden_size: int


class _ClipBytes:
    """The scorer's byte tokens, without padding."""

    def __init__(self, context_length: int) -> None:
        self.max_tokens, self.fingerprint = context_length, "metrics.features.clip.byte_tokenizer"

    def tokens(self, text: str) -> list[int]:
        return [START, *(byte + FIRST_BYTE for byte in text.encode()), END]

    def cut(self, text: str) -> list[int]:
        ids = self.tokens(text)
        return [*ids[: self.max_tokens - 1], ids[-1]]


def clip_text_encoder(folder: Path) -> TextEncoder:
    """The text tower of a bundled-kind scorer as a frozen text encoder."""
    scorer = load_folder(folder)
    return TextEncoder(ClipTextTower(scorer.network), _ClipBytes(scorer.config.context_length))
