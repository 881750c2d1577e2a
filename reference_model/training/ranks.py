"""Several processes train one network: each holds a part of its weights, and so of gradients, average and optimizer.

The processes are those of `torchrun` or `accelerate launch`. The sharding is PyTorch's own FSDP2 (`fully_shard`), which
accelerate's calls, too; accelerate keeps it to GPUs. Nothing on disk depends on how many processes there are.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from reference_model.errors import ReferenceModelError
from reference_model.networks.layers import ResBlock, TextAttention


@dataclass(frozen=True)
class Ranks:
    """The processes that train together: `size` of them, of which this is number `rank`."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and measures."""
        return self.rank == 0

    def agree(self, value: float) -> float:
        """Rank 0's value, for clocks that decide what all must do together."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=_device_of_group())
        torch.distributed.broadcast(shared, 0)
        return float(shared)

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """The mean over all ranks."""
        if self.size > 1:
            torch.distributed.all_reduce(value)
        return value / self.size

    def gather(self, value: Any) -> list[Any]:
        """Every rank's value, in their order."""
        values = [value] * self.size
        if self.size > 1:
            torch.distributed.all_gather_object(values, value)
        return values


ALONE = Ranks()


def launched() -> tuple[int, int, int]:
    """Rank, number of ranks, and number on this machine, by the variables that launchers set."""
    rank, size = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
    local = os.environ.get("LOCAL_RANK", rank)
    if not all(text.isascii() and text.isdigit() for text in (rank, size, local)) or int(rank) >= max(1, int(size)):
        raise ReferenceModelError(f"RANK {rank}, LOCAL_RANK {local} and WORLD_SIZE {size} name no process: unset them")
    return int(rank), max(1, int(size)), int(local)


def own_device(device: str) -> str:
    """The device named `cuda` as this process's own GPU, where several processes share a machine."""
    _, size, local = launched()
    return f"{device}:{local}" if size > 1 and device != "cpu" and ":" not in device else device


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """The processes of this launch, connected while the block runs. device: as `own_device` names it."""
    rank, size, _ = launched()
    if size == 1:
        yield ALONE
        return
    if device != "cpu":
        torch.accelerator.set_device_index(torch.device(device).index or 0)
    torch.distributed.init_process_group(torch.distributed.get_default_backend_for_device(device.partition(":")[0]))
    try:
        yield Ranks(rank, size)
    finally:
        torch.distributed.destroy_process_group()


def shard(module: nn.Module, ranks: Ranks, bfloat16: bool) -> None:
    """Leave a part of each weight on every rank; blocks are gathered while they compute. Nothing happens to one alone.

    Weights rest, and gradients are averaged, in float32. bfloat16: what the blocks' weights are gathered in.
    """
    if ranks.size == 1:
        return
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    module.to(memory_format=torch.contiguous_format)  # all that FSDP2 takes
    mesh = init_device_mesh(next(module.parameters()).device.type, (ranks.size,))
    dtype = torch.bfloat16 if bfloat16 else None
    policy = MixedPrecisionPolicy(dtype, torch.float32, cast_forward_inputs=False)  # autocast sees to the inputs
    for block in blocks(module):
        if isinstance(block, TextAttention):
            fully_shard(block.text_kv, mesh=mesh, mp_policy=policy)  # used before its block is: `prepare_text`
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(module, mesh=mesh)


def recompute_blocks(module: nn.Module) -> None:
    """Gradient checkpointing: keep the inputs of blocks only and compute each again on the way back."""
    for block in blocks(module):
        forward: Callable[..., torch.Tensor] = block.forward
        block.forward = partial(checkpoint, forward, use_reentrant=False)


def blocks(module: nn.Module) -> list[nn.Module]:
    """What a U-Net is made of, and what is gathered and computed again as one."""
    return [part for part in module.modules() if isinstance(part, ResBlock | TextAttention)]


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A sharded tensor on every rank in full; any other as it is. All ranks must ask together."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def local(tensor: torch.Tensor) -> torch.Tensor:
    """This rank's part of a sharded tensor, sharing its memory; any other as it is."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def placed_like(value: torch.Tensor, like: torch.Tensor | None) -> torch.Tensor:
    """A copy of a tensor that every rank can read in full, cut and placed as another of its shape is."""
    if like is None or not hasattr(like, "full_tensor") or value.shape != like.shape:
        return value.clone()
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(like, DTensor)
    full = value.to(like.device).contiguous()
    return distribute_tensor(full, like.device_mesh, like.placements, src_data_rank=None).clone()


def gathered(tree: Any, ranks: Ranks) -> Any:
    """Nested dictionaries and lists with sharded tensors made whole, one by one: on rank 0's CPU, nothing elsewhere."""
    if isinstance(tree, dict):
        return {name: gathered(value, ranks) for name, value in tree.items()}
    if isinstance(tree, list):
        return [gathered(value, ranks) for value in tree]
    if isinstance(tree, torch.Tensor) and hasattr(tree, "full_tensor"):
        full = whole(tree)
        return full.cpu() if ranks.first else None
    return tree


def _device_of_group() -> str:
    return "cpu" if torch.distributed.get_backend() == "gloo" else torch.accelerator.current_accelerator().type  # type: ignore[union-attr]
