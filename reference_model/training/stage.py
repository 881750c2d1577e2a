"""Training of one stage of the cascade on the procedural world: base 64, 64 -> 256, or 256 -> 1024 on aligned crops."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import nn

from reference_model.checkpoint import save_stage
from reference_model.diffusion import SCHEDULES, add_noise, augment_low_resolution, training_target
from reference_model.errors import ReferenceModelError
from reference_model.presets import StageConfig, build_unet, preset, with_text_width
from reference_model.training.embeddings import TextSource, text_source
from reference_model.training.loop import LoopConfig, batch_seeds, train
from reference_model.unet import UNetConfig
from reference_model.world.captions import caption
from reference_model.world.render import Layout, render, sample_layout
from reference_model.world.scene import Scene, Split, sample_scene

TEXT_DROPPED = 0.1  # Imagen, sec. 4.1: so that the same network is the unconditional one of guidance
EVALUATION_SEED, EVALUATION_STEPS = "stage evaluation", 4
CROP = 256  # the 1024 pixel stage trains on crops of this side


class StageTraining:
    """The task: denoise images of scenes, given their captions (and, above 64 pixels, their low-resolution image)."""

    def __init__(self, config: StageConfig, text_encoder: TextSource, batch: int, seed: str) -> None:
        torch.manual_seed(0)
        self.config, self.text_encoder, self.batch, self.seed = config, text_encoder, batch, seed
        self.module: nn.Module = build_unet(config.unet).to(memory_format=torch.channels_last)

    def loss(self, step: int) -> torch.Tensor:
        return self._loss(self.module, "train", self.seed, step)

    @torch.no_grad()
    def evaluate(self, ema: nn.Module) -> dict[str, float]:
        losses = [self._loss(ema, "held_out", EVALUATION_SEED, step) for step in range(EVALUATION_STEPS)]
        return {"held_out_loss": float(torch.stack(losses).mean())}

    def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
        save_stage(folder, self.config, ema, {**log, "batch": self.batch})

    def _loss(self, module: nn.Module, split: Split, seed: str, step: int) -> torch.Tensor:
        """Mean squared error of the network's prediction, at stratified uniform times."""
        examples = [self._example(split, s) for s in batch_seeds(seed, step, self.batch)]
        images = torch.stack([image for image, _, _ in examples]).contiguous(memory_format=torch.channels_last)
        text = self.text_encoder.encode_batch([words for _, _, words in examples])
        generator = torch.Generator().manual_seed(Random(f"{seed}/{step}/noise").getrandbits(63))
        t = (torch.arange(self.batch) + torch.rand(self.batch, generator=generator)) / self.batch
        noise = torch.randn(images.shape, generator=generator)
        keep = torch.rand(self.batch, generator=generator) >= TEXT_DROPPED
        schedule = SCHEDULES[self.config.schedule]
        inputs = (add_noise(schedule, images, noise, t).contiguous(memory_format=torch.channels_last), t, text)
        target = training_target(schedule, self.config.prediction, images, noise, t)
        low = [low for _, low, _ in examples if low is not None]
        if low:
            level = self._aug_levels(generator)
            low_noise = torch.randn(low[0].shape, generator=generator)
            output = module(*inputs, augment_low_resolution(torch.stack(low), low_noise, level), level, keep=keep)
        else:
            output = module(*inputs, keep=keep)
        return (output - target).square().mean()

    def _aug_levels(self, generator: torch.Generator) -> torch.Tensor:
        """Noise conditioning augmentation (Imagen, sec. 2.4): a level in [0, 1] for each image, not for the batch."""
        return torch.rand(self.batch, generator=generator)

    def _example(self, split: Split, seed: str) -> tuple[torch.Tensor, torch.Tensor | None, str]:
        """An image, its low-resolution image if the stage has one, and a caption."""
        random, scene, words = _captioned(split, seed)
        layout = sample_layout(scene, random)
        unet = self.config.unet
        if isinstance(unet, UNetConfig):
            return _to_tensor(render(layout, unet.size)), None, words
        image, low = _aligned_pair(layout, unet.size, unet.low_size, random)
        return _to_tensor(image), _to_tensor(low), words


def _captioned(split: Split, seed: str) -> tuple[Random, Scene, str]:
    """An example's scene and caption, and the random numbers that come after them."""
    random = Random(seed)
    scene = sample_scene(random, split)
    return random, scene, caption(scene, random)


def captions_of_step(stage: str, step: int, batch: int) -> list[str]:
    """The captions that a step of a stage's training will see, without drawing an image."""
    return [_captioned("train", seed)[2] for seed in batch_seeds(_seed(stage), step, batch)]


def evaluation_captions(batch: int) -> Iterator[str]:
    """The captions of a training's own held-out measurements."""
    for step in range(EVALUATION_STEPS):
        yield from (_captioned("held_out", seed)[2] for seed in batch_seeds(EVALUATION_SEED, step, batch))


def _seed(stage: str) -> str:
    return f"stage {stage}"


def _aligned_pair(layout: Layout, size: int, low_size: int, random: Random) -> tuple[np.ndarray, np.ndarray]:
    """The same scene at two sizes; large ones cropped to the same region, on the low-resolution grid."""
    image, low = render(layout, size), render(layout, low_size)
    if size <= CROP:
        return image, low
    factor = size // low_size
    side = CROP // factor
    left, top = random.randrange(low_size - side + 1), random.randrange(low_size - side + 1)
    crop = image[top * factor : top * factor + CROP, left * factor : left * factor + CROP]
    return crop, low[top : top + side, left : left + side]


def _to_tensor(image: np.ndarray) -> torch.Tensor:
    """uint8 (H, W, 3) -> float (3, H, W) in [-1, 1]."""
    return torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 127.5 - 1


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.training.stage --stage base_64 --text ENCODER --out DIR`: trains or resumes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True, help="base_64, super_resolution_256 or super_resolution_1024")
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--text", type=Path, help="folder of the frozen text encoder: T5, BERT or CLIP")
    parser.add_argument("--embeddings", type=Path, help="cache of its features; complete, it replaces --text")
    parser.add_argument("--embeddings-dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--optimizer", choices=("adamw", "muon"), default="adamw")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    stages = {stage.name: stage for stage in preset(args.preset).stages}
    if args.stage not in stages:
        raise ReferenceModelError(
            f"preset {args.preset} has no stage {args.stage!r}: choose one of {', '.join(stages)}"
        )
    text = text_source(args.text, args.embeddings, args.embeddings_dtype)
    task = StageTraining(with_text_width(stages[args.stage], text.width), text, args.batch, _seed(args.stage))
    config = LoopConfig(
        steps=args.steps, minutes=args.minutes, learning_rate=args.learning_rate, optimizer=args.optimizer
    )
    train(task, config, args.out)


if __name__ == "__main__":
    main()
