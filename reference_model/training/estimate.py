"""What a training will need, before it is launched: memory of each process, floating-point operations, and time.

One step of each network runs on tensors without memory (PyTorch's fake tensors), and what it would keep and compute is
counted. Left out are the allocator's gaps, libraries' workspaces, and the text encoder.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from reference_model.networks.presets import StageConfig, build_unet, preset
from reference_model.networks.unet import UNetConfig
from reference_model.terminal import table
from reference_model.text.encoder import TextFeatures
from reference_model.training.loop import LoopConfig, OptimizerName, make_optimizers
from reference_model.training.options import accumulated, reported
from reference_model.training.ranks import blocks, recompute_blocks
from reference_model.training.stage import trained_side

FLOAT, HALF = 4, 2  # bytes
DAY = 24 * 3600


@dataclass(frozen=True)
class Launch:
    """How a training will be launched; what the options of `training.stage` are called there."""

    batch: int
    ranks: int = 1
    accumulate: int = 1
    tokens: int = 128  # of a caption
    optimizer: OptimizerName = "adamw"
    gradient_checkpointing: bool = False
    bfloat16: bool = True


@dataclass(frozen=True)
class Memory:
    """Bytes of one process at its peak."""

    weights: int
    gradients: int
    optimizer: int
    average: int
    gathered: int  # root and two blocks in full, of a sharded network
    activations: int

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class Estimate:
    """Of one stage: parameters, memory, and floating-point operations of a step on all ranks together."""

    parameters: int
    memory: Memory
    flop: float
    state: int  # bytes on disk, and of rank 0's main memory while it writes


def estimate(stage: StageConfig, launch: Launch) -> Estimate:
    """Count one step of a stage."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        network = build_unet(stage.unet)
        inputs = _inputs(stage, launch)
        with FlopCounterMode(display=False) as counter:
            kept, loss = _forward(network, inputs, launch.gradient_checkpointing)
            loss.backward()
        if launch.gradient_checkpointing:
            recompute_blocks(network)
            with FlopCounterMode(display=False) as counter:
                _loss(network, inputs).backward()
        optimizer = _stepped(network, launch.optimizer)
    count = sum(parameter.numel() for parameter in network.parameters())
    shares = [-(-FLOAT * count // launch.ranks)] * 3
    gathered = 0 if launch.ranks == 1 else _gathered(network, launch.bfloat16)
    memory = Memory(shares[0], shares[1], -(-optimizer // launch.ranks), shares[2], gathered, kept)
    return Estimate(count, memory, float(counter.get_total_flops() * launch.accumulate), 2 * FLOAT * count + optimizer)


def _inputs(stage: StageConfig, launch: Launch) -> dict[str, Any]:
    """What the network is called with in training."""
    unet, batch, side = stage.unet, launch.batch, trained_side(stage.unet)
    mask = torch.ones(batch, launch.tokens, dtype=torch.bool)
    text = TextFeatures(torch.empty(batch, launch.tokens, unet.text_width), mask)
    inputs = {"x": torch.empty(batch, 3, side, side), "t": torch.empty(batch), "text": text}
    if not isinstance(unet, UNetConfig):
        low = side * unet.low_size // unet.size
        inputs |= {"low": torch.empty(batch, 3, low, low), "aug_level": torch.empty(batch)}
    return {**inputs, "keep": torch.ones(batch, dtype=torch.bool)}


def _loss(network: nn.Module, inputs: dict[str, Any]) -> torch.Tensor:
    return (network(**inputs) - torch.empty_like(inputs["x"])).square().mean()


def _forward(network: nn.Module, inputs: dict[str, Any], checkpointing: bool) -> tuple[int, torch.Tensor]:
    """Bytes that one forward pass keeps for the way back, with twice the largest tensor for gradients there; the loss.

    With checkpointing: what is kept outside blocks, the blocks' inputs, and all that the largest block keeps. Counted
    as float32, which is the most: under autocast, convolutions and attention keep bfloat16.
    """
    weights = {parameter.untyped_storage() for parameter in network.parameters()}
    kept: dict[Any, int] = {}  # by storage, so that views count once
    inside: dict[Any, nn.Module | None] = {}
    current: list[nn.Module | None] = [None]

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage not in weights and storage not in kept:
            kept[storage], inside[storage] = storage.nbytes(), current[0]
        return tensor

    def enter(block: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        if checkpointing:
            keep(arguments[0])
            current[0] = block

    def leave(block: nn.Module, arguments: Any, output: Any) -> None:
        current[0] = None

    hooks = [hook for block in blocks(network) for hook in _hooked(block, enter, leave)]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = _loss(network, inputs)
    for hook in hooks:
        hook.remove()
    of_blocks: dict[nn.Module | None, int] = {}
    for storage, size in kept.items():
        of_blocks[inside[storage]] = of_blocks.get(inside[storage], 0) + size
    return of_blocks.pop(None, 0) + max(of_blocks.values(), default=0) + 2 * max(kept.values()), loss


def _hooked(block: nn.Module, enter: Any, leave: Any) -> tuple[Any, Any]:
    return block.register_forward_pre_hook(enter), block.register_forward_hook(leave)


def _stepped(network: nn.Module, name: OptimizerName) -> int:
    """Update the network once; bytes that the optimizers keep."""
    optimizers = make_optimizers(network, LoopConfig(1, 1, 1, name))
    for optimizer in optimizers:
        optimizer.step()
    states = [state for optimizer in optimizers for state in optimizer.state.values()]
    return sum(tensor.nbytes for state in states for tensor in state.values())


def _gathered(network: nn.Module, bfloat16: bool) -> int:
    """Of FSDP2: weights and gradients of the root and of the block that computes; weights of the next block."""
    sizes = [sum(parameter.numel() for parameter in block.parameters()) for block in blocks(network)]
    root = sum(parameter.numel() for parameter in network.parameters()) - sum(sizes)
    return 2 * FLOAT * root + 3 * (HALF if bfloat16 else FLOAT) * max(sizes)


def rows(name: str, launch: Launch, steps: int, teraflops: float) -> list[tuple[str, ...]]:
    """A table: one column for each stage of a preset. teraflops: 10^12 operations a second that one device does."""
    found = {stage.name: estimate(stage, launch) for stage in preset(name)}
    memory = [
        (field.name, *(f"{getattr(each.memory, field.name) / 2**30:.2f} GiB" for each in found.values()))
        for field in fields(Memory)
    ]
    seconds = [each.flop / (launch.ranks * teraflops * 1e12) for each in found.values()]
    return [
        (name, *found),
        ("parameters", *(f"{each.parameters:,}" for each in found.values())),
        *memory,
        ("memory of a process", *(f"{each.memory.total / 2**30:.2f} GiB" for each in found.values())),
        ("state on disk", *(f"{each.state / 2**30:.2f} GiB" for each in found.values())),
        ("TFLOP a step", *(f"{each.flop / 1e12:,.2f}" for each in found.values())),
        ("seconds a step", *(f"{each:.3f}" for each in seconds)),
        (f"days for {steps:,} steps", *(f"{steps * each / DAY:,.2f}" for each in seconds)),
        ("device days", *(f"{steps * each * launch.ranks / DAY:,.1f}" for each in seconds)),
    ]


@reported
def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.training.estimate --preset 400m --batch 32 --ranks 8`: before a training."""
    parser = argparse.ArgumentParser(prog="python -m reference_model.training.estimate", description=main.__doc__)
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--batch", type=int, default=64, help="images that a process computes at once")
    parser.add_argument("--ranks", type=int, default=1, help="processes, one to a GPU")
    parser.add_argument("--accumulate", type=int, help="batches in a step, on all ranks together (default: one each)")
    parser.add_argument("--tokens", type=int, default=128, help="of the longest caption of a batch (128)")
    parser.add_argument("--optimizer", choices=get_args(OptimizerName), default="adamw")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--tflops", type=float, default=300, help="10^12 operations a second that one GPU really does")
    args = parser.parse_args(arguments)
    launch = Launch(
        args.batch,
        args.ranks,
        accumulated(args.accumulate, args.ranks),
        args.tokens,
        args.optimizer,
        args.gradient_checkpointing,
        args.precision == "bfloat16",
    )
    print(table(rows(args.preset, launch, args.steps, args.tflops)))
    images = launch.batch * launch.accumulate
    images, each = launch.batch * launch.accumulate, f"{args.tflops:g} TFLOP/s on each of {launch.ranks} devices"
    print(f"\nA step is {images:,} images. Time: at {each}, with no wait for data.")


if __name__ == "__main__":
    sys.exit(main())
