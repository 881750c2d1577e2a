"""Samplers against the closed form on Gaussian data, and against diffusers' schedulers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_model.cascade import SamplingSettings, Stage
from reference_model.networks.presets import StageConfig
from reference_model.networks.unet import UNet, UNetConfig
from reference_model.sampling.samplers import SAMPLERS, ddim, ddpm, dpm_solver_pp_2m, time_steps
from reference_model.sampling.schedules import cosine
from reference_model.text.encoder import TextFeatures

SCHEDULE = cosine
MEAN, DEVIATION = 0.4, 0.3


def gaussian_denoiser(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """E[x_0 | x_t] where every value of x_0 is N(MEAN, DEVIATION^2)."""
    alpha, sigma = (s[:, None, None, None] for s in SCHEDULE(t))
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
    alpha, _ = SCHEDULE(times.flip(0))
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


class GaussianNetwork(UNet):
    """Predicts x_0 of N(mean, DEVIATION^2), whose mean is 0.4 with its text and -0.2 without."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.evaluations: list[int] = []

    def prepare(self, text: TextFeatures, keep: torch.Tensor | None = None) -> torch.Tensor:  # type: ignore[override]
        kept = torch.ones(len(text.mask), dtype=torch.bool) if keep is None else keep
        return torch.where(kept, WITH_TEXT, WITHOUT_TEXT)[:, None, None, None]

    def predict(self, x: torch.Tensor, t: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        self.evaluations.append(len(x))
        alpha, sigma = (s[:, None, None, None] for s in SCHEDULE(t))
        return mean + alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2) * (x - alpha * mean)


WITH_TEXT, WITHOUT_TEXT = 0.4, -0.2


def exact_flow(x: torch.Tensor, means: list[tuple[float, float]]) -> torch.Tensor:
    """The flow of Gaussian data from t = 1, whose mean is `mean` down to the time beside it: quantiles stay."""
    start = torch.tensor(1.0, dtype=x.dtype)
    for mean, end in means:
        times = torch.stack([start, torch.tensor(end, dtype=x.dtype)])
        (alpha, end_alpha), (sigma, end_sigma) = SCHEDULE(times)
        spread, end_spread = ((a**2 * DEVIATION**2 + s**2).sqrt() for a, s in ((alpha, sigma), (end_alpha, end_sigma)))
        x = end_alpha * mean + end_spread * (x - alpha * mean) / spread
        start = times[1]
    return x


def gaussian_stage() -> Stage:
    unet = UNetConfig(16, 4, (8,), (1,), (False,))
    return Stage(StageConfig(unet, "x0", "cosine"), GaussianNetwork())


@pytest.mark.parametrize("sampler", ["ddim", "dpmpp_2m"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.25, 0.75), (0.5, 1.0), (0.0, 0.5)])
def test_guidance_on_part_of_the_times_follows_the_closed_form(sampler: str, low: float, high: float) -> None:
    """Guidance of two Gaussians of one deviation is a Gaussian around the guided mean: the flow is known throughout."""
    weight, steps = 2.0, 400
    guided = WITHOUT_TEXT + weight * (WITH_TEXT - WITHOUT_TEXT)
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(6), dtype=torch.float64) * 0.5
    text = TextFeatures(torch.zeros(2, 1, 4), torch.ones(2, 1, dtype=torch.bool))
    settings = SamplingSettings(steps, weight, sampler, "none", guidance_low=low, guidance_high=high)
    stage = gaussian_stage()
    found = stage.sample(text, lambda: x, settings)
    # The interval holds its ends: a step from `low` is guided down to the time after it.
    after = max(0.0, low - 1 / steps)
    expected = exact_flow(x, [(WITH_TEXT, high), (guided, after), (WITH_TEXT, 0.0)]).clamp(-1, 1)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.01)
    network = stage.unet
    assert isinstance(network, GaussianNetwork)
    inside = sum(low <= 1 - i / steps <= high for i in range(steps))
    assert sorted(network.evaluations) == [2] * (steps - inside) + [4] * inside


def test_times_at_the_ends_of_the_interval_are_guided_for_any_number_of_steps() -> None:
    for steps in range(1, 65):
        for index, time in enumerate(time_steps(steps)[:-1]):
            edge = 1 - index / steps  # in double precision; times are single
            assert SamplingSettings(steps, 2.0, guidance_low=edge).guided_at(float(time))
            assert SamplingSettings(steps, 2.0, guidance_high=edge).guided_at(float(time))
    assert not SamplingSettings(4, 1.0).guided_at(0.5)
    assert not SamplingSettings(4, 2.0, guidance_low=0.6).guided_at(0.5)
