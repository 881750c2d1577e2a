"""Images to network input: Pillow's resize in threads, a centre crop, (x / 255 - mean) / std; one step for a batch.

The steps and their order are those of torchvision (open_clip, dgm-eval) and of the Pillow processors of transformers;
with `crop="nearest"` the result is bit for bit that of open_clip's transform.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image

from metrics.images.checked import checked_images

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class PixelTransform:
    """uint8 RGB images of any sizes to float32 (B, 3, size, size).

    resize: `shortest` scales the shorter edge to `edge` pixels and crops the centre; `squash` scales both to `size`.
    filter: Pillow's, antialiased, rounded to 8 bits.
    crop: where an odd remainder goes: `nearest` (torchvision: half to even) or `floor` (transformers).
    """

    size: int
    edge: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: Literal["shortest", "squash"] = "shortest"
    filter: Literal["bilinear", "bicubic", "lanczos"] = "bicubic"
    crop: Literal["nearest", "floor"] = "nearest"

    def __post_init__(self) -> None:
        if self.edge < self.size:
            raise ValueError(f"an edge of {self.edge} px holds no crop of {self.size} px")

    def declaration(self) -> dict[str, object]:
        """Every choice, for a fingerprint."""
        return asdict(self)

    def __call__(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """B uint8 images (H, W, 3), RGB, to float32 (B, 3, size, size) in channels_last memory."""
        pixels = torch.from_numpy(self.resized(images)).permute(0, 3, 1, 2).float()  # (B, 3, S, S)
        mean, std = (torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return pixels.div_(255).sub_(mean).div_(std)

    def resized(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images to uint8 (B, size, size, 3), in threads: Pillow leaves the interpreter free."""
        checked_images(images)
        out = np.empty((len(images), self.size, self.size, 3), dtype=np.uint8)
        threads = min(torch.get_num_threads(), len(images))
        if threads < 2:
            for row, image in zip(out, images, strict=True):
                row[:] = self._one(image)
            return out
        with ThreadPoolExecutor(threads) as pool:
            for row, pixels in zip(out, pool.map(self._one, images), strict=True):
                row[:] = pixels
        return out

    def _one(self, image: np.ndarray) -> np.ndarray:
        source = Image.fromarray(image)
        if self.resize == "squash":
            return np.asarray(source.resize((self.size, self.size), _FILTERS[self.filter]))
        width, height = source.size
        short = min(width, height)
        target = (int(self.edge * width / short), int(self.edge * height / short))
        left, top = (self._margin(length) for length in target)
        scaled = source if target == source.size else source.resize(target, _FILTERS[self.filter])
        return np.asarray(scaled)[top : top + self.size, left : left + self.size]

    def _margin(self, length: int) -> int:
        left_over = length - self.size
        return left_over // 2 if self.crop == "floor" else round(left_over / 2)
