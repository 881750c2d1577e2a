"""Several processes train as one does: the same batches, the same weights, whoever is killed and however many go on."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from reference_model.errors import ReferenceModelError
from reference_model.networks.efficient_unet import EfficientUNetConfig
from reference_model.networks.layers import ResBlock
from reference_model.networks.presets import StageConfig
from reference_model.networks.unet import UNetConfig
from reference_model.training import text as text_training
from reference_model.training.loop import STATE, LoopConfig, train
from reference_model.training.options import accumulated
from reference_model.training.ranks import joined, launched, own_device, recompute_blocks
from reference_model.training.stage import StageTraining
from tests.reference_model.text_encoders import WIDTH, random_byte_encoder
from tests.reference_model.training.processes import in_ranks, started

BASE = StageConfig(UNetConfig(64, WIDTH, (16, 24), (1, 1), (False, True), 8, 32, 4), "v", "cosine")
ABOVE = StageConfig(
    EfficientUNetConfig(256, 64, WIDTH, 8, (8, 24), (1, 1), "text", 8, 32, patch=8, residual=True), "x0", "cosine"
)
CONFIG = LoopConfig(steps=1, minutes=60, learning_rate=1e-2, warmup_steps=1, accumulate=2)


class Stage(StageTraining):
    """A stage without its measurements, which take longer than its steps."""

    def evaluate(self, ema: torch.nn.Module) -> dict[str, float]:
        return {"mean": float(torch.stack([p.mean() for p in ema.parameters()]).mean())}


def go_on(out: Path, config: LoopConfig, stage: StageConfig = BASE) -> dict[str, float]:
    with joined("cpu") as ranks:
        return train(Stage(stage, random_byte_encoder(), 2, "x"), config, out, ranks=ranks)


def state(out: Path) -> dict[str, Any]:
    return torch.load(out / STATE, weights_only=True)


def assert_same(one: Path, other: Path) -> None:
    """Equal weights, averages and optimizers, to a hundredth of a step: Adam enlarges what is all rounding."""
    a, b = state(one), state(other)
    for part in ("module", "ema", "optimizers"):
        torch.testing.assert_close(a[part], b[part], rtol=1e-4, atol=1e-2 * CONFIG.learning_rate)
    assert a["position"]["step"] == b["position"]["step"]


@pytest.mark.parametrize(
    ("stage", "optimizer", "checkpointing"),
    [
        pytest.param(BASE, "adamw", True, id="base"),
        pytest.param(BASE, "muon", False, id="muon", marks=pytest.mark.proof),
        pytest.param(ABOVE, "adamw", False, id="above", marks=pytest.mark.proof),
        pytest.param(ABOVE, "muon", True, id="above, muon", marks=pytest.mark.proof),
    ],
)
def test_two_ranks_train_as_one_process_does_and_take_turns_with_it(
    stage: StageConfig, optimizer: Any, checkpointing: bool, tmp_path: Path
) -> None:
    config = replace(CONFIG, optimizer=optimizer)
    go_on(tmp_path / "turns", config, stage)
    shared = replace(config, steps=3, gradient_checkpointing=checkpointing)
    in_ranks(2, go_on, tmp_path / "turns", shared, stage)
    turns = go_on(tmp_path / "turns", replace(config, steps=4), stage)
    alone = go_on(tmp_path / "alone", replace(config, steps=4), stage)
    assert turns["mean"] == pytest.approx(alone["mean"], abs=1e-5)
    assert_same(tmp_path / "turns", tmp_path / "alone")


def kill_once_saved(out: Path, config: LoopConfig, more: int) -> None:
    """Start two ranks that would train for long, and kill both when they have saved `more` steps."""
    before = state(out)["position"]["step"] if (out / STATE).exists() else 0
    processes = started(go_on, 2, out, config)
    while not (out / STATE).exists() or state(out)["position"]["step"] < before + more:
        time.sleep(0.02)
        assert all(process.is_alive() for process, _ in processes)
    for process, _ in processes:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()


@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.proof)])
def test_killed_ranks_go_on_from_their_last_state(kills: int, tmp_path: Path) -> None:
    config = replace(CONFIG, steps=10_000, save_minutes=0, optimizer="muon")
    for _ in range(kills):
        kill_once_saved(tmp_path / "killed", config, 2)
    steps = state(tmp_path / "killed")["position"]["step"] + 1
    measured = in_ranks(2, go_on, tmp_path / "killed", replace(config, steps=steps))
    whole = go_on(tmp_path / "whole", replace(config, steps=steps, save_minutes=60))
    assert measured[0]["mean"] == pytest.approx(whole["mean"], abs=1e-5)
    assert_same(tmp_path / "killed", tmp_path / "whole")
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["export", "log.jsonl", "state.pt"]


@pytest.mark.proof
def test_two_ranks_in_bfloat16_take_nearly_the_same_steps(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=2)
    in_ranks(2, go_on, tmp_path / "half", replace(config, precision="bfloat16"))
    go_on(tmp_path / "whole", config)
    half, full = (momenta(state(tmp_path / name)) for name in ("half", "whole"))
    assert half.dtype == torch.float32
    difference = float((half - full).norm() / full.norm())
    assert 1e-4 < difference < 0.05


def momenta(saved: dict[str, Any]) -> torch.Tensor:
    """AdamW's first moments of all parameters, as one vector."""
    return torch.cat([values["exp_avg"].flatten() for values in saved["optimizers"][0]["state"].values()])


def test_gradient_checkpointing_computes_blocks_twice_to_the_same_gradients() -> None:
    gradients, calls = [], []
    for checkpointing in (False, True):
        task = StageTraining(BASE, random_byte_encoder(), 2, "x")
        count = [0]
        for block in task.module.modules():
            if isinstance(block, ResBlock):
                block.conv1.register_forward_hook(lambda *_, count=count: count.__setitem__(0, count[0] + 1))
        if checkpointing:
            recompute_blocks(task.module)
        task.loss(0).backward()
        gradients.append([parameter.grad for parameter in task.module.parameters()])
        calls.append(count[0])
    torch.testing.assert_close(gradients[0], gradients[1])
    assert calls[1] == 2 * calls[0] > 0


def test_batches_that_cannot_be_dealt_are_one_sentence() -> None:
    assert (accumulated(None, 4), accumulated(8, 4), accumulated(3, 1)) == (4, 8, 3)
    with pytest.raises(ReferenceModelError, match="give a multiple of 4"):
        accumulated(6, 4)


def test_what_launchers_set_is_read_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launched() == (0, 1, 0)
    assert own_device("cuda") == "cuda"
    for name, value in {"RANK": "9", "LOCAL_RANK": "1", "WORLD_SIZE": "16"}.items():
        monkeypatch.setenv(name, value)
    assert launched() == (9, 16, 1)
    assert (own_device("cuda"), own_device("cpu"), own_device("cuda:3")) == ("cuda:1", "cpu", "cuda:3")
    monkeypatch.setenv("RANK", "16")
    with pytest.raises(ReferenceModelError, match="name no process"):
        launched()


def test_only_stages_train_in_several_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert text_training.main(["--out", str(tmp_path / "out"), "--steps", "1", "--batch", "2"]) == 2
    assert "only stages" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
