"""Classifier-free guidance and thresholding against diffusers and numpy."""

import numpy as np
import pytest
import torch

from reference_model.sampling import guidance
from reference_model.sampling.guidance import (
    classifier_free_guidance,
    dynamic_threshold,
    rescaled_guidance,
    threshold,
)


def test_guidance_of_one_is_the_conditional_and_of_zero_the_unconditional() -> None:
    conditional, unconditional = torch.randn(2, 3), torch.randn(2, 3)
    torch.testing.assert_close(classifier_free_guidance(conditional, unconditional, 1.0), conditional)
    torch.testing.assert_close(classifier_free_guidance(conditional, unconditional, 0.0), unconditional)
    expected = 3 * conditional - 2 * unconditional
    torch.testing.assert_close(classifier_free_guidance(conditional, unconditional, 3.0), expected)


@pytest.mark.parametrize("scale", [0.5, 1.5, 6.0])
def test_dynamic_thresholding_equals_diffusers(scale: float) -> None:
    from diffusers import DDPMScheduler

    x0 = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * scale
    oracle = DDPMScheduler(thresholding=True, dynamic_thresholding_ratio=0.995, sample_max_value=1e6)
    torch.testing.assert_close(dynamic_threshold(x0), oracle._threshold_sample(x0))


@pytest.mark.parametrize("percentile", [0.0, 0.3, 0.995, 1.0])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_percentile_is_numpys(percentile: float, layout: torch.memory_format) -> None:
    generator = torch.Generator().manual_seed(2)
    ties = torch.randint(0, 9, (3, 3, 8, 8), generator=generator).float()
    for x0 in (ties, torch.randn(3, 3, 8, 8, generator=generator) * 3):
        s = np.maximum(np.quantile(x0.abs().flatten(1).numpy(), percentile, axis=1), 1)[:, None, None, None]
        expected = torch.from_numpy(np.clip(x0.numpy(), -s, s) / s).float()
        torch.testing.assert_close(dynamic_threshold(x0.contiguous(memory_format=layout), percentile), expected)


def test_the_selection_of_other_devices_agrees_with_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    x0 = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(3)) * 4
    ours = dynamic_threshold(x0)

    def kthvalues(values: torch.Tensor, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return guidance._neighbours_anywhere(values, index)

    monkeypatch.setattr(guidance, "_neighbours", kthvalues)
    assert torch.equal(dynamic_threshold(x0), ours)


def test_dynamic_thresholding_is_per_image_and_leaves_quiet_images_alone() -> None:
    quiet, loud = torch.linspace(-0.9, 0.9, 48).reshape(1, 3, 4, 4), torch.linspace(-5, 5, 48).reshape(1, 3, 4, 4)
    both = dynamic_threshold(torch.cat([quiet, loud]))
    torch.testing.assert_close(both[:1], quiet)
    assert both[1].abs().max().item() == pytest.approx(1.0)
    torch.testing.assert_close(both[1, 1] / both[1, 1, 0, 0], loud[0, 1] / loud[0, 1, 0, 0])


def test_static_thresholding_clips_and_none_does_nothing() -> None:
    x0 = torch.tensor([[[[-2.0, 0.5, 3.0]]]])
    assert threshold(x0, "static").flatten().tolist() == [-1.0, 0.5, 1.0]
    assert threshold(x0, "none") is x0


def test_a_cap_limits_what_dynamic_thresholding_divides_by() -> None:
    x0 = torch.full((1, 3, 8, 8), 3.0)
    torch.testing.assert_close(dynamic_threshold(x0, cap=1.5), torch.ones_like(x0))
    x0[..., 0] = 0.6
    torch.testing.assert_close(dynamic_threshold(x0, cap=1.5)[..., 0], torch.full((1, 3, 8), 0.4))
    torch.testing.assert_close(dynamic_threshold(x0)[..., 0], torch.full((1, 3, 8), 0.2))


def test_rescaled_guidance_has_the_spread_of_the_conditional_output() -> None:
    generator = torch.Generator().manual_seed(0)
    conditional = torch.randn(2, 3, 16, 16, generator=generator)
    guided = 5 * conditional + torch.randn(2, 3, 16, 16, generator=generator)
    spread = rescaled_guidance(guided, conditional, 1.0).std(dim=(1, 2, 3))
    torch.testing.assert_close(spread, conditional.std(dim=(1, 2, 3)))
    assert rescaled_guidance(guided, conditional, 0.0) is guided
    between = rescaled_guidance(guided, conditional, 0.5).std(dim=(1, 2, 3))
    assert bool((between < guided.std(dim=(1, 2, 3))).all() and (between > spread).all())
