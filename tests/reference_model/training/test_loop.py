"""The training loop: resuming, averaging, and the learning rate."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from reference_model.errors import ReferenceModelError
from reference_model.training.loop import (
    LoopConfig,
    Position,
    annealed,
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
        (folder / "log.json").write_text(json.dumps({**log, "bias": float(ema.bias)}))  # type: ignore[arg-type]

    def load(self, folder: Path) -> int:
        log = json.loads((folder / "log.json").read_text())
        self.module.load_state_dict({"weight": torch.tensor([[log["weight"]]]), "bias": torch.tensor([log["bias"]])})
        return int(log["step"])


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


def test_the_learning_rate_warms_up_and_holds() -> None:
    config = LoopConfig(steps=100, minutes=10, learning_rate=1, warmup_steps=10)
    factors = [learning_rate_factor(config, Position(step), 9.9) for step in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[10:] == [1.0] * 91
    assert learning_rate_factor(config, Position(70, warm_from=70), 0.0) == pytest.approx(0.1)


def test_the_learning_rate_falls_to_zero_over_the_last_part_of_a_run_that_decays() -> None:
    config = LoopConfig(steps=100, minutes=10, learning_rate=1, warmup_steps=10, decay_fraction=0.2)
    factors = [learning_rate_factor(config, Position(step), 0.0) for step in range(101)]
    assert factors[10:80] == [1.0] * 70
    assert factors[90] == pytest.approx(0.5)
    assert factors[100] == 0
    assert learning_rate_factor(config, Position(50), 9.0) == pytest.approx(0.5)  # the clock can end it too
    falling = [learning_rate_factor(annealed(config), Position(500 + i, started=500), 0.0) for i in range(101)]
    assert falling == pytest.approx([1 - i / 100 for i in range(101)])


def test_annealing_is_a_run_of_its_own_and_leaves_the_state_it_starts_from(tmp_path: Path) -> None:
    held, fallen, further = LineFit(), LineFit(), LineFit()
    train(held, replace(CONFIG, steps=10), tmp_path / "held")
    before = (tmp_path / "held" / "state.pt").read_bytes()
    train(fallen, annealed(replace(CONFIG, steps=5)), tmp_path / "fallen", start=tmp_path / "held")
    assert fallen.steps == list(range(10, 15))
    assert (tmp_path / "held" / "state.pt").read_bytes() == before
    train(further, CONFIG, tmp_path / "held")
    assert further.steps == list(range(10, 20))


def test_a_stopped_annealing_resumes_to_the_same_weights(tmp_path: Path) -> None:
    train(LineFit(), replace(CONFIG, steps=5), tmp_path / "held")
    config = annealed(replace(CONFIG, steps=10))
    whole, stopped, resumed = LineFit(), LineFit(), LineFit()
    train(whole, config, tmp_path / "whole", start=tmp_path / "held")
    stopped.stop_at = 9
    with pytest.raises(KeyboardInterrupt):
        train(stopped, config, tmp_path / "stopped", start=tmp_path / "held")
    train(resumed, config, tmp_path / "stopped", start=tmp_path / "held")
    assert resumed.steps == list(range(9, 15))
    torch.testing.assert_close(resumed.module.state_dict(), whole.module.state_dict())


def test_a_training_goes_on_from_an_export_with_a_fresh_warm_up(tmp_path: Path) -> None:
    first, second = LineFit(), LineFit()
    log = train(first, replace(CONFIG, steps=10), tmp_path / "first")
    seen: list[float] = []
    second.module.register_forward_pre_hook(lambda module, _: seen.append(module.weight.item()))
    train(second, replace(CONFIG, warmup_steps=5), tmp_path / "second", start=tmp_path / "first" / "export")
    assert second.steps == list(range(10, 30))
    assert seen[0] == pytest.approx(log["weight"])
    assert abs(seen[1] - seen[0]) < abs(seen[5] - seen[4])


def test_an_export_that_breaks_off_leaves_the_one_before(tmp_path: Path) -> None:
    train(LineFit(), replace(CONFIG, steps=5), tmp_path)
    before = (tmp_path / "export" / "log.json").read_bytes()

    class Breaking(LineFit):
        def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
            super().export(ema, folder, log)
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        train(Breaking(), replace(CONFIG, steps=8), tmp_path)
    assert (tmp_path / "export" / "log.json").read_bytes() == before
    train(LineFit(), replace(CONFIG, steps=8), tmp_path)
    assert json.loads((tmp_path / "export" / "log.json").read_text())["step"] == 8
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export", "log.jsonl", "state.pt"]


def test_accumulated_batches_make_the_step_of_one_large_batch(tmp_path: Path) -> None:
    class Halves(LineFit):
        def loss(self, step: int) -> torch.Tensor:
            x = torch.randn(8, 1, generator=torch.Generator().manual_seed(step // 2)).chunk(2)[step % 2]
            return (self.module(x) - (3 * x - 1)).square().mean()

    whole, halves = LineFit(), Halves()
    train(whole, CONFIG, tmp_path / "whole")
    train(halves, replace(CONFIG, accumulate=2), tmp_path / "halves")
    torch.testing.assert_close(halves.module.state_dict(), whole.module.state_dict())


def test_a_loss_that_is_no_number_ends_the_training_before_it_reaches_the_weights(tmp_path: Path) -> None:
    task = LineFit()
    before = {name: value.clone() for name, value in task.module.state_dict().items()}
    task.loss = lambda step: task.module(torch.tensor([[torch.inf]])).sum() - torch.inf  # type: ignore[method-assign]
    with pytest.raises(ReferenceModelError, match="step 0 is no number"):
        train(task, CONFIG, tmp_path)
    torch.testing.assert_close(task.module.state_dict(), before)
    assert not (tmp_path / "export").exists()
