"""Sizes of the cascade as data: from the bundled `tiny` to the paper's own hyperparameters."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from reference_model.errors import ReferenceModelError
from reference_model.networks.efficient_unet import EfficientUNet, EfficientUNetConfig
from reference_model.networks.unet import UNet, UNetConfig
from reference_model.sampling.schedules import Prediction
from reference_model.terminal import table
from reference_model.text.pretrained import t5_xxl

UNetConfigs = UNetConfig | EfficientUNetConfig


@dataclass(frozen=True)
class StageConfig:
    """One diffusion model of the cascade: its network, and what the network predicts under which noise schedule."""

    unet: UNetConfigs
    prediction: Prediction
    schedule: str  # a key of diffusion.SCHEDULES

    def __post_init__(self) -> None:
        if isinstance(self.unet, EfficientUNetConfig) and self.unet.residual and self.prediction != "x0":
            raise ReferenceModelError(f"a residual stage predicts x0, not {self.prediction}: set one or the other")

    @property
    def name(self) -> str:
        kind = "base" if isinstance(self.unet, UNetConfig) else "super_resolution"
        return f"{kind}_{self.unet.size}"


Stages = tuple[StageConfig, ...]  # a cascade's, in order: each works on the output of the one before

TINY: Stages = (
    StageConfig(
        UNetConfig(
            size=64,
            text_width=128,
            channels=(32, 64, 128),
            blocks=(1, 2, 2),
            attention=(False, False, True),
            head_width=32,
            embedding_width=256,
            patch=2,
        ),
        "v",
        "cosine",
    ),
    StageConfig(
        EfficientUNetConfig(
            size=256,
            low_size=64,
            text_width=128,
            stem_channels=48,
            channels=(64, 96),
            blocks=(1, 2),
            attention="self and text",
            head_width=32,
            embedding_width=128,
            patch=4,
            residual=True,
        ),
        "x0",
        "cosine",
    ),
    StageConfig(
        EfficientUNetConfig(
            size=1024,
            low_size=256,
            text_width=128,
            stem_channels=48,
            channels=(64, 64, 96),
            blocks=(1, 1, 2),
            attention="text",
            head_width=32,
            embedding_width=128,
            patch=8,
            residual=True,
        ),
        "x0",
        "linear",
    ),
)


def _rich_base(channels: tuple[int, ...]) -> StageConfig:
    """A base for the rich world: text attention at 16 x 16 as well, where a scene's things have places of their own."""
    attention = (False, True, True)
    return StageConfig(
        UNetConfig(64, 128, channels, (1, 2, 2), attention, 32, 256, patch=2, upsample_last=True),
        "v",
        "cosine",
    )


# For the rich world, in training: `rich` for processors (5M), `rich-gpu` for ten minutes of one large GPU (18M).
RICH: Stages = (_rich_base((32, 64, 128)), *TINY[1:])
RICH_GPU: Stages = (_rich_base((64, 128, 256)), *TINY[1:])


def _after_the_paper(base: UNetConfig, stem: int, head_width: int) -> Stages:
    """A base with the Efficient U-Nets of Imagen's app. B.1, whose stem has `stem` channels (the paper's 128)."""

    def above(size: int) -> EfficientUNetConfig:
        return EfficientUNetConfig(
            size=size,
            low_size=size // 4,
            text_width=base.text_width,
            stem_channels=stem,
            channels=(stem, 2 * stem, 4 * stem, 8 * stem),
            blocks=(2, 4, 8, 8),
            attention="self and text" if size == 256 else "text",
            head_width=head_width,
            embedding_width=4 * stem,
        )

    networks = ((base, "cosine"), (above(256), "cosine"), (above(1024), "linear"))
    return tuple(StageConfig(network, "epsilon", schedule) for network, schedule in networks)


def _paper_base(channels: tuple[int, ...], blocks: int, embedding_width: int, text_width: int) -> UNetConfig:
    """A base of Imagen's app. F.1: text attention at every resolution but the first."""
    levels = len(channels)
    attention = (False, *(True,) * (levels - 1))
    return UNetConfig(64, text_width, channels, (blocks,) * levels, attention, 64, embedding_width)


# The paper's own, on T5-XXL's features, and its shape at a fortieth and a fifth of the base's size, on those of T5-base
# and T5-XL. `--text` decides the width of the features that are trained on.
PAPER: Stages = _after_the_paper(_paper_base((512, 1024, 1536, 2048), 3, 2048, text_width=4096), 128, 128)
BASE_50M: Stages = _after_the_paper(_paper_base((64, 128, 256, 256), 3, 512, text_width=768), 32, 64)
BASE_400M: Stages = _after_the_paper(_paper_base((192, 384, 640, 832), 3, 768, text_width=2048), 64, 64)

PRESETS: dict[str, Stages] = {
    "tiny": TINY,
    "rich": RICH,
    "rich-gpu": RICH_GPU,
    "50m": BASE_50M,
    "400m": BASE_400M,
    "paper": PAPER,
}
PUBLISHED_PARAMETERS = {
    "text_encoder": 4.6e9,
    "base_64": 2.0e9,
    "super_resolution_256": 600e6,
    "super_resolution_1024": 400e6,
}


def preset(name: str) -> Stages:
    """A preset by name. Raises ReferenceModelError for an unknown one."""
    if name not in PRESETS:
        raise ReferenceModelError(f"there is no preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def with_text_width(stage: StageConfig, width: int) -> StageConfig:
    """The same stage for a text encoder whose features are `width` wide."""
    return replace(stage, unet=replace(stage.unet, text_width=width))


def build_unet(config: UNetConfigs) -> UNet | EfficientUNet:
    """The network of a stage, with random weights, on torch's current default device."""
    return UNet(config) if isinstance(config, UNetConfig) else EfficientUNet(config)


def parameter_counts(name: str) -> dict[str, int]:
    """Parameters of a preset's networks, the paper's T5-XXL included, on the meta device: no memory is taken."""
    with torch.device("meta"):
        networks: dict[str, nn.Module] = {stage.name: build_unet(stage.unet) for stage in preset(name)}
        if name == "paper":
            networks = {"text_encoder": t5_xxl(), **networks}
        return {part: sum(p.numel() for p in network.parameters()) for part, network in networks.items()}


def main() -> None:
    """`python -m reference_model.networks.presets`: parameter counts of every preset beside the published ones."""
    rows = [("preset", "stage", "parameters", "published", "difference")]
    for name in PRESETS:
        for stage, count in parameter_counts(name).items():
            published = PUBLISHED_PARAMETERS[stage] if name == "paper" else None
            against = (f"{published:,.0f}", f"{count / published - 1:+.1%}") if published else ("-", "-")
            rows.append((name, stage, f"{count:,}", *against))
    print(table(rows, lead=2))


if __name__ == "__main__":
    main()
