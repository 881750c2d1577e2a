"""The last layer of a vision transformer, computed for the one token that is read.

CLIP's image embedding is the class token of the last layer, yet the layer computes all tokens: 5/6 of one of ViT-B/32's
12 layers for nothing. Keys and values still come from all tokens, so the embedding is the same up to rounding.
"""

from functools import partial
from typing import Any

import torch
from torch.nn import functional


def shorten_transformers_clip(network: Any) -> None:
    """Change a CLIPModel, in place, so that its last image layer computes the class token only."""
    last = network.vision_model.encoder.layers[-1]
    last.forward = partial(_in_transformers, last)


def shorten_open_clip(network: Any) -> None:
    """The same for a model of open_clip; one whose image embedding is not a class token's stays as it is."""
    from open_clip.transformer import ResidualAttentionBlock, VisionTransformer

    tower = network.visual
    if type(tower) is not VisionTransformer or tower.pool_type != "tok" or tower.attn_pool is not None:
        return
    last = tower.transformer.resblocks[-1]
    if tower.transformer.batch_first and type(last) is ResidualAttentionBlock:
        last.forward = partial(_in_open_clip, last)


def _in_transformers(layer: Any, hidden: torch.Tensor, attention_mask: None = None, **_: object) -> torch.Tensor:
    """The layer's class token, (B, L, W) -> (B, 1, W)."""
    assert attention_mask is None, "image towers have no mask"
    attention, normed = layer.self_attn, layer.layer_norm1(hidden)
    projected = attention.q_proj(normed[:, :1]), attention.k_proj(normed), attention.v_proj(normed)
    queries, keys, values = (each.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for each in projected)
    seen = functional.scaled_dot_product_attention(queries, keys, values, scale=attention.scale)
    token = hidden[:, :1] + attention.out_proj(seen.transpose(1, 2).flatten(2))
    return token + layer.mlp(layer.layer_norm2(token))


def _in_open_clip(layer: Any, hidden: torch.Tensor, attn_mask: None = None) -> torch.Tensor:
    """The layer's class token, (B, L, W) -> (B, 1, W)."""
    assert attn_mask is None, "image towers have no mask"
    normed = layer.ln_1(hidden)
    token = hidden[:, :1] + layer.ls_1(layer.attention(normed[:, :1], normed, normed))
    return token + layer.ls_2(layer.mlp(layer.ln_2(token)))
