"""The sizes of a CLIP with vision transformer, read off its weights: only the width of a head is not in them."""

from collections.abc import Mapping
from typing import Any

import torch

from metrics.errors import MetricInputError

PATCH = 14  # of ViT-H/14 and ViT-L/14
TEXT_HEAD = 64
CONTEXT = 77


def blocks(state: Mapping[str, torch.Tensor], prefix: str) -> int:
    """How many numbered blocks have names that begin with `prefix`. Raises ValueError for none."""
    return 1 + max(int(name.removeprefix(prefix).split(".")[0]) for name in state if name.startswith(prefix))


def heads(width: int, of_head: int) -> int:
    """Raises ValueError where a width is no whole number of heads: then it is another network's."""
    if width % of_head:
        raise ValueError(f"width {width} is no multiple of {of_head}")
    return width // of_head


def side(positions: int, patch: int = PATCH) -> int:
    """Pixels of a square image with so many positions, of which one is the class token's. Raises ValueError."""
    length = round((positions - 1) ** 0.5)
    if length**2 + 1 != positions:
        raise ValueError(f"{positions} positions are no square")
    return length * patch


def open_clip_sizes(state: Mapping[str, torch.Tensor], head: int, quick_gelu: bool, what: str) -> dict[str, Any]:
    """open_clip's `model_cfg` of a state in its names. head: width of a head of the image tower.

    Raises MetricInputError, which says that there is no `what`, for any other state.
    """
    try:
        width, _, patch, _ = state["visual.conv1.weight"].shape
        text_width = state["token_embedding.weight"].shape[1]
        heads(width, head)
        sizes: dict[str, Any] = {
            "embed_dim": state["text_projection"].shape[1],
            "vision_cfg": {
                "image_size": side(state["visual.positional_embedding"].shape[0]),
                "layers": blocks(state, "visual.transformer.resblocks."),
                "width": width,
                "head_width": head,
                "patch_size": PATCH,
            },
            "text_cfg": {
                "context_length": state["positional_embedding"].shape[0],
                "vocab_size": state["token_embedding.weight"].shape[0],
                "width": text_width,
                "heads": heads(text_width, TEXT_HEAD),
                "layers": blocks(state, "transformer.resblocks."),
            },
            "quick_gelu": quick_gelu,
        }
        if patch != PATCH or sizes["text_cfg"]["context_length"] != CONTEXT:
            raise ValueError("another patch or context")
    except (KeyError, ValueError, AttributeError, IndexError) as error:
        raise MetricInputError(f"{what}: name the published file") from error
    return sizes
