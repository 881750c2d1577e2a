"""One resumable training loop for the text encoder, the stages of the cascade and the bundled scorer."""

import copy
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import torch
from torch import nn

from reference_model.training.muon import Muon


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


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast. Training ends at `steps`, or earlier after `minutes` of work over all resumes."""

    steps: int
    minutes: float
    learning_rate: float
    optimizer: Literal["adamw", "muon"] = "adamw"  # muon: for matrices and kernels; AdamW for all else
    warmup_steps: int = 200
    weight_decay: float = 0.01
    decay_fraction: float = 0.3  # the last part of the run in which the learning rate falls to zero
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


def train(task: Task, config: LoopConfig, out: Path) -> dict[str, float]:
    """Train, or resume from `out`/state.pt; exports to `out`/export. Returns the last measurements.

    A state of another optimizer gives its weights; the new optimizer starts fresh, with warm-up.
    """
    out.mkdir(parents=True, exist_ok=True)
    ema = copy.deepcopy(task.module).eval().requires_grad_(False)
    optimizers = make_optimizers(task.module, config)
    step, minutes, warm_from = _resume(out, task.module, ema, optimizers)
    clock, saved, evaluated, losses = Clock(minutes), minutes, minutes, []
    while step < config.steps and clock.minutes < config.minutes:
        factor = learning_rate_factor(config, step, clock.minutes, warm_from)
        loss = task.loss(step)
        task.module.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(task.module.parameters(), config.clip_norm)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * config.learning_rate
            optimizer.step()
        step += 1
        update_ema(ema, task.module, min(config.ema_decay, (1 + step) / (10 + step)))
        losses.append(loss.detach())
        if clock.minutes - saved > config.save_minutes:
            saved = clock.minutes
            _save(out, task.module, ema, optimizers, step, saved, warm_from)
            _log(out, {"step": step, "minutes": saved, "loss": _mean(losses)})
            losses.clear()
        if clock.minutes - evaluated > config.evaluate_minutes:
            evaluated = clock.minutes
            _log(out, {"step": step, "minutes": evaluated, **task.evaluate(ema)})
    _save(out, task.module, ema, optimizers, step, clock.minutes, warm_from)
    log = {"step": step, "minutes": clock.minutes, **task.evaluate(ema)}
    _log(out, log)
    task.export(ema, out / "export", log)
    return log


@torch.no_grad()
def update_ema(ema: nn.Module, module: nn.Module, decay: float) -> None:
    """Exponential moving average of parameters: ema <- decay * ema + (1 - decay) * parameter. Buffers are copied."""
    torch._foreach_lerp_(list(ema.parameters()), list(module.parameters()), 1 - decay)
    for averaged, current in zip(ema.buffers(), module.buffers(), strict=True):
        averaged.copy_(current)


def learning_rate_factor(config: LoopConfig, step: int, minutes: float, warm_from: int = 0) -> float:
    """Linear warm-up from step `warm_from`, constant, then linear to zero over the last `decay_fraction` of the run."""
    done = max(step / config.steps, minutes / config.minutes)
    warm = (step - warm_from + 1) / config.warmup_steps
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


def _resume(
    out: Path, module: nn.Module, ema: nn.Module, optimizers: list[torch.optim.Optimizer]
) -> tuple[int, float, int]:
    """Step, minutes, and the step at which the optimizers' warm-up began."""
    path = out / "state.pt"
    if not path.exists():
        return 0, 0.0, 0
    state = torch.load(path, weights_only=True)
    module.load_state_dict(state["module"])
    ema.load_state_dict(state["ema"])
    step, minutes = int(state["step"]), float(state["minutes"])
    names = [type(optimizer).__name__ for optimizer in optimizers]
    print(f"resuming at step {step}", flush=True)
    if state.get("optimizer_names") != names:
        return step, minutes, step
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return step, minutes, int(state["warm_from"])


def _save(
    out: Path,
    module: nn.Module,
    ema: nn.Module,
    optimizers: list[torch.optim.Optimizer],
    step: int,
    minutes: float,
    warm_from: int,
) -> None:
    state = {
        "module": module.state_dict(),
        "ema": ema.state_dict(),
        "optimizer_names": [type(optimizer).__name__ for optimizer in optimizers],
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        "step": step,
        "minutes": minutes,
        "warm_from": warm_from,
    }
    temporary = out / "state.pt.part"
    torch.save(state, temporary)
    temporary.replace(out / "state.pt")


def _mean(losses: list[torch.Tensor]) -> float:
    return float(torch.stack(losses).mean()) if losses else float("nan")


def _log(out: Path, row: dict[str, float]) -> None:
    line = json.dumps({k: round(float(v), 5) for k, v in row.items()})
    print(line, flush=True)
    with (out / "log.jsonl").open("a") as file:
        file.write(line + "\n")
