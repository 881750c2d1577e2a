"""Linear layers with nothing between them, as LAION's aesthetic predictors and ImageReward end."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F

Layer = tuple[torch.Tensor, torch.Tensor]  # weight (out, in), bias (out,)
_NAME = re.compile(r"(?:layers\.(\d+)\.)?(weight|bias)")


def linear_layers(state: Mapping[str, torch.Tensor]) -> list[Layer]:
    """The layers in order, float32; a state of one layer has no numbers. Raises KeyError or ValueError for others."""
    found = {(int(match[1] or 0), match[2]): state[name] for name in state if (match := _NAME.fullmatch(name))}
    numbers = sorted({number for number, _ in found})
    layers = [(found[number, "weight"].float(), found[number, "bias"].float()) for number in numbers]
    chained = all(before[0].shape[0] == after[0].shape[1] for before, after in pairwise(layers))
    if len(found) != len(state) or not layers or not chained or layers[-1][0].shape[0] != 1:
        raise ValueError("not a chain of linear layers to one number")
    return layers


def through(layers: Sequence[Layer], x: torch.Tensor) -> torch.Tensor:
    """Vectors (B, D) to numbers (B, 1)."""
    for weight, bias in layers:
        x = F.linear(x, weight, bias)
    return x
