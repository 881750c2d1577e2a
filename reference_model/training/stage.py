"""Training of one stage of the cascade, on a procedural world or images with captions: base 64, 64 -> 256, 256 -> 1024.

The stages above the base learn from aligned crops.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import nn

from reference_model.cascade import SamplingSettings, Stage, sample_noise
from reference_model.checkpoint import load_stage, save_stage
from reference_model.errors import ReferenceModelError
from reference_model.networks.presets import StageConfig, UNetConfigs, build_unet, preset, with_text_width
from reference_model.networks.unet import UNet, UNetConfig
from reference_model.pixels import from_pixels, to_pixels
from reference_model.sampling.schedules import SCHEDULES, add_noise, augment_low_resolution, training_target
from reference_model.skills.measure import CHECKED_SIZE, draw_requests, skill_rates
from reference_model.text.embedding_cache import text_source
from reference_model.text.encoder import TextEncoder, TextSource
from reference_model.training.image_batches import Cut, ImageBatches
from reference_model.training.options import (
    accumulated,
    add_loop_options,
    add_source_options,
    reported,
    run_training,
    source_of,
)
from reference_model.training.ranks import ALONE, Ranks, joined, own_device
from reference_model.world.examples import Batch, ExampleKind, batch_seeds, captioned, draw_batch
from reference_model.world.scene import Split
from reference_model.world.stream import BatchStream
from reference_model.world.worlds import WORLDS, world_named

LARGEST_CROP = 256  # pixels: super-resolution learns from squares of this side or half its size (Imagen, sec. 2.4)
TEXT_DROPPED = 0.1  # Imagen, sec. 4.1: so that the same network is the unconditional one of guidance
EVALUATION_SEED, EVALUATION_STEPS = "stage evaluation", 4
SKILL_IMAGES, SKILL_SEED = 32, -1  # of the skills in the log; never the scenes that skills are published on
SKILL_SAMPLING = SamplingSettings(8, 2.0)


class StageTraining:
    """The task: denoise images, given their captions (and, above 64 pixels, their low-resolution image).

    They are scenes of a world, unless there are `images`. `workers` processes draw those of a world ahead; which images
    does not depend on how many they are. `ranks` share the batches. `time_exponent`: trained at times u ** it, u
    uniform; below 1 more often at late times, at which an image takes shape. The held-out loss is of uniform times.
    """

    def __init__(
        self,
        config: StageConfig,
        text_encoder: TextSource,
        batch: int,
        seed: str,
        world: str = "small",
        workers: int = 0,
        device: str = "cpu",
        images: ImageBatches | None = None,
        ranks: Ranks = ALONE,
        time_exponent: float = 1.0,
    ) -> None:
        torch.manual_seed(0)
        self.config, self.text_encoder, self.batch, self.seed, self.world = config, text_encoder, batch, seed, world
        self.device = torch.device(device)
        self.images, self.time_exponent = images, time_exponent
        self.stream = images or BatchStream(self._kind("train"), seed, batch, workers, ranks.size)
        self.module: nn.Module = build_unet(config.unet).to(self.device).to(memory_format=torch.channels_last)

    def loss(self, step: int) -> torch.Tensor:
        return self._loss(self.module, self.stream.batch(step), self.seed, step, self.time_exponent)

    @torch.no_grad()
    def evaluate(self, ema: nn.Module) -> dict[str, float]:
        """The held-out loss and, of a world's base, the rates of its skills on images drawn in a few steps."""
        drawn = (self._drawn("held_out", EVALUATION_SEED, step) for step in range(EVALUATION_STEPS))
        batches = drawn if self.images is None else self.images.held_out
        losses = [self._loss(ema, batch, EVALUATION_SEED, step) for step, batch in enumerate(batches)]
        measured = {"held_out_loss": float(torch.stack(losses).mean())} if losses else {}
        return {**measured, **(self._skills(ema) if self.images is None else {"skipped": self.images.skipped.total()})}

    def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
        save_stage(folder, self.config, ema, {**log, "batch": self.batch})

    def load(self, folder: Path) -> int:
        exported = load_stage(folder, self.config.name)
        if exported.config != self.config:
            raise ReferenceModelError(f"{folder} holds another {self.config.name}: start from one of the same preset")
        self.module.load_state_dict(exported.unet.state_dict())
        return int(json.loads((folder / f"{self.config.name}.json").read_text())["training"]["step"])

    def position(self) -> dict[str, Any]:
        """Where the streams of images are; a world's batches have no place but their number."""
        return {} if self.images is None else self.images.position()

    def go_to(self, position: dict[str, Any]) -> None:
        """Go on from there."""
        if self.images is not None:
            self.images.go_to(position)

    def _skills(self, ema: nn.Module) -> dict[str, float]:
        if not (isinstance(ema, UNet) and self.config.unet.size == CHECKED_SIZE):
            return {}
        requests = draw_requests(SKILL_IMAGES, "held_out", SKILL_SEED, self.world)
        text = self.text_encoder.encode_batch([request.text for request in requests]).to(self.device)
        noise = sample_noise([request.seed for request in requests], 0, CHECKED_SIZE, self.device)
        images = Stage(self.config, ema).sample(text, noise, SKILL_SAMPLING)
        rates = skill_rates(to_pixels(images), [request.scene for request in requests], self.world)
        return {f"skill: {skill}": rate for skill, (rate, _) in rates.items()}

    def _kind(self, split: Split) -> ExampleKind:
        """Images of the stage's size, with the low-resolution image if the stage has one."""
        unet = self.config.unet
        if isinstance(unet, UNetConfig):
            return ExampleKind(self.world, split, unet.size)
        return ExampleKind(self.world, split, unet.size, unet.low_size, trained_side(unet))

    def _drawn(self, split: Split, seed: str, step: int) -> Batch:
        """A batch that is drawn now, not ahead."""
        return draw_batch(self._kind(split), batch_seeds(seed, step, self.batch))

    def _aug_levels(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Noise conditioning augmentation (Imagen, sec. 2.4): a level in [0, 1] for each image, not for the batch.

        Half of the images have none, as in sampling; the other levels are squares of uniform numbers.
        """
        levels = torch.rand(count, generator=generator).square()
        return levels * (torch.rand(count, generator=generator) < 0.5)

    def _loss(self, module: nn.Module, batch: Batch, seed: str, step: int, time_exponent: float = 1.0) -> torch.Tensor:
        """Mean squared error of the network's prediction, at powers of stratified uniform times."""
        images = from_pixels(batch.images).to(self.device)
        text = self.text_encoder.encode_batch(batch.captions).to(self.device)
        generator, count = torch.Generator().manual_seed(Random(f"{seed}/{step}/noise").getrandbits(63)), len(images)
        t = (((torch.arange(count) + torch.rand(count, generator=generator)) / count) ** time_exponent).to(self.device)
        noise = torch.randn(images.shape, generator=generator).to(self.device)
        keep = (torch.rand(count, generator=generator) >= TEXT_DROPPED).to(self.device)
        schedule = SCHEDULES[self.config.schedule]
        inputs = (add_noise(schedule, images, noise, t).contiguous(memory_format=torch.channels_last), t, text)
        target = training_target(schedule, self.config.prediction, images, noise, t)
        if batch.lows is not None:
            low = from_pixels(batch.lows).contiguous().to(self.device)
            level = self._aug_levels(count, generator).to(self.device)
            low_noise = torch.randn(low.shape, generator=generator).to(self.device)
            output = module(*inputs, augment_low_resolution(low, low_noise, level), level, keep=keep)
        else:
            output = module(*inputs, keep=keep)
        return (output - target).square().mean()


def trained_side(unet: UNetConfigs) -> int:
    """The side in pixels of what a network is trained on: whole images for a base, squares of them above it."""
    return unet.size if isinstance(unet, UNetConfig) else min(unet.size // 2, LARGEST_CROP)


def captions_of_step(stage: str, step: int, batch: int, world: str = "small") -> list[str]:
    """The captions that a step of a stage's training will see, without drawing an image."""
    return [captioned(world_named(world), "train", seed)[2] for seed in batch_seeds(_seed(stage), step, batch)]


def evaluation_captions(batch: int, world: str = "small") -> Iterator[str]:
    """The captions of a training's own held-out measurements."""
    yield from (request.text for request in draw_requests(SKILL_IMAGES, "held_out", SKILL_SEED, world))
    for step in range(EVALUATION_STEPS):
        for seed in batch_seeds(EVALUATION_SEED, step, batch):
            yield captioned(world_named(world), "held_out", seed)[2]


def _seed(stage: str) -> str:
    return f"stage {stage}"


@reported
def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.training.stage --stage base_64 --text ENCODER --out DIR`: trains or resumes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True, help="base_64, super_resolution_256 or super_resolution_1024")
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--world", choices=WORLDS, default="small")
    add_source_options(parser)
    parser.add_argument("--workers", type=int, default=0, help="processes that draw, or threads that decode, ahead")
    parser.add_argument("--text", type=Path, help="folder of the frozen text encoder: T5, BERT or CLIP")
    parser.add_argument("--embeddings", type=Path, help="cache of its features; complete, it replaces --text")
    parser.add_argument("--embeddings-dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument(
        "--gradient-checkpointing", action="store_true", help="compute the network's blocks twice rather than keep them"
    )
    parser.add_argument(
        "--time-exponent",
        type=float,
        default=1.0,
        help="train at times u ** it, u uniform; below 1 more often at late, noisy times (1)",
    )
    parser.add_argument("--ema-decay", type=float, default=0.999, help="of the average that is exported (0.999)")
    add_loop_options(parser, minutes=60, batch=64)
    args = parser.parse_args(arguments)
    if not 0 < args.time_exponent < float("inf"):
        raise ReferenceModelError(f"--time-exponent is {args.time_exponent:g}: give a number above 0")
    torch.set_num_threads(args.threads)
    device = own_device(args.device)
    stages = {stage.name: stage for stage in preset(args.preset)}
    if args.stage not in stages:
        raise ReferenceModelError(
            f"preset {args.preset} has no stage {args.stage!r}: choose one of {', '.join(stages)}"
        )
    text = text_source(args.text, args.embeddings, args.embeddings_dtype, "cut" if args.data else "refuse")
    if isinstance(text, TextEncoder):
        text.encoder.to(device)
    stage = with_text_width(stages[args.stage], text.width)
    with joined(device) as ranks:
        images = None if args.data is None else _images(args, stage, ranks)
        task = StageTraining(
            stage,
            text,
            args.batch,
            _seed(args.stage),
            args.world,
            args.workers,
            device,
            images,
            ranks,
            args.time_exponent,
        )
        with task.stream:
            more = {"gradient_checkpointing": args.gradient_checkpointing, "ema_decay": args.ema_decay}
            run_training(task, args, ranks=ranks, **more)


def _images(args: argparse.Namespace, stage: StageConfig, ranks: Ranks) -> ImageBatches:
    """What `--data` names, in as many streams as a step has batches."""
    unet, streams = stage.unet, accumulated(args.accumulate, ranks.size)
    cut = Cut(unet.size) if isinstance(unet, UNetConfig) else Cut(unet.size, unet.low_size, trained_side(unet))
    source = source_of(args)
    source.part()  # what is wrong with it is said before anything is written
    return ImageBatches(source, cut, args.batch, _seed(args.stage), streams, ranks, args.workers)


if __name__ == "__main__":
    sys.exit(main())
