"""Classifier-free guidance, and the thresholding that lets its weight be large (Imagen, sec. 2.2 and 2.3)."""

import math
from typing import Literal

import numpy as np
import torch

Thresholding = Literal["none", "static", "dynamic"]
DYNAMIC_PERCENTILE = 0.995  # Imagen, caption of fig. A.10


def classifier_free_guidance(conditional: torch.Tensor, unconditional: torch.Tensor, weight: float) -> torch.Tensor:
    """Eq. 2: unconditional + w (conditional - unconditional); w = 1 is no guidance. The same for eps, v and x0."""
    return unconditional + weight * (conditional - unconditional)


def rescaled_guidance(guided: torch.Tensor, conditional: torch.Tensor, share: float) -> torch.Tensor:
    """A guided output brought back to the conditional one's standard deviation in each image, by `share` of the way.

    Both (B, C, H, W); share in [0, 1], 0 for none (Lin et al., arXiv 2305.08891, eq. 15-16).
    """
    if share == 0:
        return guided
    ratio = conditional.std(dim=(1, 2, 3), keepdim=True) / guided.std(dim=(1, 2, 3), keepdim=True)
    return guided * (1 - share + share * ratio)


def threshold(
    x0: torch.Tensor, kind: Thresholding, percentile: float = DYNAMIC_PERCENTILE, cap: float = math.inf
) -> torch.Tensor:
    """Bring an estimate of x_0, (B, C, H, W), back towards [-1, 1]; `cap` is the most that dynamic divides by."""
    if kind == "none":
        return x0
    if kind == "static":
        return x0.clamp(-1, 1)
    return dynamic_threshold(x0, percentile, cap)


def dynamic_threshold(x0: torch.Tensor, percentile: float = DYNAMIC_PERCENTILE, cap: float = math.inf) -> torch.Tensor:
    """s is the percentile of |x_0| in each image, at most `cap`; where s > 1, clip to [-s, s] and divide by s.

    The percentile is numpy's and torch's `quantile` (linear interpolation), which refuses more than 16 million values.
    """
    magnitudes = x0.abs().permute(0, 2, 3, 1).flatten(1)  # (B, HWC): the order matters not, this one needs no copy
    position = percentile * (magnitudes.shape[1] - 1)
    below = int(position)
    low, high = _neighbours(magnitudes, below)
    s = torch.lerp(low, high, position - below).clamp(1.0, cap)[:, None, None, None]
    return x0.clamp(-s, s) / s if (s > 1).any() else x0.clamp(-1, 1)


def _neighbours(values: torch.Tensor, index: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each row of (B, N), the value at `index` in ascending order and the one after it (the last has none)."""
    if values.device.type == "cpu":  # numpy selects ten times faster than kthvalue
        ordered = torch.from_numpy(np.partition(values.numpy(), index, axis=1))
        return ordered[:, index], ordered[:, min(index + 1, values.shape[1] - 1) :].amin(1)
    return _neighbours_anywhere(values, index)


def _neighbours_anywhere(values: torch.Tensor, index: int) -> tuple[torch.Tensor, torch.Tensor]:
    following = min(index + 2, values.shape[1])
    return values.kthvalue(index + 1, dim=1).values, values.kthvalue(following, dim=1).values
