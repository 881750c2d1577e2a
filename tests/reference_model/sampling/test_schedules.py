"""Schedules and the algebra between x0, epsilon and v."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reference_model.sampling.schedules import (
    AUGMENTATION,
    SCHEDULES,
    SIGMA_DATA,
    Prediction,
    add_noise,
    augment_low_resolution,
    denoised_share,
    predicted_x0,
    training_target,
)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_schedules_keep_the_variance_and_lose_the_signal(name: str) -> None:
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    alpha, sigma = SCHEDULES[name](t)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(t))
    assert (alpha.diff() <= 0).all()
    assert alpha[0] > 0.999
    assert alpha[-1] < 0.01


def test_the_cosine_schedule_is_a_cosine() -> None:
    t = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)
    alpha, _ = SCHEDULES["cosine"](t)
    torch.testing.assert_close(alpha, torch.cos(t * torch.pi / 2))


def test_the_linear_schedule_is_ddpms_product_of_betas() -> None:
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    product = torch.cumprod(1 - betas, 0)
    alpha, _ = SCHEDULES["linear"](torch.arange(1, 1001, dtype=torch.float64) / 1000)
    torch.testing.assert_close(alpha[:800] ** 2, product[:800], rtol=0.05, atol=1e-4)


@given(
    prediction=st.sampled_from(["v", "epsilon", "x0"]),
    name=st.sampled_from(sorted(SCHEDULES)),
    t=st.floats(0.05, 0.95),
    seed=st.integers(0, 99),
)
def test_the_target_tells_x0(prediction: Prediction, name: str, t: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x0, noise = (torch.randn(2, 3, 4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    times = torch.full((2,), t, dtype=torch.float64)
    schedule = SCHEDULES[name]
    target = training_target(schedule, prediction, x0, noise, times)
    found = predicted_x0(schedule, prediction, add_noise(schedule, x0, noise, times), target, times)
    torch.testing.assert_close(found, x0, rtol=1e-6, atol=1e-6)


def test_each_image_is_augmented_by_its_own_level() -> None:
    low, noise = torch.ones(3, 3, 2, 2), torch.full((3, 3, 2, 2), -1.0)
    mixed = augment_low_resolution(low, noise, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(mixed[0], low[0], atol=1e-3, rtol=0)
    torch.testing.assert_close(mixed[1], torch.zeros(3, 2, 2), atol=1e-6, rtol=0)
    torch.testing.assert_close(mixed[2], noise[2], atol=1e-3, rtol=0)


def test_the_denoised_share_is_nearest_to_the_image_of_all_multiples() -> None:
    generator = torch.Generator().manual_seed(3)
    image = SIGMA_DATA * torch.randn(200_000, generator=generator)
    noise = torch.randn(200_000, generator=generator)
    for level in (0.0, 0.1, 0.5, 0.9, 1.0):
        alpha, sigma = AUGMENTATION(torch.tensor([level]))
        augmented = alpha * image + sigma * noise
        best = (augmented @ image) / (augmented @ augmented)
        assert float(denoised_share(torch.tensor([level]))) == pytest.approx(float(best), abs=0.01)
    assert float(denoised_share(torch.tensor([0.0]))) == pytest.approx(1)
