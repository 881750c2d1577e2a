"""FID's Inception network of 2015 for inference: batch norm folded, 1x1 convolutions of a block computed as one.

The network is Inception v3 (Szegedy et al. 2015) as Heusel et al. 2017 use it: average pools leave their padding out,
and the last block's pool takes maxima. Convolutions carry the names of pytorch-fid's file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d

SIDE = 299
POOLED = 2048
CLASSES = 1008
BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Convolution:
    """One convolution with batch norm and ReLU: channels in and out, kernel (height, width), stride, padding."""

    inputs: int
    outputs: int
    kernel: tuple[int, int]
    stride: int = 1
    padding: tuple[int, int] = (0, 0)


def _same(inputs: int, outputs: int, height: int = 1, width: int = 1) -> Convolution:
    return Convolution(inputs, outputs, (height, width), 1, (height // 2, width // 2))


def _halving(inputs: int, outputs: int) -> Convolution:
    return Convolution(inputs, outputs, (3, 3), 2)


def _block_a(inputs: int, pool: int) -> dict[str, Convolution]:
    return {
        "branch1x1": _same(inputs, 64),
        "branch5x5_1": _same(inputs, 48),
        "branch5x5_2": _same(48, 64, 5, 5),
        "branch3x3dbl_1": _same(inputs, 64),
        "branch3x3dbl_2": _same(64, 96, 3, 3),
        "branch3x3dbl_3": _same(96, 96, 3, 3),
        "branch_pool": _same(inputs, pool),
    }


def _block_b(inputs: int) -> dict[str, Convolution]:
    return {
        "branch3x3": _halving(inputs, 384),
        "branch3x3dbl_1": _same(inputs, 64),
        "branch3x3dbl_2": _same(64, 96, 3, 3),
        "branch3x3dbl_3": _halving(96, 96),
    }


def _block_c(inputs: int, inner: int) -> dict[str, Convolution]:
    return {
        "branch1x1": _same(inputs, 192),
        "branch7x7_1": _same(inputs, inner),
        "branch7x7_2": _same(inner, inner, 1, 7),
        "branch7x7_3": _same(inner, 192, 7, 1),
        "branch7x7dbl_1": _same(inputs, inner),
        "branch7x7dbl_2": _same(inner, inner, 7, 1),
        "branch7x7dbl_3": _same(inner, inner, 1, 7),
        "branch7x7dbl_4": _same(inner, inner, 7, 1),
        "branch7x7dbl_5": _same(inner, 192, 1, 7),
        "branch_pool": _same(inputs, 192),
    }


def _block_d(inputs: int) -> dict[str, Convolution]:
    return {
        "branch3x3_1": _same(inputs, 192),
        "branch3x3_2": _halving(192, 320),
        "branch7x7x3_1": _same(inputs, 192),
        "branch7x7x3_2": _same(192, 192, 1, 7),
        "branch7x7x3_3": _same(192, 192, 7, 1),
        "branch7x7x3_4": _halving(192, 192),
    }


def _block_e(inputs: int) -> dict[str, Convolution]:
    return {
        "branch1x1": _same(inputs, 320),
        "branch3x3_1": _same(inputs, 384),
        "branch3x3_2a": _same(384, 384, 1, 3),
        "branch3x3_2b": _same(384, 384, 3, 1),
        "branch3x3dbl_1": _same(inputs, 448),
        "branch3x3dbl_2": _same(448, 384, 3, 3),
        "branch3x3dbl_3a": _same(384, 384, 1, 3),
        "branch3x3dbl_3b": _same(384, 384, 3, 1),
        "branch_pool": _same(inputs, 192),
    }


BLOCKS: dict[str, dict[str, Convolution]] = {
    "Mixed_5b": _block_a(192, 32),
    "Mixed_5c": _block_a(256, 64),
    "Mixed_5d": _block_a(288, 64),
    "Mixed_6a": _block_b(288),
    "Mixed_6b": _block_c(768, 128),
    "Mixed_6c": _block_c(768, 160),
    "Mixed_6d": _block_c(768, 160),
    "Mixed_6e": _block_c(768, 192),
    "Mixed_7a": _block_d(768),
    "Mixed_7b": _block_e(1280),
    "Mixed_7c": _block_e(2048),
}
CONVOLUTIONS: dict[str, Convolution] = {
    "Conv2d_1a_3x3": _halving(3, 32),
    "Conv2d_2a_3x3": Convolution(32, 32, (3, 3)),
    "Conv2d_2b_3x3": _same(32, 64, 3, 3),
    "Conv2d_3b_1x1": _same(64, 80),
    "Conv2d_4a_3x3": Convolution(80, 192, (3, 3)),
    **{f"{block}.{name}": shape for block, branches in BLOCKS.items() for name, shape in branches.items()},
}
# The 1x1 convolutions that all read a block's input, in one product. A pool's mean and its 1x1 convolution commute, so
# the pool runs afterwards, on fewer channels; the last block's maximum does not commute.
_MERGED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("Mixed_5b", "Mixed_5c", "Mixed_5d"), ("branch1x1", "branch5x5_1", "branch3x3dbl_1", "branch_pool")
    ),
    **dict.fromkeys(
        ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
        ("branch1x1", "branch7x7_1", "branch7x7dbl_1", "branch_pool"),
    ),
    "Mixed_7a": ("branch3x3_1", "branch7x7x3_1"),
    "Mixed_7b": ("branch1x1", "branch3x3_1", "branch3x3dbl_1", "branch_pool"),
    "Mixed_7c": ("branch1x1", "branch3x3_1", "branch3x3dbl_1"),
}


class FidInception:
    """Pixels (B, 3, 299, 299), scaled as the mode says, to pool features (B, 2048). Threads may share it."""

    def __init__(self, weights: Mapping[str, torch.Tensor], device: str = "cpu") -> None:
        """`weights`: tensors by pytorch-fid's names, complete and of the right shapes (see `inception_weights`)."""
        self._parts = {name: _placed(*fold(weights, name), device) for name in CONVOLUTIONS}
        self._merged = {
            block: _placed(*_joined([fold(weights, f"{block}.{name}") for name in names]), device)
            for block, names in _MERGED.items()
        }

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, 299, 299) float32 to (B, 2048) float32."""
        x = x.contiguous(memory_format=torch.channels_last)
        x = self._convolve(self._convolve(self._convolve(x, "Conv2d_1a_3x3"), "Conv2d_2a_3x3"), "Conv2d_2b_3x3")
        x = max_pool2d(x, 3, 2)  # (B, 64, 73, 73)
        x = max_pool2d(self._convolve(self._convolve(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3"), 3, 2)  # (B, 192, 35, 35)
        for block in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
            x = self._block_a(x, block)  # (B, 288, 35, 35) in the end
        x = self._block_b(x, "Mixed_6a")
        for block in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
            x = self._block_c(x, block)  # (B, 768, 17, 17)
        x = self._block_d(x, "Mixed_7a")
        for block in ("Mixed_7b", "Mixed_7c"):
            x = self._block_e(x, block)  # (B, 2048, 8, 8)
        return x.mean(dim=(2, 3))

    def _convolve(self, x: torch.Tensor, *names: str) -> torch.Tensor:
        """The named convolutions with their ReLUs, one after the other."""
        for name in names:
            weight, bias = self._parts[name]
            x = _convolve_relu(x, weight, bias, CONVOLUTIONS[name])
        return x

    def _entries(self, x: torch.Tensor, block: str) -> list[torch.Tensor]:
        """Outputs of the block's merged 1x1 convolutions, before their ReLU."""
        weight, bias = self._merged[block]
        widths = [BLOCKS[block][name].outputs for name in _MERGED[block]]
        return list(conv2d(x, weight, bias).split(widths, dim=1))

    def _block_a(self, x: torch.Tensor, block: str) -> torch.Tensor:
        one, five, three, pool = self._entries(x, block)
        return torch.cat(
            [
                one.relu(),
                self._convolve(five.relu(), f"{block}.branch5x5_2"),
                self._convolve(three.relu(), f"{block}.branch3x3dbl_2", f"{block}.branch3x3dbl_3"),
                _mean_3x3(pool).relu(),
            ],
            dim=1,
        )

    def _block_b(self, x: torch.Tensor, block: str) -> torch.Tensor:
        return torch.cat(
            [
                self._convolve(x, f"{block}.branch3x3"),
                self._convolve(x, *(f"{block}.branch3x3dbl_{step}" for step in (1, 2, 3))),
                max_pool2d(x, 3, 2),
            ],
            dim=1,
        )

    def _block_c(self, x: torch.Tensor, block: str) -> torch.Tensor:
        one, seven, double, pool = self._entries(x, block)
        return torch.cat(
            [
                one.relu(),
                self._convolve(seven.relu(), f"{block}.branch7x7_2", f"{block}.branch7x7_3"),
                self._convolve(double.relu(), *(f"{block}.branch7x7dbl_{step}" for step in (2, 3, 4, 5))),
                _mean_3x3(pool).relu(),
            ],
            dim=1,
        )

    def _block_d(self, x: torch.Tensor, block: str) -> torch.Tensor:
        three, seven = self._entries(x, block)
        return torch.cat(
            [
                self._convolve(three.relu(), f"{block}.branch3x3_2"),
                self._convolve(seven.relu(), *(f"{block}.branch7x7x3_{step}" for step in (2, 3, 4))),
                max_pool2d(x, 3, 2),
            ],
            dim=1,
        )

    def _block_e(self, x: torch.Tensor, block: str) -> torch.Tensor:
        one, three, double, *pool = self._entries(x, block)
        last = not pool  # its maximum comes before the convolution
        pooled = self._convolve(max_pool2d(x, 3, 1, 1), f"{block}.branch_pool") if last else _mean_3x3(pool[0]).relu()
        three = three.relu()
        double = self._convolve(double.relu(), f"{block}.branch3x3dbl_2")
        return torch.cat(
            [
                one.relu(),
                self._convolve(three, f"{block}.branch3x3_2a"),
                self._convolve(three, f"{block}.branch3x3_2b"),
                self._convolve(double, f"{block}.branch3x3dbl_3a"),
                self._convolve(double, f"{block}.branch3x3dbl_3b"),
                pooled,
            ],
            dim=1,
        )


def fold(weights: Mapping[str, torch.Tensor], name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Kernel and bias of a convolution that does its batch norm's work too, computed in float64, given in float32."""
    norm = {part: weights[f"{name}.bn.{part}"].double() for part in ("weight", "bias", "running_mean", "running_var")}
    scale = norm["weight"] / (norm["running_var"] + BATCH_NORM_EPSILON).sqrt()
    kernel = weights[f"{name}.conv.weight"].double() * scale[:, None, None, None]
    return kernel.float(), (norm["bias"] - norm["running_mean"] * scale).float()


def _joined(folded: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([kernel for kernel, _ in folded]), torch.cat([bias for _, bias in folded])


def _placed(kernel: torch.Tensor, bias: torch.Tensor, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    return kernel.to(device).contiguous(memory_format=torch.channels_last), bias.to(device)


def _mean_3x3(x: torch.Tensor) -> torch.Tensor:
    """Mean of each pixel's 3x3 neighbours inside the image: TensorFlow leaves the padding out."""
    return avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _convolve_relu(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, shape: Convolution) -> torch.Tensor:
    """ReLU of the convolution; on a CPU oneDNN's fused kernel where torch has it, which is bit for bit the same."""
    fused = getattr(torch.ops.mkldnn, "_convolution_pointwise", None)
    if fused is not None and x.device.type == "cpu" and torch.backends.mkldnn.is_available():
        return fused(x, weight, bias, shape.padding, (shape.stride,) * 2, (1, 1), 1, "relu", [], "")
    return conv2d(x, weight, bias, shape.stride, shape.padding).relu_()
