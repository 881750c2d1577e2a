"""The bundled text encoder's network: a T5 v1.1 encoder (Raffel et al., arXiv 1910.10683; Shazeer, arXiv 2002.05202).

The same numbers as transformers' T5EncoderModel, from the same files, without the seconds that importing transformers
takes. Only the shape of the bundled encoder is known here; every other encoder comes through `pretrained_text`.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class ByteT5Config:
    """A T5 v1.1 encoder's shape, under the names of its config.json."""

    vocab_size: int
    d_model: int
    d_kv: int
    d_ff: int
    num_layers: int
    num_heads: int
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    layer_norm_epsilon: float = 1e-6

    @property
    def hidden_size(self) -> int:
        return self.d_model

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ByteT5Config":
        """From a config.json of transformers. Raises KeyError when a field without default is missing."""
        required = ("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads")
        optional = ("relative_attention_num_buckets", "relative_attention_max_distance", "layer_norm_epsilon")
        return cls(**{name: data[name] for name in required}, **{name: data[name] for name in optional if name in data})


class Encoded(NamedTuple):
    """What an encoder of transformers returns too, as far as it is used: features (B, L, D)."""

    last_hidden_state: torch.Tensor


class ByteT5Encoder(nn.Module):
    """Token ids (B, L) and a mask (B, L) to features (B, L, D).

    Its weights come from a file, named as `transformers_name` maps them; a new one's embeddings are not set.
    """

    def __init__(self, config: ByteT5Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = _embedding(config.vocab_size, config.d_model)
        self.position_bias = _embedding(config.relative_attention_num_buckets, config.num_heads)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_layers))
        self.norm = nn.RMSNorm(config.d_model, config.layer_norm_epsilon)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> Encoded:
        """attention_mask: nonzero where a token is real; None when all are."""
        h = self.embedding(input_ids)
        buckets = relative_buckets(input_ids.shape[1], self.config).to(input_ids.device)
        bias = self.position_bias(buckets).permute(2, 0, 1)[None]  # (1, heads, L, L)
        if attention_mask is not None:
            lowest = torch.finfo(bias.dtype).min
            bias = bias.masked_fill(~attention_mask.bool()[:, None, None, :], lowest)
        for layer in self.layers:
            h = layer(h, bias)
        return Encoded(self.norm(h))


def _embedding(count: int, width: int) -> nn.Embedding:
    """Without nn.Embedding's random weights: drawing those on the meta device would import torch's compilers."""
    return nn.Embedding.from_pretrained(torch.empty(count, width), freeze=False)


class _Layer(nn.Module):
    """Attention with position biases and no scaling, then a gated feed-forward layer; no biases anywhere."""

    def __init__(self, config: ByteT5Config) -> None:
        super().__init__()
        inner, self.heads = config.num_heads * config.d_kv, config.num_heads
        self.attention_norm = nn.RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.q, self.k, self.v = (nn.Linear(config.d_model, inner, bias=False) for _ in range(3))
        self.o = nn.Linear(inner, config.d_model, bias=False)
        self.feed_forward_norm = nn.RMSNorm(config.d_model, config.layer_norm_epsilon)
        self.gate, self.linear = (nn.Linear(config.d_model, config.d_ff, bias=False) for _ in range(2))
        self.wo = nn.Linear(config.d_ff, config.d_model, bias=False)

    def forward(self, h: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        normed = self.attention_norm(h)
        q, k, v = (x(normed).unflatten(2, (self.heads, -1)).transpose(1, 2) for x in (self.q, self.k, self.v))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)
        h = h + self.o(attended.transpose(1, 2).flatten(2))
        normed = self.feed_forward_norm(h)
        return h + self.wo(_gelu(self.gate(normed)) * self.linear(normed))


def _gelu(x: torch.Tensor) -> torch.Tensor:
    """GELU by its tanh approximation, in T5's order: F.gelu's last bits are others, and so would be the pixels."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def relative_buckets(length: int, config: ByteT5Config) -> torch.Tensor:
    """(L, L) int64: the bucket of each key's distance from each query (arXiv 1910.10683, sec. 2.1).

    Half of the buckets are for keys after the query. Of each half, the first half are single distances, the rest grow
    with the logarithm up to the largest distance, beyond which all share the last.
    """
    side = config.relative_attention_num_buckets // 2
    exact = side // 2
    distance = torch.arange(length)[None, :] - torch.arange(length)[:, None]  # key - query
    near = distance.abs()
    growth = torch.log(near.clamp(min=1).float() / exact) / math.log(config.relative_attention_max_distance / exact)
    far = (exact + (growth * (side - exact)).long()).clamp(max=side - 1)
    return torch.where(near < exact, near, far) + side * (distance > 0)


_LAYER_NAMES = {
    "attention_norm": "layer.0.layer_norm",
    "q": "layer.0.SelfAttention.q",
    "k": "layer.0.SelfAttention.k",
    "v": "layer.0.SelfAttention.v",
    "o": "layer.0.SelfAttention.o",
    "feed_forward_norm": "layer.1.layer_norm",
    "gate": "layer.1.DenseReluDense.wi_0",
    "linear": "layer.1.DenseReluDense.wi_1",
    "wo": "layer.1.DenseReluDense.wo",
}
_NAMES = {
    "embedding.weight": "shared.weight",
    "position_bias.weight": "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
    "norm.weight": "encoder.final_layer_norm.weight",
}


def transformers_name(name: str) -> str:
    """The name of a weight of ByteT5Encoder in a file saved by transformers."""
    if name in _NAMES:
        return _NAMES[name]
    _, layer, part, kind = name.split(".")
    return f"encoder.block.{layer}.{_LAYER_NAMES[part]}.{kind}"
