"""The three resizes to 299 px that FID is computed with, each bit for bit as its reference does it.

Definitions and names are those of clean-fid (Parmar, Zhang, Zhu 2022).
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import affine_grid, grid_sample, interpolate

from metrics.features.inception.network import SIDE

Mode = Literal["clean", "legacy_pytorch", "legacy_tensorflow"]
MODES: tuple[Mode, ...] = ("clean", "legacy_pytorch", "legacy_tensorflow")
PREPROCESSING: dict[Mode, str] = {
    "clean": "Pillow bicubic to 299 px per float32 channel, clipped to 0..255, no 8-bit step; (x - 128) / 128",
    "legacy_pytorch": "torch bilinear to 299 px, align_corners false, no antialias, no 8-bit step; 2 (x / 255) - 1",
    "legacy_tensorflow": "TensorFlow 1's bilinear to 299 px (pixels aligned by corner), no antialias; (x - 128) / 128",
}


def resized(images: Sequence[np.ndarray], mode: Mode) -> torch.Tensor:
    """B uint8 images (H, W, 3) of equal sizes to float32 (B, 3, 299, 299) in 0..255."""
    if mode == "clean":
        return torch.from_numpy(np.stack([clean(image) for image in images]))
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous().float()  # (B, 3, H, W)
    return legacy_pytorch(pixels) if mode == "legacy_pytorch" else legacy_tensorflow(pixels)


def scaled(pixels: torch.Tensor, mode: Mode) -> torch.Tensor:
    """Resized pixels in 0..255 to the network's range, which is about -1..1."""
    if mode == "legacy_pytorch":
        return 2 * (pixels / 255) - 1
    return (pixels - 128) / 128


def clean(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) to float32 (3, 299, 299) in 0..255, antialiased."""
    result = np.empty((3, SIDE, SIDE), np.float32)
    for channel in range(3):
        plane = Image.fromarray(image[:, :, channel].astype(np.float32))
        np.clip(np.asarray(plane.resize((SIDE, SIDE), Image.Resampling.BICUBIC)), 0, 255, out=result[channel])
    return result


def legacy_pytorch(pixels: torch.Tensor) -> torch.Tensor:
    """float32 (B, 3, H, W) in 0..255 to (B, 3, 299, 299)."""
    return interpolate(pixels, size=(SIDE, SIDE), mode="bilinear", align_corners=False).clamp_(0, 255)


def legacy_tensorflow(pixels: torch.Tensor) -> torch.Tensor:
    """float32 (B, 3, H, W) in 0..255 to (B, 3, 299, 299): output pixel i reads input position i H / 299.

    As the TorchScript network does it: an affine grid, shifted by half an input pixel less half an output pixel.
    """
    height, width = pixels.shape[2:]
    theta = torch.eye(2, 3, device=pixels.device)
    theta[0, 2] += theta[0, 0] / width - theta[0, 0] / SIDE
    theta[1, 2] += theta[1, 1] / height - theta[1, 1] / SIDE
    thetas = theta.unsqueeze(0).repeat(len(pixels), 1, 1)
    grid = affine_grid(thetas, [len(pixels), 3, SIDE, SIDE], align_corners=False)
    return grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
