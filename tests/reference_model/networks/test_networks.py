"""Both U-Nets: padding is ignored, dropped text is one learnt text, sizes follow the configuration."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from reference_model.errors import ReferenceModelError
from reference_model.networks.efficient_unet import EfficientUNet, EfficientUNetConfig
from reference_model.networks.layers import TextAttention
from reference_model.networks.presets import PRESETS, PUBLISHED_PARAMETERS, TINY, build_unet, parameter_counts, preset
from reference_model.networks.unet import UNet, UNetConfig
from reference_model.sampling.schedules import denoised_share
from reference_model.text.encoder import TextFeatures

BASE = UNetConfig(64, 32, (16, 32), (1, 1), (False, True), head_width=16, embedding_width=32, patch=4)
SUPER = EfficientUNetConfig(
    256, 64, 32, 16, (16, 32), (1, 1), "self and text", head_width=16, embedding_width=32, patch=8
)


def awake(network: torch.nn.Module) -> torch.nn.Module:
    """Give the zero-initialised layers weights, so that every path counts."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear) and not module.weight.any():
            module.reset_parameters()
    return network.eval()


def text(length: int = 5, padding: int = 0) -> TextFeatures:
    tokens = torch.randn(2, length, 32, generator=torch.Generator().manual_seed(1))
    garbage = torch.full((2, padding, 32), 9.0)
    mask = (torch.arange(length + padding) < length).expand(2, -1)
    return TextFeatures(torch.cat([tokens, garbage], dim=1), mask)


def call(network: torch.nn.Module, words: TextFeatures, keep: torch.Tensor | None = None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    size = 64 if isinstance(network, UNet) else 128
    x, t = torch.randn(2, 3, size, size, generator=generator), torch.tensor([0.2, 0.7])
    low = (torch.randn(2, 3, size // 4, size // 4, generator=generator), torch.tensor([0.0, 0.3]))
    extra = () if isinstance(network, UNet) else low
    with torch.inference_mode():
        return network(x, t, words, *extra, keep=keep)


NETWORKS = [
    pytest.param(lambda: UNet(BASE), id="base"),
    pytest.param(lambda: UNet(replace(BASE, upsample_last=True)), id="base, upsampled last"),
    pytest.param(lambda: EfficientUNet(SUPER), id="self and text"),
    pytest.param(lambda: EfficientUNet(replace(SUPER, attention="text")), id="text"),
]


@pytest.mark.parametrize("build", NETWORKS)
def test_padding_changes_nothing(build) -> None:  # type: ignore[no-untyped-def]
    network = awake(build())
    torch.testing.assert_close(call(network, text()), call(network, text(padding=7)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("build", NETWORKS)
def test_text_matters_until_it_is_dropped(build) -> None:  # type: ignore[no-untyped-def]
    network = awake(build())
    words, others = text(), TextFeatures(torch.randn(2, 5, 32), text().mask)
    assert (call(network, words) - call(network, others)).abs().max() > 1e-4
    dropped = torch.tensor([False, False])
    torch.testing.assert_close(call(network, words, dropped), call(network, others, dropped))
    half = call(network, words, torch.tensor([True, False]))
    torch.testing.assert_close(half[0], call(network, words)[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(half[1], call(network, words, dropped)[1], rtol=1e-4, atol=1e-4)


def test_super_resolution_starts_from_the_low_resolution_image_and_its_level() -> None:
    network = awake(EfficientUNet(SUPER))
    x, t = torch.randn(1, 3, 128, 128), torch.tensor([0.5])
    words = TextFeatures(text().tokens[:1], text().mask[:1])
    low = torch.zeros(1, 3, 32, 32)
    with torch.inference_mode():
        plain = network(x, t, words, low, torch.tensor([0.0]))
        assert (network(x, t, words, low + 0.5, torch.tensor([0.0])) - plain).abs().max() > 1e-4
        assert (network(x, t, words, low, torch.tensor([0.9])) - plain).abs().max() > 1e-4


def test_a_residual_network_adds_to_the_denoised_share_of_the_low_resolution_image() -> None:
    plain, residual = EfficientUNet(SUPER).eval(), EfficientUNet(replace(SUPER, residual=True)).eval()
    residual.load_state_dict(plain.state_dict())
    x, t, level = torch.randn(2, 3, 128, 128), torch.tensor([0.5, 0.5]), torch.tensor([0.0, 0.6])
    low = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        added = residual(x, t, text(), low, level) - plain(x, t, text(), low, level)
    bicubic = F.interpolate(low, size=(128, 128), mode="bicubic", align_corners=False)
    torch.testing.assert_close(added, denoised_share(level)[:, None, None, None] * bicubic, rtol=1e-4, atol=1e-5)
    assert float(denoised_share(level)[1]) < 0.5


def test_a_residual_stage_of_noise_is_refused() -> None:
    with pytest.raises(ReferenceModelError, match="predicts x0"):
        replace(TINY[1], prediction="v")


@pytest.mark.parametrize("patch", [1, 4])
def test_the_stem_is_a_1x1_convolution_of_both_images_unshuffled_side_by_side(patch: int) -> None:
    network = awake(EfficientUNet(replace(SUPER, patch=patch)))
    assert isinstance(network, EfficientUNet)
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(2, 3, 64, 64, generator=generator).contiguous(memory_format=torch.channels_last)
    low, level = torch.randn(2, 3, 16, 16, generator=generator), torch.tensor([0.1, 0.6])
    seen = []
    network.stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        network(x, torch.tensor([0.3, 0.8]), text(), low, level)
        large = F.interpolate(low, size=(64, 64), mode="bilinear", align_corners=False)
        expected = network.mix(F.pixel_unshuffle(torch.cat([x, large], dim=1), patch))
    torch.testing.assert_close(seen[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("build", NETWORKS)
def test_what_is_prepared_once_serves_every_step(build) -> None:  # type: ignore[no-untyped-def]
    network = awake(build())
    calls = []
    for module in network.modules():
        if isinstance(module, TextAttention):
            module.text_kv.register_forward_hook(lambda *_: calls.append(1))
    size = 64 if isinstance(network, UNet) else 128
    low = (torch.randn(2, 3, size // 4, size // 4), torch.tensor([0.0, 0.3]))
    extra, keep = () if isinstance(network, UNet) else low, torch.tensor([True, False])
    with torch.inference_mode():
        prepared = network.prepare(text(), *extra, keep=keep)
        once = len(calls)
        for time in (0.9, 0.2):
            x, t = torch.randn(2, 3, size, size), torch.full((2,), time)
            step = network.predict(x, t, prepared)
            assert len(calls) == once > 0
            assert torch.equal(step, network(x, t, text(), *extra, keep=keep))
            calls.clear()
            calls.extend([1] * once)


@pytest.mark.parametrize("stage", TINY, ids=lambda stage: stage.name)
def test_an_untrained_stage_answers_in_the_shape_of_its_image(stage) -> None:  # type: ignore[no-untyped-def]
    network = build_unet(stage.unet)
    side = min(256, stage.unet.size)
    words = TextFeatures(torch.randn(1, 4, stage.unet.text_width), torch.ones(1, 4, dtype=torch.bool))
    x, t = torch.randn(1, 3, side, side), torch.tensor([0.5])
    extra = () if isinstance(network, UNet) else (torch.zeros(1, 3, side // 4, side // 4), torch.tensor([0.1]))
    with torch.inference_mode():
        assert network(x, t, words, *extra).shape == x.shape


def test_the_papers_sizes_instantiate_without_memory() -> None:
    counts = parameter_counts("paper")
    assert counts.keys() == PUBLISHED_PARAMETERS.keys()
    for stage, count in counts.items():
        assert count == pytest.approx(PUBLISHED_PARAMETERS[stage], rel=0.5)


@pytest.mark.parametrize(("name", "base", "above"), [("50m", 50e6, 30e6), ("400m", 400e6, 127e6)])
def test_sizes_between_are_what_they_are_called(name: str, base: float, above: float) -> None:
    counts = list(parameter_counts(name).values())
    assert counts == pytest.approx([base, above, above], rel=0.03)


def test_presets_are_found_by_name() -> None:
    assert preset("tiny") is PRESETS["tiny"]
    with pytest.raises(ValueError, match="tiny, rich, rich-gpu, 50m, 400m, paper"):
        preset("huge")
