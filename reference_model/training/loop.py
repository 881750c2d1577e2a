"""One resumable training loop for the text encoder, the stages of the cascade and the bundled scorer."""

import copy
import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import nn

from reference_model.errors import ReferenceModelError
from reference_model.files import atomic_path, remove_leftovers
from reference_model.training.muon import Muon

OptimizerName = Literal["adamw", "muon"]
STATE, EXPORT = "state.pt", "export"


class Task(Protocol):
    """What is trained: a module, a loss on a fresh batch, held-out measurements, and how to save the result."""

    module: nn.Module

    def loss(self, step: int) -> torch.Tensor:
        """The loss of this step's batch, which depends on the step alone, so that a resumed run sees the same."""
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
    accumulate: int = 1  # batches whose gradients are averaged in a step
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


def train(task: Task, config: LoopConfig, out: Path, start: Path | None = None) -> dict[str, float]:
    """Train, or resume from `out`/state.pt; exports to `out`/export. Returns the last measurements.

    start: where a training begins that has no state of its own: the folder of another one, whose state is only read, or
    an export. A state of another optimizer, and an export, give their weights; the optimizer then warms up afresh.
    Raises ReferenceModelError when `start` holds neither, and when a loss is no number.
    """
    out.mkdir(parents=True, exist_ok=True)
    ema = copy.deepcopy(task.module).eval().requires_grad_(False)
    optimizers = make_optimizers(task.module, config)
    at = _begin(task, ema, optimizers, out, start)
    clock, saved, evaluated, losses = Clock(at.minutes), at.minutes, at.minutes, []
    while at.step < at.started + config.steps and clock.minutes < config.minutes:
        losses.append(_step(task, config, optimizers, at, clock.minutes))
        at.step += 1
        update_ema(ema, task.module, min(config.ema_decay, (1 + at.step) / (10 + at.step)))
        at.minutes = clock.minutes
        if at.minutes - saved > config.save_minutes:
            saved = at.minutes
            _save(out, task.module, ema, optimizers, at)
            _log(out, {"step": at.step, "minutes": saved, "loss": float(torch.stack(losses).mean())})
            losses.clear()
        if at.minutes - evaluated > config.evaluate_minutes:
            evaluated = at.minutes
            _log(out, {"step": at.step, "minutes": evaluated, **task.evaluate(ema)})
    _save(out, task.module, ema, optimizers, at)
    log = {"step": at.step, "minutes": at.minutes, **task.evaluate(ema)}
    _log(out, log)
    remove_leftovers(out / EXPORT)
    with atomic_path(out / EXPORT) as folder:
        task.export(ema, folder, log)
        shutil.rmtree(out / EXPORT, ignore_errors=True)  # of an earlier end, from which training went on
    return log


def annealed(config: LoopConfig) -> LoopConfig:
    """The same for a run in which the learning rate falls to zero from the first step on."""
    return replace(config, decay_fraction=1.0)


def _step(
    task: Task, config: LoopConfig, optimizers: list[torch.optim.Optimizer], at: Position, minutes: float
) -> torch.Tensor:
    """One update, in bfloat16 where a GPU computes it. Returns the loss."""
    task.module.zero_grad(set_to_none=True)
    device = next(task.module.parameters()).device.type
    total = torch.zeros((), device=device)
    for part in range(config.accumulate):
        with torch.autocast(device, torch.bfloat16, enabled=device != "cpu"):
            loss = task.loss(at.step * config.accumulate + part) / config.accumulate
        loss.backward()
        total += loss.detach()
    norm = nn.utils.clip_grad_norm_(task.module.parameters(), config.clip_norm)
    if not torch.isfinite(norm):
        raise ReferenceModelError(f"the loss of step {at.step} is no number: go on with a lower --learning-rate")
    factor = learning_rate_factor(config, at, minutes)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = factor * config.learning_rate
        optimizer.step()
    return total


@torch.no_grad()
def update_ema(ema: nn.Module, module: nn.Module, decay: float) -> None:
    """Exponential moving average of parameters: ema <- decay * ema + (1 - decay) * parameter. Buffers are copied."""
    torch._foreach_lerp_(list(ema.parameters()), list(module.parameters()), 1 - decay)
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


def _begin(
    task: Task, ema: nn.Module, optimizers: list[torch.optim.Optimizer], out: Path, start: Path | None
) -> Position:
    """Fill module, average and optimizers from the run's own state or, without one, from where it starts."""
    if (out / STATE).exists():
        at = _restore(out / STATE, task.module, ema, optimizers)
        print(f"resuming at step {at.step}", flush=True)
        return at
    if start is None:
        return Position()
    if (start / STATE).exists():
        at = _restore(start / STATE, task.module, ema, optimizers)
        return replace(at, minutes=0.0, started=at.step)
    step = task.load(start)
    ema.load_state_dict(task.module.state_dict())
    return Position(step, 0.0, step, step)


def _restore(path: Path, module: nn.Module, ema: nn.Module, optimizers: list[torch.optim.Optimizer]) -> Position:
    state = torch.load(path, weights_only=True, map_location=next(module.parameters()).device)
    module.load_state_dict(state["module"])
    ema.load_state_dict(state["ema"])
    at = Position(**state["position"])
    if state["optimizer_names"] != [type(optimizer).__name__ for optimizer in optimizers]:
        return replace(at, warm_from=at.step)
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return at


def _save(out: Path, module: nn.Module, ema: nn.Module, optimizers: list[torch.optim.Optimizer], at: Position) -> None:
    state = {
        "module": module.state_dict(),
        "ema": ema.state_dict(),
        "optimizer_names": [type(optimizer).__name__ for optimizer in optimizers],
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "position": asdict(at),
    }
    remove_leftovers(out / STATE)
    with atomic_path(out / STATE) as partial, partial.open("wb") as file:
        torch.save(state, file)


def _log(out: Path, row: dict[str, float]) -> None:
    line = json.dumps({k: round(float(v), 5) for k, v in row.items()})
    print(line, flush=True)
    with (out / "log.jsonl").open("a") as file:
        file.write(line + "\n")
