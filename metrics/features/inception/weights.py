"""FID's Inception from either published file: NVIDIA's TorchScript or pytorch-fid's state dict, read strictly."""

from collections.abc import Mapping
from pathlib import Path

import torch

from metrics.errors import MetricInputError
from metrics.features.inception.network import CLASSES, CONVOLUTIONS, POOLED
from metrics.features.weights import is_torchscript, quiet_torchscript

_NORM = ("weight", "bias", "running_mean", "running_var")
_SCRIPT_NORM = {"beta": "bias", "mean": "running_mean", "var": "running_var"}  # its batch norm has no factor: it is 1
_SCRIPT_STEM = {
    "conv": "Conv2d_1a_3x3",
    "conv_1": "Conv2d_2a_3x3",
    "conv_2": "Conv2d_2b_3x3",
    "conv_3": "Conv2d_3b_1x1",
    "conv_4": "Conv2d_4a_3x3",
}
_SCRIPT_BLOCKS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")  # mixed, mixed_1, ... mixed_10


def read_inception(path: Path) -> tuple[dict[str, torch.Tensor] | None, torch.jit.ScriptModule | None]:
    """The tensors by pytorch-fid's names, and the TorchScript module where the file is one.

    The tensors are None for a TorchScript module of other names: it can still be run as it is. Raises MetricInputError
    for a file of neither format, and for a state dict with missing, unknown or wrongly shaped tensors.
    """
    if not is_torchscript(path):
        return _checked(_read_state(path), path), None

    try:
        with quiet_torchscript():
            script = torch.jit.load(str(path), map_location="cpu").eval()
    except (RuntimeError, AttributeError) as error:
        raise MetricInputError(f"{path} is not a TorchScript network: fetch it again") from error
    names = torchscript_names()
    state = script.state_dict()
    if state.keys() != names.keys():
        return None, script
    weights = {names[name]: value for name, value in state.items()}
    for convolution, shape in CONVOLUTIONS.items():
        weights[f"{convolution}.bn.weight"] = torch.ones(shape.outputs)
    return _checked(weights, path), script


def torchscript_names() -> dict[str, str]:
    """The names of all tensors in the TorchScript file, to pytorch-fid's."""
    convolutions = dict(_SCRIPT_STEM)
    for number, block in enumerate(_SCRIPT_BLOCKS):
        prefix = f"mixed_{number}" if number else "mixed"
        convolutions |= {f"{prefix}.{name}": f"Mixed_{block}.{ours}" for name, ours in _script_branches(block).items()}
    names = {"output.weight": "fc.weight", "output.bias": "fc.bias"}
    for name, ours in convolutions.items():
        names[f"layers.{name}.weight"] = f"{ours}.conv.weight"
        names |= {f"layers.{name}.{part}": f"{ours}.bn.{norm}" for part, norm in _SCRIPT_NORM.items()}
    return names


def _script_branches(block: str) -> dict[str, str]:
    """TorchScript's names of a block's convolutions, to pytorch-fid's."""
    if block in ("7b", "7c"):
        return {
            "conv": "branch1x1",
            "tower_conv": "branch3x3_1",
            "tower_mixed_conv": "branch3x3_2a",
            "tower_mixed_conv_1": "branch3x3_2b",
            "tower_1_conv": "branch3x3dbl_1",
            "tower_1_conv_1": "branch3x3dbl_2",
            "tower_1_mixed_conv": "branch3x3dbl_3a",
            "tower_1_mixed_conv_1": "branch3x3dbl_3b",
            "tower_2_conv": "branch_pool",
        }
    if block == "6a":
        return {"conv": "branch3x3", **_tower("tower", "branch3x3dbl", 3)}
    if block == "7a":
        return {**_tower("tower", "branch3x3", 2), **_tower("tower_1", "branch7x7x3", 4)}
    towers = (
        {**_tower("tower", "branch5x5", 2), **_tower("tower_1", "branch3x3dbl", 3)}
        if block[0] == "5"
        else {**_tower("tower", "branch7x7", 3), **_tower("tower_1", "branch7x7dbl", 5)}
    )
    return {"conv": "branch1x1", **towers, "tower_2.conv": "branch_pool"}


def _tower(name: str, branch: str, length: int) -> dict[str, str]:
    return {f"{name}.conv" + (f"_{step}" if step else ""): f"{branch}_{step + 1}" for step in range(length)}


def _read_state(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)  # executes nothing from the file
    except Exception as error:  # of any kind, as junk leads the reader anywhere
        raise MetricInputError(
            f"{path} is neither a TorchScript network nor a file of weights: fetch it again"
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise MetricInputError(f"{path} holds no state dict of the Inception network: fetch it again")
    return state


def _checked(weights: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """Exactly the network's tensors, of its shapes; batch norms' counters of training steps are left out."""
    expected: dict[str, tuple[int, ...]] = {"fc.weight": (CLASSES, POOLED), "fc.bias": (CLASSES,)}
    for name, shape in CONVOLUTIONS.items():
        expected[f"{name}.conv.weight"] = (shape.outputs, shape.inputs, *shape.kernel)
        expected |= {f"{name}.bn.{part}": (shape.outputs,) for part in _NORM}
    found = {name: value for name, value in weights.items() if not name.endswith(".num_batches_tracked")}
    for name in sorted(expected.keys() ^ found.keys()):
        state = "lacks" if name in expected else "has an unknown"
        raise MetricInputError(f"{path} is not FID's Inception network: it {state} {name}; fetch it again")
    for name, size in expected.items():
        if tuple(found[name].shape) != size:
            raise MetricInputError(
                f"{path} is not FID's Inception network: {name} has shape {tuple(found[name].shape)}, not {size}"
            )
    return found
