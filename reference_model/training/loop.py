"""One resumable training loop for the text encoder, the stages of the cascade and the bundled scorer."""

import copy
import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import nn

from reference_model.errors import ReferenceModelError
from reference_model.files import atomic_path, remove_leftovers
from reference_model.training.muon import Muon
from reference_model.training.ranks import (
    ALONE,
    Ranks,
    gathered,
    local,
    placed_like,
    recompute_blocks,
    shard,
    whole,
)

OptimizerName = Literal["adamw", "muon"]
Precision = Literal["auto", "float32", "bfloat16"]
STATE, EXPORT = "state.pt", "export"


class Task(Protocol):
    """What is trained: a module, a loss on a fresh batch, held-out measurements, and how to save the result."""

    module: nn.Module

    def loss(self, step: int) -> torch.Tensor:
        """The loss of this batch, which depends on its number alone, so that a resumed run sees the same."""
        ...

    def evaluate(self, ema: nn.Module) -> dict[str, float]:
        """Measurements on data that is never trained on."""
        ...

    def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
        """Write the averaged weights in the form they are used in."""
        ...

    def load(self, folder: Path) -> int:
        """Read an export back into the module; returns the step it was made at."""
        ...


@runtime_checkable
class Positioned(Protocol):
    """A task whose data is a stream: where it is goes into the state, beside the step."""

    def position(self) -> dict[str, Any]:
        """Where this rank's streams are, by name; each name is one rank's alone."""
        ...

    def go_to(self, position: dict[str, Any]) -> None:
        """Go on from there; position: that of all ranks together. Raises ReferenceModelError for other streams."""
        ...


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast. Training ends after `steps`, or earlier after `minutes` of work over all resumes.

    The learning rate warms up, then holds, so that a state can always be taken further; over the last `decay_fraction`
    of the run it falls to zero. A run of decay alone, from another run's state, is `annealed`.
    """

    steps: int
    minutes: float
    learning_rate: float
    optimizer: OptimizerName = "adamw"  # muon: for matrices and kernels; AdamW for all else
    warmup_steps: int = 200
    weight_decay: float = 0.01
    decay_fraction: float = 0.0
    accumulate: int = 1  # batches whose gradients are averaged in a step, on all ranks together
    precision: Precision = "auto"  # bfloat16 by autocast on a GPU, float32 on a CPU
    gradient_checkpointing: bool = False
    ema_decay: float = 0.999
    clip_norm: float = 1.0
    save_minutes: float = 2.0
    evaluate_minutes: float = 10.0


class Clock:
    """Minutes of work, earlier attempts included."""

    def __init__(self, minutes_before: float) -> None:
        self._start = time.monotonic() - 60 * minutes_before

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self._start) / 60


@dataclass
class Position:
    """Where a training is: its step, which decides its data, and the steps at which run and warm-up began."""

    step: int = 0
    minutes: float = 0.0
    started: int = 0
    warm_from: int = 0


def train(
    task: Task, config: LoopConfig, out: Path, start: Path | None = None, ranks: Ranks = ALONE
) -> dict[str, float]:
    """Train, or resume from `out`/state.pt; exports to `out`/export. Returns the last measurements (on rank 0).

    start: where a training begins that has no state of its own: the folder of another one, whose state is only read, or
    an export. A state of another optimizer, and an export, give their weights; the optimizer then warms up afresh.
    ranks: the processes that train together; each calls this with the same, all read `out`, and rank 0 writes there.
    Raises ReferenceModelError when `start` holds neither, and when a loss is no number.
    """
    out.mkdir(parents=True, exist_ok=True)
    state = next((folder / STATE for folder in (out, start) if folder and (folder / STATE).exists()), None)
    exported = task.load(start) if state is None and start is not None else 0
    at = Position(exported, 0.0, exported, exported)
    training = _Training(task, config, out, ranks)
    if state is not None:
        at = training.restore(state)
        at = at if state.parent == out else replace(at, minutes=0.0, started=at.step)
    clock, saved, evaluated, losses = Clock(at.minutes), at.minutes, at.minutes, []
    while at.step < at.started + config.steps and at.minutes < config.minutes:
        losses.append(training.step(at))
        at.step += 1
        training.follow(at)
        at.minutes = ranks.agree(clock.minutes)
        if at.minutes - saved > config.save_minutes:
            saved = at.minutes
            training.save(at)
            training.log({"step": at.step, "minutes": saved, "loss": float(torch.stack(losses).mean())})
            losses.clear()
        if at.minutes - evaluated > config.evaluate_minutes:
            evaluated = at.minutes
            training.measure(at)
    training.save(at)
    return training.export(training.measure(at))


def annealed(config: LoopConfig) -> LoopConfig:
    """The same for a run in which the learning rate falls to zero from the first step on."""
    return replace(config, decay_fraction=1.0)


class _Training:
    """Network, average and optimizers, sharded over the ranks, with what is done to them.

    Between steps all ranks call every method together; what is measured and written, rank 0 measures and writes.
    """

    def __init__(self, task: Task, config: LoopConfig, out: Path, ranks: Ranks) -> None:
        self.task, self.config, self.out, self.ranks = task, config, out, ranks
        self.device = next(task.module.parameters()).device
        self.bfloat16 = config.precision == "bfloat16" or (config.precision == "auto" and self.device.type != "cpu")
        self.ema = copy.deepcopy(task.module).eval().requires_grad_(False)
        self.plain = copy.deepcopy(self.ema).to("meta") if ranks.size > 1 else self.ema  # to measure and export with
        for module in (self.ema, task.module):
            shard(module, ranks, self.bfloat16)
        if config.gradient_checkpointing:
            recompute_blocks(task.module)
        self.optimizers = make_optimizers(task.module, config)

    def step(self, at: Position) -> torch.Tensor:
        """One update, from batches that are dealt to the ranks. Returns the mean loss."""
        config, ranks, module = self.config, self.ranks, self.task.module
        module.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.device)
        first = at.step * config.accumulate
        for number in range(first + ranks.rank, first + config.accumulate, ranks.size):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
                loss = self.task.loss(number) * ranks.size / config.accumulate
            loss.backward()
            total += loss.detach()
        norm = whole(nn.utils.clip_grad_norm_(module.parameters(), config.clip_norm))
        if not torch.isfinite(norm):
            raise ReferenceModelError(f"the loss of step {at.step} is no number: go on with a lower --learning-rate")
        factor = learning_rate_factor(config, at, at.minutes)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * config.learning_rate
            optimizer.step()
        return ranks.mean(total)

    def follow(self, at: Position) -> None:
        """Let the average follow the network."""
        update_ema(self.ema, self.task.module, min(self.config.ema_decay, (1 + at.step) / (10 + at.step)))

    def measure(self, at: Position) -> dict[str, float]:
        """Held-out measurements of the average."""
        average = self._average()
        row = {"step": at.step, "minutes": at.minutes}
        if self.ranks.first:
            row |= self.task.evaluate(average)
            self.log(row)
        return row

    def export(self, log: dict[str, float]) -> dict[str, float]:
        """Write the average as it is used; returns the measurements that stand in it."""
        average = self._average()
        if self.ranks.first:
            remove_leftovers(self.out / EXPORT)
            with atomic_path(self.out / EXPORT) as folder:
                self.task.export(average, folder, log)
                shutil.rmtree(self.out / EXPORT, ignore_errors=True)  # of an earlier end, from which training went on
        return log

    def save(self, at: Position) -> None:
        """Write the state: one file with everything in full, whatever the number of ranks."""
        task = self.task
        streams: dict[str, Any] = {}
        if isinstance(task, Positioned):
            for own in self.ranks.gather(task.position()):
                streams |= own
        state = {
            "module": gathered(task.module.state_dict(), self.ranks),
            "ema": gathered(self.ema.state_dict(), self.ranks),
            "optimizer_names": [type(optimizer).__name__ for optimizer in self.optimizers],
            "optimizers": [gathered(optimizer.state_dict(), self.ranks) for optimizer in self.optimizers],
            "position": asdict(at),
            "data": streams,
        }
        if self.ranks.first:
            remove_leftovers(self.out / STATE)
            with atomic_path(self.out / STATE) as partial, partial.open("wb") as file:
                torch.save(state, file)

    def restore(self, path: Path) -> Position:
        """Read a state; every rank takes its part of the file."""
        state = torch.load(path, weights_only=True, mmap=True, map_location="cpu")
        for module, name in ((self.task.module, "module"), (self.ema, "ema")):
            own = module.state_dict()
            module.load_state_dict({key: placed_like(value, own.get(key)) for key, value in state[name].items()})
        at = Position(**state["position"])
        if isinstance(self.task, Positioned):
            self.task.go_to(state.get("data", {}))
        if self.ranks.first:
            print(f"resuming at step {at.step}", flush=True)
        if state["optimizer_names"] != [type(optimizer).__name__ for optimizer in self.optimizers]:
            return replace(at, warm_from=at.step)
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(_placed_optimizer(saved, optimizer))
        return at

    def log(self, row: dict[str, float]) -> None:
        """Print a row and keep it."""
        if not self.ranks.first:
            return
        line = json.dumps({k: round(float(v), 5) for k, v in row.items()})
        print(line, flush=True)
        with (self.out / "log.jsonl").open("a") as file:
            file.write(line + "\n")

    def _average(self) -> nn.Module:
        """The averaged network, on rank 0 as a module that computes; elsewhere without weights."""
        if self.ranks.size == 1:
            return self.ema
        average = copy.deepcopy(self.plain)
        for name, value in self.ema.state_dict().items():
            full = whole(value)
            if self.ranks.first:
                average.load_state_dict({name: full}, strict=False, assign=True)
        return average


def _placed_optimizer(saved: dict[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """A saved optimizer's state, its tensors placed like the parameters that they belong to."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state = {
        number: {
            name: placed_like(value, parameters[number]) if isinstance(value, torch.Tensor) else value
            for name, value in values.items()
        }
        for number, values in saved["state"].items()
    }
    return {**saved, "state": state}


@torch.no_grad()
def update_ema(ema: nn.Module, module: nn.Module, decay: float) -> None:
    """Exponential moving average of parameters: ema <- decay * ema + (1 - decay) * parameter. Buffers are copied."""
    averages, parameters = ([local(p.detach()) for p in each.parameters()] for each in (ema, module))
    torch._foreach_lerp_(averages, parameters, 1 - decay)
    for averaged, current in zip(ema.buffers(), module.buffers(), strict=True):
        averaged.copy_(current)


def learning_rate_factor(config: LoopConfig, at: Position, minutes: float) -> float:
    """Linear warm-up, constant, then linear to zero over the last `decay_fraction` of the run."""
    warm = (at.step - at.warm_from + 1) / config.warmup_steps
    if config.decay_fraction == 0:
        return min(1.0, warm)
    done = max((at.step - at.started) / config.steps, minutes / config.minutes)
    return min(1.0, warm, max(0.0, (1 - done) / config.decay_fraction))


def make_optimizers(module: nn.Module, config: LoopConfig) -> list[torch.optim.Optimizer]:
    """The optimizers that together update every parameter.

    Under Muon, weights of two dimensions or more are its own, but for the first and the last layer of the network,
    which AdamW updates with everything else.
    """
    matrices = {name: p for name, p in module.named_parameters() if p.ndim >= 2}
    rest = [p for p in module.parameters() if p.ndim < 2]
    adam = [{"params": rest, "weight_decay": 0.0}]
    if config.optimizer == "adamw":
        adam.insert(0, {"params": list(matrices.values()), "weight_decay": config.weight_decay})
        return [torch.optim.AdamW(adam, betas=(0.9, 0.99))]
    inner = {name: p for name, p in matrices.items() if not name.startswith(("stem", "out"))}
    outer = [p for name, p in matrices.items() if name not in inner]
    adam.insert(0, {"params": outer, "weight_decay": config.weight_decay})
    muon = Muon(inner.values(), lr=config.learning_rate, weight_decay=config.weight_decay)
    return [muon, torch.optim.AdamW(adam, betas=(0.9, 0.99))]
