"""A cascade of DeepFloyd IF's kind, built from diffusers' own parts: what `cascade_speed` measures ours against.

Its U-Nets are UNet2DConditionModel with IF's block types and options, its loop is IFPipeline and
IFSuperResolutionPipeline; weights are random, which changes no time.
"""

import bisect
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from reference_model.cascade import SamplingSettings
from reference_model.networks.presets import StageConfig, build_unet
from reference_model.networks.unet import UNetConfig
from reference_model.text.encoder import TextFeatures

HEADS_OF_POOLING = 4
CROSS_GROUPS = 32  # diffusers normalises text by groups of so many


@dataclass(frozen=True)
class Shape:
    """Of one U-Net, apart from its width. multiples: of the width, per level; each halves the resolution."""

    multiples: tuple[int, ...]
    blocks: tuple[int, ...]
    attention: tuple[bool, ...]
    patch: int = 1  # of a pixel-unshuffle stem; IF has none


# IF's base as published; its super-resolution U-Nets with fewer blocks, so that few parameters do not mean threads of
# four channels. IF has no 1024 pixel stage; this one attends to text alone, as the paper's does.
IF_SHAPES = {
    64: Shape((1, 2, 3, 4), (3, 3, 3, 3), (False, True, True, True)),
    256: Shape((1, 2, 4, 4), (1, 1, 1, 2), (False, False, False, True)),
    1024: Shape((1, 2, 4, 4), (1, 1, 1, 2), (False, False, False, True)),
}


def shape_behind_our_stem(stage: StageConfig) -> Shape:
    """Our own stage's levels and stem: what is left of the difference is how the networks are built."""
    unet = stage.unet
    if isinstance(unet, UNetConfig):
        return Shape(_smallest(unet.channels), unet.blocks, unet.attention, unet.patch)
    levels = (unet.stem_channels, *unet.channels)
    blocks = (unet.blocks[0], *unet.blocks)
    return Shape(_smallest(levels), blocks, (*(False for _ in unet.channels), True), unet.patch)


def _smallest(channels: tuple[int, ...]) -> tuple[int, ...]:
    unit = channels[0]
    for count in channels:
        while count % unit:
            unit = next(u for u in range(unit - 1, 0, -1) if channels[0] % u == 0)
    return tuple(count // unit for count in channels)


class Unshuffled(torch.nn.Module):
    """A U-Net that works on pixel-unshuffled images and looks to a pipeline like one that works on images."""

    def __init__(self, unet: Any, in_channels: int, size: int, patch: int) -> None:
        super().__init__()
        self.unet, self.patch = unet, patch
        self.config = _PixelConfig(in_channels, size)

    @property
    def dtype(self) -> torch.dtype:
        return self.unet.dtype

    @property
    def device(self) -> torch.device:
        return self.unet.device

    def forward(self, sample: torch.Tensor, *args: Any, **options: Any) -> tuple[torch.Tensor]:
        output = self.unet(F.pixel_unshuffle(sample, self.patch), *args, **options)[0]
        return (F.pixel_shuffle(output, self.patch),)


@dataclass(frozen=True)
class _PixelConfig:
    in_channels: int
    sample_size: int


def parameters_of(network: torch.nn.Module) -> int:
    """How many numbers are learnt."""
    return sum(parameter.numel() for parameter in network.parameters())


def our_parameters(stage: StageConfig) -> int:
    """Of our network of a stage."""
    with torch.device("meta"):
        return parameters_of(build_unet(stage.unet))


def equal_width(stage: StageConfig, shape: Shape) -> int:
    """The width whose parameter count is nearest to our stage's, among the even ones."""
    wanted = our_parameters(stage)

    def count(half_width: int) -> int:
        with torch.device("meta"):
            return parameters_of(_unet(stage, shape, 2 * half_width))

    end = 8
    while count(end) < wanted:
        end *= 2
    first = bisect.bisect_left(range(1, end), wanted, key=count) + 1  # counts grow with the width
    return 2 * min(max(1, first - 1), first, key=lambda half: abs(count(half) - wanted))


def build_peer(stage: StageConfig, shape: Shape) -> torch.nn.Module:
    """diffusers' U-Net for a stage, at equal parameters, in the memory format that serves convolutions best."""
    unet = _unet(stage, shape, equal_width(stage, shape)).eval().requires_grad_(False)
    unet = unet.to(memory_format=torch.channels_last)
    if shape.patch == 1:
        return unet
    return Unshuffled(unet, _image_channels(stage), stage.unet.size, shape.patch)


def _image_channels(stage: StageConfig) -> int:
    return 3 if isinstance(stage.unet, UNetConfig) else 6  # above the base, the low-resolution image beside the noisy


def _unet(stage: StageConfig, shape: Shape, width: int) -> Any:
    from diffusers import UNet2DConditionModel

    above, pixels = not isinstance(stage.unet, UNetConfig), shape.patch**2
    channels = tuple(width * multiple for multiple in shape.multiples)
    return UNet2DConditionModel(
        sample_size=stage.unet.size // shape.patch,
        in_channels=_image_channels(stage) * pixels,
        out_channels=6 * pixels,  # IF predicts a variance too
        block_out_channels=channels,
        layers_per_block=shape.blocks,
        down_block_types=tuple(_block("Down", attends) for attends in shape.attention),
        up_block_types=tuple(_block("Up", attends) for attends in reversed(shape.attention)),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        only_cross_attention=above and stage.unet.attention == "text",
        attention_head_dim=width,
        cross_attention_dim=-(-channels[-1] // CROSS_GROUPS) * CROSS_GROUPS,
        cross_attention_norm="group_norm",
        encoder_hid_dim=stage.unet.text_width,
        encoder_hid_dim_type="text_proj",
        addition_embed_type="text",
        addition_embed_type_num_heads=HEADS_OF_POOLING,
        class_embed_type="timestep" if above else None,
        act_fn="gelu",
        time_embedding_act_fn="gelu",
        norm_num_groups=2,
        resnet_time_scale_shift="scale_shift",
        resnet_skip_time_act=True,
        mid_block_scale_factor=2**0.5 if above else 1,
    )


def _block(direction: str, attends: bool) -> str:
    names = {"Down": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D")}
    names["Up"] = ("ResnetUpsampleBlock2D", "SimpleCrossAttnUpBlock2D")
    return names[direction][attends]


class IFCascade:
    """IF's pipelines, one per stage, with DPM-Solver++(2M) or IF's default ancestral scheduler."""

    def __init__(self, stages: list[StageConfig], shapes: list[Shape], scheduler: str) -> None:
        from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, IFPipeline, IFSuperResolutionPipeline

        kind = {"dpm-solver++": DPMSolverMultistepScheduler, "ddpm": DDPMScheduler}[scheduler]
        nothing = {"tokenizer": None, "text_encoder": None, "safety_checker": None, "feature_extractor": None}
        options = {**nothing, "watermarker": None, "requires_safety_checker": False}
        self.networks = [build_peer(stage, shape) for stage, shape in zip(stages, shapes, strict=True)]
        self._pipelines = []
        for stage, network in zip(stages, self.networks, strict=True):
            noise = kind(beta_schedule="squaredcos_cap_v2", thresholding=True, dynamic_thresholding_ratio=0.995)
            if isinstance(stage.unet, UNetConfig):
                pipeline = IFPipeline(unet=network, scheduler=noise, **options)
            else:
                augmentation = DDPMScheduler(beta_schedule="squaredcos_cap_v2")
                pipeline = IFSuperResolutionPipeline(
                    unet=network, scheduler=noise, image_noising_scheduler=augmentation, **options
                )
            pipeline.set_progress_bar_config(disable=True)
            self._pipelines.append(pipeline)

    def generate(self, text: TextFeatures, seed: int, settings: list[SamplingSettings]) -> torch.Tensor:
        """One image per text, by as many stages as there are settings, text encoded before."""
        generator = torch.Generator().manual_seed(seed)
        image: torch.Tensor | None = None
        for pipeline, setting in zip(self._pipelines, settings, strict=False):
            call: dict[str, Any] = {
                "prompt_embeds": text.tokens,
                "negative_prompt_embeds": torch.zeros_like(text.tokens),
                "num_inference_steps": setting.steps,
                "guidance_scale": setting.guidance,
                "generator": generator,
                "output_type": "pt",
            }
            if image is not None:
                call |= {"image": image, "noise_level": round(1000 * setting.aug_level)}
            image = pipeline(**call).images
        assert image is not None
        return image
