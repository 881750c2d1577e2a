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

# Imagen, app. F.1 (base) and app. B.1 (Efficient U-Nets); T5-XXL features are 4096 wide.
PAPER: Stages = (
    StageConfig(
        UNetConfig(
            size=64,
            text_width=4096,
            channels=(512, 1024, 1536, 2048),
            blocks=(3, 3, 3, 3),
            attention=(False, True, True, True),
            head_width=64,
            embedding_width=2048,
        ),
        "epsilon",
        "cosine",
    ),
    *(
        StageConfig(
            EfficientUNetConfig(
                size=size,
                low_size=size // 4,
                text_width=4096,
                stem_channels=128,
                channels=(128, 256, 512, 1024),
                blocks=(2, 4, 8, 8),
                attention="self and text" if size == 256 else "text",
                head_width=128,
                embedding_width=512,
            ),
            "epsilon",
            "cosine" if size == 256 else "linear",
        )
        for size in (256, 1024)
    ),
)

PRESETS: dict[str, Stages] = {"tiny": TINY, "rich": RICH, "rich-gpu": RICH_GPU, "paper": PAPER}
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
