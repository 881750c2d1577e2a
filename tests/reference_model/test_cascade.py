"""The cascade end to end with random weights: seeds, sizes, checkpoints, and what each setting does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from reference_model.cascade import Cascade, SamplingSettings, sample_noise
from reference_model.checkpoint import (
    load_cascade,
    load_stage,
    save_cascade_index,
    save_stage,
    untrained_cascade,
    weights_sha256,
)
from reference_model.errors import ReferenceModelError
from reference_model.networks.presets import TINY

FAST = [SamplingSettings(2, 3.0), SamplingSettings(1, aug_level=0.1), SamplingSettings(1)]


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return untrained_cascade(TINY[:2])


def test_an_image_does_not_depend_on_its_neighbours(cascade: Cascade) -> None:
    texts, seeds = ["a red car", "four blue fish in the snow", "a cup"], [2**53 - 1, 5, 6]
    together = cascade.generate(texts, seeds, 64, FAST)
    for i in range(3):
        alone = cascade.generate([texts[i]], [seeds[i]], 64, FAST)[0]
        assert np.abs(alone.astype(int) - together[i].astype(int)).max() <= 1


def test_seeds_and_texts_decide_the_image(cascade: Cascade) -> None:
    first, again, other_seed, other_text = (
        cascade.generate([text], [seed], 64, FAST)
        for text, seed in [("a red car", 1), ("a red car", 1), ("a red car", 2), ("a blue car", 1)]
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other_seed).mean() > 0.5
    assert (first != other_text).any()


def test_each_sample_and_stage_has_noise_of_its_own() -> None:
    first, same, other_stage = (sample_noise([7, 8], stage, 8, torch.device("cpu"))() for stage in (0, 0, 1))
    torch.testing.assert_close(first, same)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, other_stage)


def test_larger_images_begin_with_the_same_base_image(cascade: Cascade, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    upper = cascade.stages[1]
    monkeypatch.setattr(
        upper, "sample", lambda text, noise, settings, low: seen.append(low) or torch.zeros(1, 3, 256, 256)
    )
    base = cascade.generate(["a cup"], [3], 64, FAST)[0]
    cascade.generate(["a cup"], [3], 256, FAST)
    handed_over = ((seen[0][0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(handed_over, base)


def test_settings_change_images_after_training(cascade: Cascade) -> None:
    images = {
        name: cascade.generate(["a cup"], [3], 64, [settings])
        for name, settings in {
            "base": SamplingSettings(3, 3.0),
            "unguided": SamplingSettings(3, 1.0),
            "ddpm": SamplingSettings(3, 3.0, sampler="ddpm"),
            "static": SamplingSettings(3, 30.0, thresholding="static"),
            "dynamic": SamplingSettings(3, 30.0, thresholding="dynamic"),
            "capped": SamplingSettings(3, 30.0, thresholding="dynamic", threshold_cap=1.5),
            "dynamic at first": SamplingSettings(3, 30.0, thresholding="dynamic", dynamic_low=0.9),
            "rescaled": SamplingSettings(3, 30.0, guidance_rescale=0.7),
        }.items()
    }
    distinct = {image.tobytes() for image in images.values()}
    assert len(distinct) == len(images)


def test_a_size_the_cascade_does_not_make_is_refused(cascade: Cascade) -> None:
    with pytest.raises(ReferenceModelError, match="128"):
        cascade.generate(["a cup"], [3], 128, FAST)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"sampler": "euler"},
        {"thresholding": "soft"},
        {"aug_level": 1.5},
        {"guidance": float("nan")},
        {"guidance": float("inf")},
        {"percentile": 99.5},
        {"percentile": float("nan")},
        {"guidance_low": 0.6, "guidance_high": 0.5},
        {"guidance_high": 1.1},
        {"guidance_rescale": 2.0},
        {"threshold_cap": 0.5},
        {"dynamic_low": -0.1},
    ],
    ids=str,
)
def test_settings_that_mean_nothing_are_refused(change: dict) -> None:
    with pytest.raises(ReferenceModelError):
        replace(SamplingSettings(4), **change)


def test_a_checkpoint_restores_the_cascade(cascade: Cascade, tmp_path: Path) -> None:
    for stage in cascade.stages:
        stage.unet.to(torch.bfloat16).float()  # what bf16 on disk can hold
        save_stage(tmp_path, stage.config, stage.unet, {"minutes": 1.0})
    cascade.text_encoder.encoder.save_pretrained(tmp_path / "text_encoder")
    save_cascade_index(tmp_path, "a test", tuple(stage.config.name for stage in cascade.stages))
    loaded = load_cascade(tmp_path)
    assert [stage.config for stage in loaded.stages] == [stage.config for stage in cascade.stages]
    np.testing.assert_array_equal(
        loaded.generate(["a cup"], [3], 256, FAST), cascade.generate(["a cup"], [3], 256, FAST)
    )
    before = weights_sha256(tmp_path)
    save_stage(tmp_path, loaded.stages[0].config, untrained_cascade(TINY, seed=1).stages[0].unet, {})
    assert weights_sha256(tmp_path) != before


def test_a_broken_checkpoint_is_one_sentence(cascade: Cascade, tmp_path: Path) -> None:
    with pytest.raises(ReferenceModelError, match=r"cascade\.json"):
        load_cascade(tmp_path)
    save_stage(tmp_path, cascade.stages[0].config, cascade.stages[0].unet, {})
    weights = tmp_path / "base_64.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ReferenceModelError, match="cannot be read"):
        load_stage(tmp_path, "base_64")
    save_stage(tmp_path, cascade.stages[0].config, torch.nn.Linear(2, 2), {})
    with pytest.raises(ReferenceModelError, match="does not fit"):
        load_stage(tmp_path, "base_64")
