"""The findings' own networks, world, trainings and measures."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from experiments.findings.measures import Ruler, draw, memory_and_speed
from experiments.findings.networks import BaseStyleUpsampler, PooledTextUNet
from experiments.findings.small_world import COLOURS, OBJECTS, SETTINGS, example, small_scene
from experiments.findings.training import TRAININGS, Budget, SmallTraining, trained
from reference_model.cascade import SamplingSettings, Stage
from reference_model.checkpoint import BUNDLED
from reference_model.networks.presets import StageConfig
from reference_model.networks.unet import UNet, UNetConfig
from reference_model.pixels import from_pixels
from reference_model.text.encoder import TextFeatures, load_text_encoder
from reference_model.world.scene import split_of

CONFIG = UNetConfig(64, 32, (16, 32), (1, 1), (False, True), head_width=16, embedding_width=32, patch=4)


def awake(network: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and not module.weight.any():
            module.reset_parameters()
    return network.eval().requires_grad_(False)


def text(seed: int) -> TextFeatures:
    tokens = torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(seed))
    return TextFeatures(tokens, torch.ones(2, 5, dtype=torch.bool))


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_the_small_world_is_small_and_keeps_the_splits(split: str) -> None:
    random = Random(split)
    scenes = [small_scene(random, split) for _ in range(60)]  # type: ignore[arg-type]
    assert {split_of(scene) for scene in scenes} == {split}
    items = [item for scene in scenes for item in scene.items]
    assert {item.object for item in items} <= set(OBJECTS)
    assert {item.colour for item in items} <= set(COLOURS)
    assert {scene.setting for scene in scenes} == set(SETTINGS)
    assert len({scene.kind for scene in scenes}) >= 3


def test_an_example_is_one_scene_at_every_size() -> None:
    words, (large, small) = example("train", "a seed", (64, 16))
    again, (same,) = example("train", "a seed", (64,))
    assert words == again
    np.testing.assert_array_equal(large, same)
    averaged = large.reshape(16, 4, 16, 4, 3).mean((1, 3))
    assert np.corrcoef(averaged.ravel(), small.ravel())[0, 1] > 0.95


def test_pooled_text_is_all_that_the_pooled_network_reads() -> None:
    x, t = torch.randn(2, 3, 64, 64), torch.tensor([0.3, 0.8])
    for network, reads_tokens in ((awake(PooledTextUNet(CONFIG)), False), (awake(UNet(CONFIG)), True)):
        assert (network(x, t, text(1)) - network(x, t, text(2))).abs().max() > 1e-4
        pooled = network.text.pool(text(1))  # type: ignore[union-attr,operator]
        network.text.pool.forward = lambda _, value=pooled: value  # type: ignore[union-attr,method-assign]
        difference = (network(x, t, text(1)) - network(x, t, text(2))).abs().max()
        assert (difference > 1e-4) == reads_tokens


def test_the_base_style_network_starts_from_the_low_resolution_image_and_its_level() -> None:
    network = awake(BaseStyleUpsampler(replace(CONFIG, patch=2)))
    x, t, low = torch.randn(2, 3, 64, 64), torch.tensor([0.3, 0.8]), torch.zeros(2, 3, 16, 16)
    plain = network(x, t, text(1), low, torch.tensor([0.1, 0.1]))
    assert plain.shape == x.shape
    assert (network(x, t, text(1), low + 0.5, torch.tensor([0.1, 0.1])) - plain).abs().max() > 1e-4
    assert (network(x, t, text(1), low, torch.tensor([0.9, 0.9])) - plain).abs().max() > 1e-4


def test_networks_that_are_compared_at_equal_size_have_it() -> None:
    counts = {}
    for name in ("Efficient U-Net", "base-style U-Net", "base", "pooled text", "small text encoder, large U-Net"):
        with torch.device("meta"):
            network = TRAININGS[name].build(TRAININGS[name].config(128))
        counts[name] = sum(parameter.numel() for parameter in network.parameters())
    assert counts["base-style U-Net"] == pytest.approx(counts["Efficient U-Net"], rel=0.03)
    assert counts["pooled text"] == counts["base"]
    assert counts["small text encoder, large U-Net"] > 1.9 * counts["base"]


def test_a_training_is_repeatable_kept_and_differs_by_seed(tmp_path: Path) -> None:
    budget = Budget(1.0, 2, {"base": 2, "upsampling": 2, "text": 2})
    first = trained("base", 0, tmp_path / "a", budget)
    kept = trained("base", 0, tmp_path / "a", budget)
    again = trained("base", 0, tmp_path / "b", budget)
    other = trained("base", 1, tmp_path / "a", budget)
    weights = [torch.cat([p.flatten() for p in found.network.parameters()]) for found in (first, kept, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])
    assert first.log["step"] == 2


def test_without_augmentation_the_low_resolution_image_stays_clean() -> None:
    text = load_text_encoder(BUNDLED / "text_encoder")
    for name, noised in (("Efficient U-Net", True), ("without augmentation", False)):
        task, seen = SmallTraining(TRAININGS[name], text, 8, 0), []
        task.module.register_forward_pre_hook(lambda module, given, seen=seen: seen.append(given[3:5]))
        task.loss(0)
        ((low, levels),) = seen
        clean = from_pixels(task._drawn("train", task.seed, 0).lows)
        assert bool((levels > 0).any()) == noised
        assert torch.allclose(low, clean, atol=0.01) != noised


def test_the_ruler_tells_real_images_from_noise_and_captions_from_others() -> None:
    examples = [example("held_out", f"test {i}") for i in range(80)]
    captions, images = [words for words, _ in examples], [drawn[0] for _, drawn in examples]
    ruler = Ruler.of_images([example("held_out", f"reference {i}")[1][0] for i in range(150)])
    noise = list(np.random.default_rng(0).integers(0, 256, (80, 64, 64, 3), dtype=np.uint8))
    real, shuffled, random = (
        ruler.measure(*pair) for pair in ((images, captions), (images, captions[1:] + captions[:1]), (noise, captions))
    )
    assert real["CLIP score"] > shuffled["CLIP score"] + 0.2 > random["CLIP score"]
    assert real["Fréchet distance"] == shuffled["Fréchet distance"] < 0.5 * random["Fréchet distance"]


def test_drawing_depends_on_the_seed_and_not_on_the_slices() -> None:
    unet = UNetConfig(16, 128, (16, 32), (1, 1), (False, True), head_width=16, embedding_width=32)
    stage = Stage(StageConfig(unet, "v", "cosine"), awake(UNet(unet)))  # type: ignore[arg-type]
    encoder, captions = load_text_encoder(BUNDLED / "text_encoder"), [f"a red car number {i}" for i in range(18)]
    stages = [(stage, encoder, SamplingSettings(2, 2.0))]
    whole, part = (draw(stages, captions[:n], seed=1) for n in (18, 17))
    assert np.abs(np.stack(whole[:17]).astype(int) - np.stack(part).astype(int)).max() <= 1
    other = draw(stages, captions[:1], seed=2)
    assert np.abs(other[0].astype(int) - whole[0].astype(int)).mean() > 3


def test_memory_counts_what_a_gradient_needs() -> None:
    class TwoLayers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (torch.nn.Conv2d(3, 3, 1, bias=False) for _ in range(2))

        def forward(self, x: torch.Tensor, *conditions: object) -> torch.Tensor:
            return self.second(self.first(x).sigmoid())

    found = memory_and_speed(TwoLayers(), text_width=8, batch=2, repeats=1)
    image = 2 * 3 * 64 * 64 * 4 / 2**20  # the input, the sigmoid, and the output that is squared
    assert found["activations, MB"] == pytest.approx(3 * image)
    assert found["images/s, evaluating"] > 0
    assert json.dumps(found)
