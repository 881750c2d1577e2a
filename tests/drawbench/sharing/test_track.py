"""TensorBoard: what its own reader finds of two checkpoints, and the sentence where it is not installed."""

import sys
from pathlib import Path

import numpy as np
import pytest

import drawbench
from drawbench.cli.main import main


def scored(path: Path, seed: int) -> drawbench.Scores:
    images = np.random.default_rng(seed).integers(0, 256, (8, 16, 16, 3), np.uint8)
    rows = [{"prompt": f"a cup and {n} cars", "category": "Cups" if n % 2 else "Cars"} for n in range(8)]
    return drawbench.score(images, rows, name="mine", out=path)


def test_two_checkpoints_make_a_curve(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    first, second = (scored(tmp_path / f"run{seed}", seed) for seed in (1, 2))
    assert main(["score", str(first.path), "--track", str(tmp_path / "board"), "--step", "100"]) == 0
    second.track(tmp_path / "board", 200)
    [own] = (tmp_path / "board").iterdir()
    assert own.name == "mine--prompts"
    read = EventAccumulator(str(own), size_guidance={"images": 0, "tensors": 0}).Reload()
    curve = [(each.step, each.value) for each in read.Scalars("bundled/clip_score/overall")]
    assert curve == [
        (step, pytest.approx(scores["clip_score"].value)) for step, scores in ((100, first), (200, second))
    ]
    low, high = (read.Scalars(f"bundled/clip_score/overall {end}")[0].value for end in ("low", "high"))
    assert low < curve[0][1] < high
    assert "bundled/clip_score/Cups" in read.Tags()["scalars"]
    assert [each.step for each in read.Images("images")] == [100, 200]


def test_without_tensorboard_nothing_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    words = ["run", "--model", "reference", "--prompts", "open", "--out", str(tmp_path / "run")]
    assert main([*words, "--track", str(tmp_path / "board")]) == 2
    assert "pip install 'drawbench[track]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
