"""The cascade (Imagen, fig. A.4): text -> 64 x 64 -> 256 x 256 -> 1024 x 1024."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from reference_model.errors import ReferenceModelError
from reference_model.networks.efficient_unet import EfficientUNet
from reference_model.networks.presets import StageConfig
from reference_model.networks.unet import UNet
from reference_model.pixels import from_pixels, to_pixels
from reference_model.sampling.guidance import (
    DYNAMIC_PERCENTILE,
    Thresholding,
    classifier_free_guidance,
    rescaled_guidance,
    threshold,
)
from reference_model.sampling.samplers import SAMPLERS, Denoiser, NoiseSource, time_steps
from reference_model.sampling.schedules import SCHEDULES, augment_low_resolution, predicted_x0
from reference_model.text.encoder import TextEncoder, TextFeatures, TextSource, stack_features

ROUNDING = 1e-6  # of times that are multiples of 1 / steps in float32


@dataclass(frozen=True)
class SamplingSettings:
    """How a stage is sampled; all of it can change after training.

    guidance: classifier-free guidance weight, 1 is none. It is applied at times from guidance_low to guidance_high (1
    is noise, 0 is data; of n steps the first is at 1, the last at 1/n). At other times the network is asked once, not
    twice (Kynkäänniemi et al., arXiv 2404.07724). guidance_rescale: see `rescaled_guidance`.
    threshold_cap: the most that dynamic thresholding divides by. dynamic_low: below this time it gives way to static.
    aug_level: of the low-resolution image, in [0, 1].
    """

    steps: int
    guidance: float = 1.0
    sampler: str = "dpmpp_2m"
    thresholding: Thresholding = "static"
    percentile: float = DYNAMIC_PERCENTILE
    aug_level: float = 0.0
    guidance_low: float = 0.0
    guidance_high: float = 1.0
    guidance_rescale: float = 0.0
    threshold_cap: float = math.inf
    dynamic_low: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ReferenceModelError(f"steps = {self.steps} cannot be sampled: use 1 or more")
        if self.sampler not in SAMPLERS:
            raise ReferenceModelError(f"there is no sampler {self.sampler!r}: choose one of {', '.join(SAMPLERS)}")
        if self.thresholding not in ("none", "static", "dynamic"):
            raise ReferenceModelError(f"there is no thresholding {self.thresholding!r}: choose none, static or dynamic")
        if not math.isfinite(self.guidance):
            raise ReferenceModelError(f"guidance = {self.guidance} is no weight: use a finite number, 1 for none")
        for name in ("percentile", "aug_level", "guidance_rescale", "dynamic_low"):
            if not 0 <= getattr(self, name) <= 1:
                raise ReferenceModelError(f"{name} = {getattr(self, name)} is outside [0, 1]: use a share, as in 0.5")
        if not self.threshold_cap >= 1:
            raise ReferenceModelError(f"threshold_cap = {self.threshold_cap} would brighten images: use 1 or more")
        if not 0 <= self.guidance_low <= self.guidance_high <= 1:
            interval = f"from guidance_low = {self.guidance_low} to guidance_high = {self.guidance_high}"
            raise ReferenceModelError(f"guidance {interval} is no interval of times: use 0 <= low <= high <= 1")

    def thresholded(self, x0: torch.Tensor, time: float) -> torch.Tensor:
        """An estimate of x_0 at this time, (B, C, H, W), brought back towards [-1, 1]."""
        late = self.thresholding == "dynamic" and time < self.dynamic_low - ROUNDING
        return threshold(x0, "static" if late else self.thresholding, self.percentile, self.threshold_cap)

    def guided_at(self, time: float) -> bool:
        """Whether the network is asked twice, with and without text, at this time."""
        return self.guidance != 1 and self.guidance_low - ROUNDING <= time <= self.guidance_high + ROUNDING


@dataclass
class Stage:
    """A network with the diffusion process it was trained under."""

    config: StageConfig
    unet: UNet | EfficientUNet

    def __post_init__(self) -> None:
        self.unet = self.unet.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    @property
    def size(self) -> int:
        return self.config.unet.size

    def sample(
        self, text: TextFeatures, noise: NoiseSource, settings: SamplingSettings, low: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Images (B, 3, S, S) in [-1, 1]. low: the stage before's images, for super-resolution."""
        schedule = SCHEDULES[self.config.schedule]
        x = noise().contiguous(memory_format=torch.channels_last)  # as the network's output: mixed layouts are slow
        low_pair = None if low is None else self._augment(low, noise, settings)
        denoise = self._denoiser(text, settings, low_pair)
        sampler = SAMPLERS[settings.sampler]
        return sampler(denoise, schedule, x, time_steps(settings.steps).to(x.device), noise).clamp(-1, 1)

    def _augment(
        self, low: torch.Tensor, noise: NoiseSource, settings: SamplingSettings
    ) -> tuple[torch.Tensor, torch.Tensor]:
        level = torch.full((len(low),), settings.aug_level, device=low.device)
        if settings.aug_level == 0:
            return low, level
        return augment_low_resolution(low, noise()[..., : low.shape[2], : low.shape[3]], level), level

    def _denoiser(
        self, text: TextFeatures, settings: SamplingSettings, low: tuple[torch.Tensor, torch.Tensor] | None
    ) -> Denoiser:
        """The network as an estimate of x_0: guided as one batched pair, where guidance is on, then thresholded."""
        schedule, prediction = SCHEDULES[self.config.schedule], self.config.prediction
        conditions: dict[bool, Any] = {}  # the network's, with and without guidance: the same at every step

        def denoise(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            guided = settings.guided_at(float(t[0]))
            if guided not in conditions:
                conditions[guided] = self._prepare(text, low, guided)
            x_in, t_in = (x.repeat(2, 1, 1, 1), t.repeat(2)) if guided else (x, t)
            x_in = x_in.contiguous(memory_format=torch.channels_last)
            output = self.unet.predict(x_in, t_in, conditions[guided])
            if guided:
                conditional, unconditional = output.chunk(2)
                output = classifier_free_guidance(conditional, unconditional, settings.guidance)
                output = rescaled_guidance(output, conditional, settings.guidance_rescale)
            return settings.thresholded(predicted_x0(schedule, prediction, x, output, t), float(t[0]))

        return denoise

    def _prepare(self, text: TextFeatures, low: tuple[torch.Tensor, torch.Tensor] | None, guided: bool) -> Any:
        """What the network is conditioned on; guided, of the batch with its text and once more without."""
        keep = None
        if guided:
            keep = torch.arange(2 * len(text.tokens), device=text.tokens.device) < len(text.tokens)
            text = TextFeatures(text.tokens.repeat(2, 1, 1), text.mask.repeat(2, 1))
            low = None if low is None else (low[0].repeat(2, 1, 1, 1), low[1].repeat(2))
        if isinstance(self.unet, UNet):
            return self.unet.prepare(text, keep)
        if low is None:
            raise ReferenceModelError(f"{self.config.name} needs a low-resolution image: it is no base")
        return self.unet.prepare(text, *low, keep)


@dataclass
class Cascade:
    """A frozen text encoder and the stages, in order of resolution.

    text_cache: where features of texts are looked for before they are encoded, if anywhere.
    """

    name: str
    text_encoder: TextEncoder
    stages: list[Stage]
    device: torch.device = field(default_factory=lambda: torch.device("cpu"), init=False)
    text_cache: TextSource | None = field(default=None, init=False)

    def to(self, device: torch.device) -> None:
        """Move every network; noise is still drawn on the CPU, so that seeds mean the same everywhere."""
        self.device = device
        self.text_encoder.encoder.to(device)
        for stage in self.stages:
            stage.unet.to(device)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(stage.size for stage in self.stages)

    def generate(
        self, texts: Sequence[str], seeds: Sequence[int], size: int, settings: Sequence[SamplingSettings]
    ) -> np.ndarray:
        """uint8 images (B, size, size, 3). settings: one per stage; stages above `size` do not run.

        Noise comes from one CPU generator per (sample, stage), so that sizes share one base image, and no image depends
        on its neighbours in the batch or on the device.
        """
        return self.generate_stages(texts, seeds, size, settings)[size]

    @torch.inference_mode()
    def generate_stages(
        self,
        texts: Sequence[str],
        seeds: Sequence[int],
        size: int,
        settings: Sequence[SamplingSettings],
        low: np.ndarray | None = None,
    ) -> dict[int, np.ndarray]:
        """What `generate` makes and what it is made from: the images of every stage up to `size`, by their size.

        low: uint8 (B, s, s, 3), to start from in place of what the stages up to s pixels would make.
        """
        start = 0 if low is None else low.shape[1]
        sides = [stage.size for stage in self.stages if start < stage.size <= size]
        if size not in sides or (start and start not in self.sizes):
            begun = f" from {start}" if start else ""
            raise ReferenceModelError(f"this cascade makes images of {self.sizes} pixels, not of {size}{begun}")
        unique = {text: self._encode(text) for text in dict.fromkeys(texts)}
        features = stack_features([unique[text] for text in texts]).to(self.device)
        images = None if low is None else from_pixels(low).contiguous().to(self.device)
        made: dict[int, np.ndarray] = {}
        for index, (stage, setting) in enumerate(zip(self.stages, settings, strict=False)):
            if stage.size in sides:
                noise = sample_noise(seeds, index, stage.size, self.device)
                images = stage.sample(features, noise, setting, images)
                made[stage.size] = to_pixels(images)
        return made

    def _encode(self, text: str) -> torch.Tensor:
        """Features (L, D) of one text. A cache holds those of texts encoded alone, too: the same to the last bit."""
        if self.text_cache is not None:
            return self.text_cache.encode_batch([text]).tokens[0]
        return self.text_encoder.encode(text)


def sample_noise(seeds: Sequence[int], stage: int, size: int, device: torch.device) -> NoiseSource:
    """Normal noise (B, 3, size, size), each image's from its own CPU generator, seeded by sample and stage."""
    generators = [torch.Generator().manual_seed(seed * 8 + stage) for seed in seeds]  # seeds have 53 bits

    def draw() -> torch.Tensor:
        return torch.stack([torch.randn(3, size, size, generator=g) for g in generators]).to(device)

    return draw
