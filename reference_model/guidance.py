"""Classifier-free guidance, and the thresholding that lets its weight be large (Imagen, sec. 2.2 and 2.3)."""

from typing import Literal

import torch

Thresholding = Literal["none", "static", "dynamic"]
DYNAMIC_PERCENTILE = 0.995  # Imagen, caption of fig. A.10


def classifier_free_guidance(conditional: torch.Tensor, unconditional: torch.Tensor, weight: float) -> torch.Tensor:
    """Eq. 2: unconditional + w (conditional - unconditional); w = 1 is no guidance. The same for eps, v and x0."""
    return unconditional + weight * (conditional - unconditional)


def threshold(x0: torch.Tensor, kind: Thresholding, percentile: float = DYNAMIC_PERCENTILE) -> torch.Tensor:
    """Bring an estimate of x_0, (B, C, H, W), back towards [-1, 1]."""
    if kind == "none":
        return x0
    if kind == "static":
        return x0.clamp(-1, 1)
    return dynamic_threshold(x0, percentile)


def dynamic_threshold(x0: torch.Tensor, percentile: float = DYNAMIC_PERCENTILE) -> torch.Tensor:
    """s is the percentile of |x_0| in each image; where s > 1, clip to [-s, s] and divide by s.

    By `kthvalue` with linear interpolation: the same as `quantile`, which refuses more than 16 million values.
    """
    magnitudes = x0.flatten(1).abs()  # (B, CHW)
    position = percentile * (magnitudes.shape[1] - 1)
    below = int(position)
    low = magnitudes.kthvalue(below + 1, dim=1).values
    high = magnitudes.kthvalue(min(below + 2, magnitudes.shape[1]), dim=1).values
    s = torch.lerp(low, high, position - below).clamp(min=1.0)[:, None, None, None]
    return x0.clamp(-s, s) / s
