"""Samplers against the closed form on Gaussian data, and against diffusers' schedulers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_model.diffusion import CosineSchedule
from reference_model.samplers import SAMPLERS, ddim, ddpm, dpm_solver_pp_2m, time_steps

SCHEDULE = CosineSchedule()
MEAN, DEVIATION = 0.4, 0.3


def gaussian_denoiser(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """E[x_0 | x_t] where every value of x_0 is N(MEAN, DEVIATION^2)."""
    alpha, sigma = (s[:, None, None, None] for s in SCHEDULE.alpha_sigma(t))
    gain = alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)
    return MEAN + gain * (x - alpha * MEAN)


@pytest.mark.parametrize(
    ("name", "steps", "tolerance"), [("ddpm", 200, 0.01), ("ddim", 200, 0.01), ("dpmpp_2m", 30, 0.01)]
)
def test_samples_of_gaussian_data_have_its_mean_and_deviation(name: str, steps: int, tolerance: float) -> None:
    generator = torch.Generator().manual_seed(0)

    def noise() -> torch.Tensor:
        return torch.randn(16, 3, 64, 64, generator=generator)

    samples = SAMPLERS[name](gaussian_denoiser, SCHEDULE, noise(), time_steps(steps), noise)
    assert samples.mean().item() == pytest.approx(MEAN, abs=tolerance)
    assert samples.std().item() == pytest.approx(DEVIATION, abs=tolerance)


def test_the_second_order_solver_is_nearer_to_the_exact_flow_than_ddim() -> None:
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    exact = MEAN + DEVIATION * x  # the flow of a Gaussian keeps every value's quantile
    errors = {
        sampler: (sampler(gaussian_denoiser, SCHEDULE, x, time_steps(12).double(), lambda: x) - exact).abs().mean()
        for sampler in (ddim, dpm_solver_pp_2m)
    }
    assert errors[dpm_solver_pp_2m] < 0.7 * errors[ddim]


@settings(max_examples=10, deadline=None)
@given(name=st.sampled_from(sorted(SAMPLERS)), steps=st.integers(1, 7))
def test_a_denoiser_that_knows_the_image_ends_at_it(name: str, steps: int) -> None:
    image = torch.rand(1, 3, 4, 4) * 2 - 1
    end = SAMPLERS[name](
        lambda x, t: image, SCHEDULE, torch.randn(1, 3, 4, 4), time_steps(steps), lambda: torch.randn(1, 3, 4, 4)
    )
    torch.testing.assert_close(end, image)


@pytest.mark.parametrize("name", ["ddim", "ddpm"])
def test_one_step_equals_diffusers(name: str) -> None:
    """diffusers works on a table of alphas: given our alphas at its steps, its update must be ours."""
    from diffusers import DDIMScheduler, DDPMScheduler

    steps = 10
    times = time_steps(steps)[:-1].double()
    alpha, _ = SCHEDULE.alpha_sigma(times.flip(0))
    betas = 1 - alpha**2 / torch.cat([torch.ones(1, dtype=torch.float64), alpha[:-1] ** 2])
    kind = {"ddim": DDIMScheduler, "ddpm": DDPMScheduler}[name]
    oracle = kind(num_train_timesteps=steps, trained_betas=betas.numpy(), prediction_type="sample", clip_sample=False)
    oracle.set_timesteps(steps)
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    x0 = x * 0.3 + 0.1
    index = 6  # from t = 0.7 to t = 0.6
    generator = torch.Generator().manual_seed(9)
    theirs = oracle.step(x0, index, x, generator=generator).prev_sample
    draw = torch.randn(x.shape, generator=torch.Generator().manual_seed(9), dtype=x.dtype)
    pair = torch.tensor([0.7, 0.6], dtype=torch.float64)
    ours = {"ddim": ddim, "ddpm": ddpm}[name](lambda x, t: x0, SCHEDULE, x, pair, lambda: draw)
    torch.testing.assert_close(ours, theirs.to(ours.dtype), rtol=1e-5, atol=1e-5)
