"""The training loop: resuming, averaging, and the learning rate."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from reference_model.training.loop import (
    LoopConfig,
    learning_rate_factor,
    make_optimizers,
    train,
    update_ema,
)

CONFIG = LoopConfig(steps=20, minutes=60, learning_rate=0.05, warmup_steps=1, save_minutes=0)


class LineFit:
    """Fit y = 3 x - 1 from a batch that depends on the step alone."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module: nn.Module = nn.Linear(1, 1)
        self.steps: list[int] = []
        self.stop_at: int | None = None

    def loss(self, step: int) -> torch.Tensor:
        if step == self.stop_at:
            raise KeyboardInterrupt
        self.steps.append(step)
        x = torch.randn(8, 1, generator=torch.Generator().manual_seed(step))
        return (self.module(x) - (3 * x - 1)).square().mean()

    def evaluate(self, ema: nn.Module) -> dict[str, float]:
        return {"weight": float(ema.weight)}  # type: ignore[arg-type]

    def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
        folder.mkdir()
        (folder / "log.json").write_text(json.dumps(log))


def test_a_stopped_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    whole = LineFit()
    train(whole, CONFIG, tmp_path / "whole")
    stopped = LineFit()
    stopped.stop_at = 7
    with pytest.raises(KeyboardInterrupt):
        train(stopped, CONFIG, tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "export").exists()
    resumed = LineFit()
    train(resumed, CONFIG, tmp_path / "stopped")
    assert resumed.steps == list(range(7, 20))
    torch.testing.assert_close(resumed.module.state_dict(), whole.module.state_dict())
    assert json.loads((tmp_path / "stopped" / "export" / "log.json").read_text())["step"] == 20


def test_a_training_under_muon_resumes_to_the_same_weights(tmp_path: Path) -> None:
    config = replace(CONFIG, optimizer="muon")
    whole, stopped, resumed = LineFit(), LineFit(), LineFit()
    train(whole, config, tmp_path / "whole")
    stopped.stop_at = 7
    with pytest.raises(KeyboardInterrupt):
        train(stopped, config, tmp_path / "stopped")
    train(resumed, config, tmp_path / "stopped")
    torch.testing.assert_close(resumed.module.state_dict(), whole.module.state_dict())


def test_another_optimizer_takes_the_weights_over_and_warms_up_again(tmp_path: Path) -> None:
    first, second = LineFit(), LineFit()
    train(first, replace(CONFIG, steps=10), tmp_path)
    second.module.register_forward_pre_hook(lambda module, _: seen.append(module.weight.item()))
    seen: list[float] = []
    shutil.rmtree(tmp_path / "export")
    train(second, replace(CONFIG, optimizer="muon", warmup_steps=5), tmp_path)
    assert second.steps == list(range(10, 20))
    assert seen[0] == first.module.weight.item()  # type: ignore[union-attr,operator]
    assert abs(seen[1] - seen[0]) < abs(seen[5] - seen[4])


def test_muon_and_adamw_together_hold_every_parameter_once() -> None:
    module = nn.ModuleDict({"stem": nn.Conv2d(3, 8, 3), "inner": nn.Conv2d(8, 8, 3), "out": nn.Linear(8, 2)})
    muon, adamw = make_optimizers(module, replace(CONFIG, optimizer="muon"))
    held = [p for optimizer in (muon, adamw) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(map(id, held)) == sorted(map(id, module.parameters()))
    assert [p.shape for group in muon.param_groups for p in group["params"]] == [(8, 8, 3, 3)]


def test_training_learns(tmp_path: Path) -> None:
    task = LineFit()
    train(task, replace(CONFIG, steps=300), tmp_path)
    assert task.module.weight.item() == pytest.approx(3, abs=0.05)  # type: ignore[union-attr,operator]


def test_the_average_follows_parameters_and_copies_buffers() -> None:
    module, ema = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    nn.init.constant_(module.weight, 5.0)
    module.running_mean += 2.0  # type: ignore[operator]
    update_ema(ema, module, 0.75)
    torch.testing.assert_close(ema.weight.detach(), torch.full((2,), 2.0))
    torch.testing.assert_close(ema.running_mean, torch.full((2,), 2.0))


def test_the_learning_rate_warms_up_holds_and_falls_to_zero() -> None:
    config = LoopConfig(steps=100, minutes=10, learning_rate=1, warmup_steps=10, decay_fraction=0.2)
    factors = [learning_rate_factor(config, step, 0.0) for step in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[10:80] == [1.0] * 70
    assert factors[90] == pytest.approx(0.5)
    assert factors[100] == 0
    assert learning_rate_factor(config, 50, 9.0) == pytest.approx(0.5)  # the clock can end it too
