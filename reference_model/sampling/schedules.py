"""Noise schedules in continuous time and the algebra between x0, epsilon and v.

The forward process is x_t = alpha(t) x_0 + sigma(t) eps, alpha^2 + sigma^2 = 1, t in [0, 1] from data to noise.
"""

from collections.abc import Callable
from typing import Literal

import torch

Prediction = Literal["epsilon", "v", "x0"]
SIGMA_DATA = 0.5  # standard deviation of images in [-1, 1], about
FIRST_BETA, LAST_BETA, BETAS = 1e-4, 0.02, 1000  # of `linear`
LOG_SNR_LIMIT = 20.0  # |log(alpha^2 / sigma^2)| stays below it, so that no division meets a zero


# alpha and sigma, alpha^2 + sigma^2 = 1, at times t in [0, 1] of any shape.
Schedule = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def cosine(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """alpha = cos(pi t / 2), sigma = sin(pi t / 2): Imagen's schedule of the 64 and 256 pixel stages."""
    log_snr = -2 * torch.log(torch.tan(torch.clamp(t.double(), 1e-9, 1 - 1e-9) * torch.pi / 2))
    return _from_log_snr(log_snr, t)


def linear(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """DDPM's betas from `FIRST_BETA` to `LAST_BETA`, in continuous time: Imagen's schedule at 1024 pixels."""
    time = t.double()
    log_alpha2 = -BETAS * (FIRST_BETA * time + 0.5 * (LAST_BETA - FIRST_BETA) * time**2)
    log_snr = log_alpha2 - torch.log(-torch.expm1(torch.clamp(log_alpha2, max=-1e-12)))
    return _from_log_snr(log_snr, t)


SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "linear": linear}
AUGMENTATION = cosine  # of low-resolution images, whatever their stage's own schedule


def _from_log_snr(log_snr: torch.Tensor, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    log_snr = torch.clamp(log_snr, -LOG_SNR_LIMIT, LOG_SNR_LIMIT)
    return torch.sigmoid(log_snr).sqrt().to(like.dtype), torch.sigmoid(-log_snr).sqrt().to(like.dtype)


def per_image(value: torch.Tensor) -> torch.Tensor:
    """(B,) -> (B, 1, 1, 1), to multiply images."""
    return value[:, None, None, None]


def add_noise(schedule: Schedule, x0: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """x_t = alpha x_0 + sigma eps, with one time per image: x0 (B, C, H, W), t (B,)."""
    alpha, sigma = schedule(t)
    return per_image(alpha) * x0 + per_image(sigma) * noise


def training_target(
    schedule: Schedule, prediction: Prediction, x0: torch.Tensor, noise: torch.Tensor, t: torch.Tensor
) -> torch.Tensor:
    """What the network should output: eps, v = alpha eps - sigma x_0 (Salimans and Ho, arXiv 2202.00512), or x_0."""
    if prediction == "epsilon":
        return noise
    if prediction == "x0":
        return x0
    alpha, sigma = schedule(t)
    return per_image(alpha) * noise - per_image(sigma) * x0


def predicted_x0(
    schedule: Schedule, prediction: Prediction, x: torch.Tensor, output: torch.Tensor, t: torch.Tensor
) -> torch.Tensor:
    """The network's output as an estimate of x_0: (x - sigma eps) / alpha, alpha x - sigma v, or the output itself."""
    if prediction == "x0":
        return output
    alpha, sigma = (per_image(s) for s in schedule(t))
    if prediction == "epsilon":
        return (x - sigma * output) / alpha
    return alpha * x - sigma * output


def augment_low_resolution(low: torch.Tensor, noise: torch.Tensor, aug_level: torch.Tensor) -> torch.Tensor:
    """Noise conditioning augmentation (Imagen, sec. 2.4, fig. A.32): the low-resolution image, noised by its level.

    low, noise (B, 3, h, w); aug_level (B,) in [0, 1], one level per image, read as a time of the cosine schedule.
    """
    return add_noise(AUGMENTATION, low, noise, aug_level)


def denoised_share(aug_level: torch.Tensor) -> torch.Tensor:
    """The multiple of an augmented image that is nearest to the image itself in the mean square: levels (B,) -> (B,).

    alpha s^2 / (alpha^2 s^2 + sigma^2), with s the images' standard deviation, is the c_skip of Karras et al. (arXiv
    2206.00364, table 1) for a process that preserves variance. A network's output is added to it, so as little of the
    augmentation's noise comes through as a linear path must let through.
    """
    alpha, sigma = AUGMENTATION(aug_level)
    return alpha * SIGMA_DATA**2 / (alpha**2 * SIGMA_DATA**2 + sigma**2)
