"""Images as networks see them and as files hold them."""

import numpy as np
import torch


def to_pixels(images: torch.Tensor) -> np.ndarray:
    """Float (B, 3, H, W) in [-1, 1] -> uint8 (B, H, W, 3)."""
    return ((images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def from_pixels(images: np.ndarray) -> torch.Tensor:
    """uint8 (B, H, W, 3) -> float (B, 3, H, W) in [-1, 1], channels last."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def averaged(image: np.ndarray, size: int) -> np.ndarray:
    """uint8 (S, S, 3) -> uint8 (size, size, 3): means of squares, for sizes that divide S."""
    factor = len(image) // size
    return image.reshape(size, factor, size, factor, 3).mean((1, 3)).round().astype(np.uint8)
