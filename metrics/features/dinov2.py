"""DINOv2 as FD-DINOv2 uses it (Stein et al. 2023): class token after the final norm, 224 px, ImageNet normalisation.

The networks were trained at 518 px, so their 37 x 37 position embeddings are resampled to 16 x 16. DINOv2's own code
does that with a scale of 16.1 / 37, and so do we; transformers' resampling takes 16 / 37, which gives other features.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from metrics.errors import MetricInputError
from metrics.features.clip.transformers_folder import load_exactly
from metrics.features.extractor import exact_float32, fingerprint_of
from metrics.features.pixel_transform import IMAGENET_MEAN, IMAGENET_STD, PixelTransform
from metrics.features.streams import in_streams
from metrics.features.weights import check_weights
from metrics.images.checked import checked_images

SIZE = 224
SCALE_OFFSET = 0.1  # DINOv2's `interpolate_offset`
HEAD_WIDTH = 64  # channels of an attention head, in every DINOv2 network
TRANSFORM = PixelTransform(SIZE, SIZE, IMAGENET_MEAN, IMAGENET_STD, resize="squash")


class Dinov2Extractor:
    """Class tokens of a DINOv2 network: 1024 numbers for ViT-L/14."""

    def __init__(self, weights: Path, sha256: str = "", device: str = "cpu") -> None:
        """Load Meta's `dinov2_vit*14_pretrain.pth`, or a folder of transformers (config.json, model.safetensors).

        sha256: enforced when given. Raises MetricInputError when the weights are missing or fit no network exactly.
        """
        path = weights / "model.safetensors" if weights.is_dir() else weights
        if not path.is_file():
            raise MetricInputError(f"the weights file {path} of DINOv2 is missing")
        self.weights_sha256 = check_weights(path, sha256)
        self.device = device
        self.network = (_load_folder(weights) if weights.is_dir() else _load_file(path)).to(device)

    @property
    def fingerprint(self) -> str:
        """See `dinov2_fingerprint`."""
        return dinov2_fingerprint(self.weights_sha256)

    @property
    def dimension(self) -> int:
        """D of the class token."""
        norm = self.network.layernorm if hasattr(self.network, "layernorm") else self.network.norm
        return int(norm.normalized_shape[0])

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, to float32 (B, D). Images that are not square are squashed, as in dgm-eval.

        Raises MetricInputError for anything but such images.
        """
        checked_images(images)
        with exact_float32():
            return in_streams(self._embed, images) if self.device == "cpu" else self._embed(images)

    def _embed(self, images: Sequence[np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            batch = TRANSFORM(images).to(self.device)  # (B, 3, 224, 224)
            found = self.network(batch)
            tokens = found if isinstance(found, torch.Tensor) else found.pooler_output
            return tokens.float().cpu().numpy()


def dinov2_fingerprint(weights_sha256: str) -> str:
    """The extractor's fingerprint, known without loading it. The weights tell the network's sizes."""
    return fingerprint_of(
        {
            "network": "DINOv2",
            "weights": weights_sha256,
            "layer": "class token after the final norm",
            "positions": f"bicubic, scale offset {SCALE_OFFSET}",
            "preprocessing": TRANSFORM.declaration(),
        }
    )


def resample_positions(positions: torch.Tensor, grid: int) -> torch.Tensor:
    """Position embeddings (1, 1 + n^2, D), class token first, for grid x grid patches, as DINOv2's own code does it."""
    side = round((positions.shape[1] - 1) ** 0.5)
    if side == grid:
        return positions
    patches = positions[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)  # (1, D, n, n)
    scale = (grid + SCALE_OFFSET) / side
    resampled = F.interpolate(patches, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([positions[:, :1], resampled.flatten(2).transpose(1, 2)], dim=1)


def _load_file(path: Path) -> Any:
    """Meta's file in timm's network, whose names are the same; the sizes are read off the weights."""
    from timm.models.vision_transformer import VisionTransformer

    state = _read_state(path)
    try:
        width, _, patch, _ = state["patch_embed.proj.weight"].shape
        hidden = state["blocks.0.mlp.fc1.weight"].shape[0]
        depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
        state["pos_embed"] = resample_positions(state["pos_embed"].float(), SIZE // patch)
        state.pop("mask_token", None)  # only training reads it
        with torch.random.fork_rng(devices=[]):
            network = VisionTransformer(
                img_size=SIZE,
                patch_size=patch,
                num_classes=0,
                embed_dim=width,
                depth=depth,
                num_heads=width // HEAD_WIDTH,
                mlp_ratio=hidden / width,
                init_values=1.0,
            )
        network.load_state_dict(state, strict=True)
    except (KeyError, ValueError, AttributeError, RuntimeError, ZeroDivisionError) as error:
        raise MetricInputError(
            f"{path} holds no DINOv2 network of size S, B or L without registers: use dinov2_vitl14_pretrain.pth"
        ) from error
    return network.float().eval().requires_grad_(False)


def _load_folder(folder: Path) -> Any:
    """A folder in transformers' network, its positions resampled by DINOv2's rule."""
    from transformers import Dinov2Model

    patch = _patch_size(folder)
    network = load_exactly(Dinov2Model, folder)
    positions = network.embeddings.position_embeddings
    resampled = torch.nn.Parameter(resample_positions(positions.data, SIZE // patch), requires_grad=False)
    network.embeddings.position_embeddings = resampled
    return network


def _patch_size(folder: Path) -> int:
    path = folder / "config.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        model_type, patch = settings["model_type"], int(settings["patch_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MetricInputError(f"{path} is missing or is no model's configuration: restore the folder") from error
    if model_type != "dinov2" or SIZE % patch:
        raise MetricInputError(f"{folder} holds no DINOv2 network without registers: its type is {model_type}")
    return patch


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    """Names to tensors; of a pickle, only tensors are read."""
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # of any kind, as junk leads the reader anywhere
        raise MetricInputError(f"{path} is not a readable weights file: fetch it again") from error
