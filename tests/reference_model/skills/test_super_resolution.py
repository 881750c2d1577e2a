"""The check of super-resolution: its measures, and what it says of stages whose answer is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reference_model.cascade import SamplingSettings, Stage
from reference_model.checkpoint import save_cascade_index, save_stage, untrained_cascade
from reference_model.networks.efficient_unet import EfficientUNetConfig
from reference_model.networks.presets import TINY, build_unet
from reference_model.skills.super_resolution import main, measure_stage, peak_signal_to_noise


def test_noise_of_a_known_size_has_a_known_ratio() -> None:
    random = np.random.default_rng(0)
    true = random.integers(40, 200, (64, 64, 3)).astype(np.uint8)
    other = true + 10 * random.choice((-1, 1), true.shape)
    assert peak_signal_to_noise(other, true) == pytest.approx(10 * np.log10(255**2 / 100))
    assert peak_signal_to_noise(true, true) > 80


def test_a_residual_stage_that_adds_nothing_is_bicubic_interpolation() -> None:
    """Its last layer is zero before any training, so one step without augmentation is the enlarged image."""
    cascade = untrained_cascade(TINY[:1])
    stage = Stage(TINY[1], build_unet(TINY[1].unet))
    settings = SamplingSettings(2, thresholding="static")
    found = measure_stage(stage, cascade, settings, 4, "small")
    assert found.one_step == pytest.approx(found.bicubic, abs=1e-6)
    assert found.samples == pytest.approx(found.bicubic, abs=1e-6)
    assert found.bicubic > 20
    assert found.survival["object"][1] >= 3


def test_a_stage_that_knows_nothing_of_its_image_keeps_no_skill() -> None:
    cascade = untrained_cascade(TINY[:1])
    config = TINY[1]
    assert isinstance(config.unet, EfficientUNetConfig)
    stage = Stage(replace(config, unet=replace(config.unet, residual=False)), build_unet(config.unet))
    torch.nn.init.zeros_(stage.unet.out[-1].bias)
    stage.unet.config = replace(config.unet, residual=False)
    found = measure_stage(stage, cascade, SamplingSettings(1), 3, "small")
    assert found.samples < found.bicubic - 5
    assert all(kept == 0 < shown for kept, shown in found.survival.values())


def test_the_command_tells_both_resolutions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cascade = untrained_cascade(TINY[:2])
    for stage in cascade.stages:
        save_stage(tmp_path, stage.config, stage.unet, {})
    cascade.text_encoder.encoder.save_pretrained(tmp_path / "text_encoder")
    save_cascade_index(tmp_path, "a test", tuple(stage.config.name for stage in cascade.stages))
    assert main(["--checkpoint", str(tmp_path), "-n", "2", "--steps", "1"]) == 0
    out = capsys.readouterr().out
    assert "super_resolution_256" in out
    assert "256: object" in out
    assert main(["--checkpoint", str(tmp_path / "none")]) == 2
