"""What the findings train, each for the same number of steps, and where its weights are kept."""

import contextlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from experiments.findings.networks import BaseStyleUpsampler, PooledTextUNet
from experiments.findings.small_world import example
from experiments.scorer_tower import save_tower
from reference_model.checkpoint import BUNDLED
from reference_model.networks.efficient_unet import EfficientUNetConfig
from reference_model.networks.presets import StageConfig, UNetConfigs, build_unet, with_text_width
from reference_model.networks.unet import UNetConfig
from reference_model.text.encoder import TextEncoder, load_text_encoder
from reference_model.training.loop import LoopConfig, Task, train
from reference_model.training.stage import StageTraining
from reference_model.training.text import Parsing
from reference_model.world.examples import Batch, batch_seeds
from reference_model.world.scene import Split

Encoder = Literal["large T5", "small T5", "CLIP tower"]
Kind = Literal["base", "upsampling"]
SMALL_WIDTH, SMALL_LAYERS = 32, 1  # of the small T5
TEXT_BATCH, TEXT_STEPS = 48, 1500  # about as the bundled encoder, the large one, was trained
BATCH = 32
DECAY = 0.3  # of a training, in which its learning rate falls to zero
UNLIMITED = 1e9  # minutes: a training ends by its steps, so that a resumed one is the same


@dataclass(frozen=True)
class Training:
    """One network to train. network: other than the reference model's own, where a finding asks for it."""

    name: str
    unet: UNetConfigs
    low_size: int | None = None
    text: Encoder = "large T5"
    network: Literal["reference", "pooled text", "base style"] = "reference"
    augmentation: bool = True

    @property
    def kind(self) -> Kind:
        return "base" if self.low_size is None else "upsampling"

    def config(self, text_width: int) -> StageConfig:
        """v for bases, x0 above them, as in the bundled cascade."""
        return with_text_width(StageConfig(self.unet, "v" if self.kind == "base" else "x0", "cosine"), text_width)

    def build(self, config: StageConfig) -> nn.Module:
        """The network with random weights."""
        if self.network == "reference":
            return build_unet(config.unet)
        assert isinstance(config.unet, UNetConfig)
        return PooledTextUNet(config.unet) if self.network == "pooled text" else BaseStyleUpsampler(config.unet)


_BASE = UNetConfig(16, 128, (48, 96), (1, 2), (False, True), head_width=32, embedding_width=128)
_LARGE_BASE = UNetConfig(16, 128, (72, 144), (1, 2), (False, True), head_width=36, embedding_width=192)
_EFFICIENT = EfficientUNetConfig(
    64, 16, 128, 32, (48, 96), (1, 3), "self and text", head_width=32, embedding_width=128, patch=2
)
_BASE_STYLE = UNetConfig(64, 128, (32, 48, 64), (1, 2, 2), (False, False, True), 32, 128, patch=2)

TRAININGS: dict[str, Training] = {
    training.name: training
    for training in (
        Training("base", _BASE),
        Training("pooled text", _BASE, network="pooled text"),
        Training("small text encoder", _BASE, text="small T5"),
        Training("small text encoder, large U-Net", _LARGE_BASE, text="small T5"),
        Training("CLIP text tower", _BASE, text="CLIP tower"),
        Training("Efficient U-Net", _EFFICIENT, low_size=16),
        Training("without augmentation", _EFFICIENT, low_size=16, augmentation=False),
        Training("base-style U-Net", _BASE_STYLE, low_size=16, network="base style"),
    )
}


class SmallTraining(StageTraining):
    """A stage's training on the reduced world, with weights and data of a seed."""

    def __init__(self, training: Training, text: TextEncoder, batch: int, seed: int) -> None:
        super().__init__(training.config(text.width), text, batch, f"findings {seed}")
        self.training = training
        torch.manual_seed(seed)
        self.module = training.build(self.config).to(memory_format=torch.channels_last)

    def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in ema.state_dict().items()}, folder / "ema.safetensors")
        (folder / "log.json").write_text(json.dumps(log) + "\n")  # last: where it is, the export is whole

    def loss(self, step: int) -> torch.Tensor:
        return self._loss(self.module, self._drawn("train", self.seed, step), self.seed, step)

    def _skills(self, ema: nn.Module) -> dict[str, float]:
        """None: they are of the whole world's scenes."""
        return {}

    def _drawn(self, split: Split, seed: str, step: int) -> Batch:
        """A batch of the reduced world."""
        low_size = self.training.low_size
        sizes = (self.config.unet.size,) if low_size is None else (self.config.unet.size, low_size)
        examples = [example(split, example_seed, sizes) for example_seed in batch_seeds(seed, step, self.batch)]
        images, *lows = (np.stack(drawn) for drawn in zip(*(drawn for _, drawn in examples), strict=True))
        return Batch(tuple(words for words, _ in examples), images, lows[0] if lows else None)

    def _aug_levels(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """As the stages of the cascade are trained, or none."""
        levels = super()._aug_levels(count, generator)
        return levels if self.training.augmentation else torch.zeros_like(levels)


@dataclass(frozen=True)
class Budget:
    """Steps of every training of a kind: what fits into the given CPU minutes, measured once on its first network."""

    minutes: float
    batch: int
    steps: dict[str, int]  # by Kind, and of `text`


def measure_budget(minutes: float, batch: int = BATCH) -> Budget:
    """Steps by the CPU time of one step with one thread, so that a busy machine gives the same budget."""
    text = load_text_encoder(BUNDLED / "text_encoder")
    tasks: dict[str, StageTraining | Parsing] = {
        "base": SmallTraining(TRAININGS["base"], text, batch, 0),
        "upsampling": SmallTraining(TRAININGS["Efficient U-Net"], text, batch, 0),
        "text": Parsing(SMALL_WIDTH, SMALL_LAYERS, TEXT_BATCH, seed="findings"),
    }
    steps = {name: max(1, int(60 * minutes / step_seconds(task))) for name, task in tasks.items()}
    return Budget(minutes, batch, {**steps, "text": min(steps["text"], TEXT_STEPS)})


def step_seconds(task: StageTraining | Parsing, repeats: int = 3) -> float:
    """CPU seconds of one loss and its gradient, rendering included."""
    task.loss(0).backward()
    start = time.process_time()
    for step in range(1, repeats + 1):
        task.module.zero_grad(set_to_none=True)
        task.loss(step).backward()
    return (time.process_time() - start) / repeats


def text_encoder(kind: Encoder, folder: Path, budget: Budget) -> TextEncoder:
    """The bundled T5, a smaller one trained here by the same task, or the bundled scorer's text tower."""
    if kind == "large T5":
        return load_text_encoder(BUNDLED / "text_encoder")
    if kind == "CLIP tower":
        return save_tower(folder / "clip-tower")
    out = folder / "small-t5"
    if not (out / "export" / "model.safetensors").is_file():
        task = Parsing(SMALL_WIDTH, SMALL_LAYERS, TEXT_BATCH, seed="findings")
        config = LoopConfig(budget.steps["text"], UNLIMITED, 1.5e-3, decay_fraction=DECAY, ema_decay=0.99)
        _train(task, config, out)
    return load_text_encoder(out / "export")


def _train(task: Task, config: LoopConfig, out: Path) -> None:
    """Its log goes to stderr: stdout is for the findings."""
    with contextlib.redirect_stdout(sys.stderr):
        train(task, config, out)


@dataclass(frozen=True)
class Trained:
    """A network after training, with the text encoder it reads through and the losses it ended at."""

    task: SmallTraining
    network: nn.Module
    log: dict[str, float]

    @property
    def text(self) -> TextEncoder:
        assert isinstance(self.task.text_encoder, TextEncoder)
        return self.task.text_encoder


def trained(name: str, seed: int, folder: Path, budget: Budget) -> Trained:
    """Train, resume, or read again what has been trained."""
    from safetensors.torch import load_file

    training = TRAININGS[name]
    task = SmallTraining(training, text_encoder(training.text, folder, budget), budget.batch, seed)
    out = folder / f"{name.replace(' ', '-').replace(',', '')}-{seed}"
    if not (out / "export" / "log.json").is_file():
        steps = budget.steps[training.kind]
        config = LoopConfig(steps, UNLIMITED, 1e-3, warmup_steps=min(200, steps), decay_fraction=DECAY)
        _train(task, config, out)
    network = task.module.eval().requires_grad_(False)
    network.load_state_dict(load_file(out / "export" / "ema.safetensors"))
    return Trained(task, network, json.loads((out / "export" / "log.json").read_text()))
