"""Texts through a text tower with as little padding as its attention allows, each different text once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

BATCH = 64


def encode_in_batches(
    texts: Sequence[str],
    tokenize: Callable[[list[str]], torch.Tensor],
    length: Callable[[torch.Tensor], int],
    encode: Callable[[torch.Tensor], torch.Tensor],
) -> np.ndarray:
    """Embeddings of `texts`, float32 (n, D), in their order.

    tokenize: texts to ids (B, L). length: how many of a batch's columns its embeddings depend on.
    encode: ids to (B, D). Texts are sorted by length, so that a batch is no longer than its texts need.
    """
    import torch

    different = list(dict.fromkeys(texts))
    tokens = torch.cat([tokenize(different[i : i + BATCH]) for i in range(0, len(different), BATCH)])  # (n, L)
    order = sorted(range(len(different)), key=lambda i: length(tokens[i : i + 1]))
    rows: dict[str, np.ndarray] = {}
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        batch = tokens[chosen]
        features = encode(batch[:, : length(batch)]).cpu().numpy()
        rows.update(zip((different[i] for i in chosen), features, strict=True))
    return np.stack([rows[text] for text in texts])
