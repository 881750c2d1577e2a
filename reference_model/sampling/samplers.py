"""Samplers as plain functions of a denoiser (x_t, t) -> estimate of x_0.

times: decreasing, from 1 (noise) to 0 (data), (steps + 1,). noise: called for fresh noise shaped like x.
"""

from collections.abc import Callable
from itertools import pairwise

import torch

from reference_model.sampling.schedules import Schedule

Denoiser = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
NoiseSource = Callable[[], torch.Tensor]
Sampler = Callable[[Denoiser, Schedule, torch.Tensor, torch.Tensor, NoiseSource], torch.Tensor]


def time_steps(steps: int) -> torch.Tensor:
    """Trailing spacing: 1, 1 - 1/steps, ..., 0, so that the first step is at pure noise and the last ends at data."""
    return torch.linspace(1, 0, steps + 1)


def ddpm(
    denoise: Denoiser, schedule: Schedule, x: torch.Tensor, times: torch.Tensor, noise: NoiseSource
) -> torch.Tensor:
    """Ancestral sampling (Ho et al., arXiv 2006.11239, eq. 6-7): the exact posterior q(x_s | x_t, x_0)."""
    for t, s in pairwise(times):
        x0 = denoise(x, t.expand(len(x)))
        (alpha_t, sigma_t), (alpha_s, sigma_s) = schedule(t), schedule(s)
        alpha_ts = alpha_t / alpha_s
        variance_ts = sigma_t**2 - alpha_ts**2 * sigma_s**2
        mean = (alpha_ts * sigma_s**2 * x + alpha_s * variance_ts * x0) / sigma_t**2
        x = mean if s == 0 else mean + (variance_ts.clamp(min=0) * sigma_s**2 / sigma_t**2).sqrt() * noise()
    return x


def ddim(
    denoise: Denoiser, schedule: Schedule, x: torch.Tensor, times: torch.Tensor, noise: NoiseSource
) -> torch.Tensor:
    """Deterministic DDIM (Song et al., arXiv 2010.02502, eq. 12 with eta = 0). `noise` is not used."""
    for t, s in pairwise(times):
        x0 = denoise(x, t.expand(len(x)))
        (alpha_t, sigma_t), (alpha_s, sigma_s) = schedule(t), schedule(s)
        epsilon = (x - alpha_t * x0) / sigma_t
        x = x0 if s == 0 else alpha_s * x0 + sigma_s * epsilon
    return x


def dpm_solver_pp_2m(
    denoise: Denoiser, schedule: Schedule, x: torch.Tensor, times: torch.Tensor, noise: NoiseSource
) -> torch.Tensor:
    """DPM-Solver++(2M) (Lu et al., arXiv 2211.01095, alg. 2): second order in x_0, one evaluation a step.

    The first step and the last, whose end has no noise left, are of first order. `noise` is not used.
    """
    previous: tuple[torch.Tensor, torch.Tensor] | None = None  # (x0, step size) of the step before
    for t, s in pairwise(times):
        x0 = denoise(x, t.expand(len(x)))
        if s == 0:
            return x0
        (alpha_t, sigma_t), (alpha_s, sigma_s) = schedule(t), schedule(s)
        h = torch.log(alpha_s / sigma_s) - torch.log(alpha_t / sigma_t)
        direction = x0
        if previous is not None:
            ratio = previous[1] / h
            direction = x0 + (x0 - previous[0]) / (2 * ratio)
        x = sigma_s / sigma_t * x - alpha_s * torch.expm1(-h) * direction
        previous = (x0, h)
    return x


SAMPLERS: dict[str, Sampler] = {"ddpm": ddpm, "ddim": ddim, "dpmpp_2m": dpm_solver_pp_2m}
