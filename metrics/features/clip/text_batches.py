"""Texts through a text tower with as little padding as its attention allows, each different text once."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from metrics.features.streams import in_streams

BATCH = 64  # texts at once on a GPU, and in the tokenizer


def encode_in_batches(
    texts: Sequence[str],
    tokenize: Callable[[list[str]], torch.Tensor],
    length: Callable[[torch.Tensor], int],
    encode: Callable[[torch.Tensor], torch.Tensor],
    device: str,
) -> np.ndarray:
    """Embeddings of `texts`, float32 (n, D), in their order.

    tokenize: texts to ids (B, L). length: how many of a batch's columns its embeddings depend on.
    encode: ids to (B, D), from several threads at once. Texts are sorted by length, so that no batch is longer than its
    own texts need.
    """
    different = list(dict.fromkeys(texts))
    tokens = torch.cat([tokenize(different[i : i + BATCH]) for i in range(0, len(different), BATCH)])  # (n, L)
    order = sorted(range(len(different)), key=lambda i: length(tokens[i : i + 1]))

    def compute(chosen: Sequence[int]) -> np.ndarray:
        batch = tokens[list(chosen)]
        with torch.inference_mode():
            return encode(batch[:, : length(batch)]).cpu().numpy()

    if device == "cpu":
        features = in_streams(compute, order)
    else:
        features = np.concatenate([compute(order[i : i + BATCH]) for i in range(0, len(order), BATCH)])
    rows = {different[i]: row for i, row in zip(order, features, strict=True)}
    return np.stack([rows[text] for text in texts])


def whole_length(tokens: torch.Tensor) -> int:
    """The length of a network that reads its padding too."""
    return tokens.shape[1]
