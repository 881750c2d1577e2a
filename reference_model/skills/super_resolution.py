"""What the super-resolution stages do to true images, beside bicubic interpolation.

`python -m reference_model.skills.super_resolution --checkpoint FOLDER` starts each stage from true renderings of
held-out scenes at its low resolution, and compares what it makes of them with the true renderings at its own.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from reference_model.cascade import Cascade, SamplingSettings, Stage, sample_noise
from reference_model.checkpoint import load_cascade
from reference_model.errors import with_exit_code
from reference_model.networks.efficient_unet import EfficientUNetConfig, enlarge
from reference_model.pixels import averaged, from_pixels, to_pixels
from reference_model.skills.measure import CHECKED_SIZE, draw_requests, wilson_interval
from reference_model.terminal import table
from reference_model.text.encoder import TextFeatures
from reference_model.world.worlds import WORLDS, World, world_named

SKILLS = ("object", "colour", "count", "relation", "word")  # the setting is the whole background: it always survives


@dataclass(frozen=True)
class Fidelity:
    """Of one stage. Values in dB are mean peak signal-to-noise ratios against the true image, of n images.

    survival: per skill that a true image shows when it is averaged down to 64 pixels: in how many of how many the
    stage's sample shows it too.
    """

    stage: str
    n: int
    bicubic: float
    one_step: float
    samples: float
    survival: dict[str, tuple[int, int]]


def measure_stage(stage: Stage, cascade: Cascade, settings: SamplingSettings, n: int, world: str) -> Fidelity:
    """A stage on n held-out scenes, one at a time, which bounds the memory that large images take."""
    known, config = world_named(world), stage.config.unet
    assert isinstance(config, EfficientUNetConfig)
    ratios, survival = [], {skill: [0, 0] for skill in SKILLS}
    for number, request in enumerate(draw_requests(n, "held_out", world=world)):
        layout = known.sample_layout(request.scene, Random(f"super-resolution {number}"))
        true, low = (known.render(layout, size) for size in (config.size, config.low_size))
        features = cascade.text_encoder.encode_batch([request.text])
        made = _made(stage, features, from_pixels(low[None].copy()), settings, request.seed)
        ratios.append([peak_signal_to_noise(image, true) for image in made])
        _count_survivors(survival, known, made[-1], true, request.scene)
        if (number + 1) % 20 == 0:
            print(f"{stage.config.name}: {number + 1} of {n} images", file=sys.stderr)
    bicubic, one_step, samples = np.mean(ratios, axis=0)
    kept = {skill: (found, shown) for skill, (found, shown) in survival.items() if shown}
    return Fidelity(stage.config.name, n, float(bicubic), float(one_step), float(samples), kept)


def peak_signal_to_noise(image: np.ndarray, true: np.ndarray) -> float:
    """10 log10(255^2 / mean squared error) of two uint8 images, in dB; equal ones count as one value off by one."""
    error = np.square(image.astype(np.float64) - true).mean()
    return float(10 * np.log10(255**2 / max(error, 1 / true.size)))


@torch.inference_mode()
def _made(
    stage: Stage, text: TextFeatures, low: torch.Tensor, settings: SamplingSettings, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one low-resolution image (1, 3, h, w): bicubic interpolation, the estimate of x_0 from noise, and a sample."""
    noise = sample_noise([seed], 1, stage.size, torch.device("cpu"))
    config = stage.config.unet
    assert isinstance(config, EfficientUNetConfig)
    bicubic = enlarge(low, config.size / config.low_size).clamp(-1, 1)
    one_step = stage.sample(text, noise, SamplingSettings(1, thresholding="static"), low)
    sample = stage.sample(text, noise, settings, low)
    first, second, third = (to_pixels(image)[0] for image in (bicubic, one_step, sample))
    return first, second, third


def _count_survivors(
    survival: dict[str, list[int]], world: World, image: np.ndarray, true: np.ndarray, scene: Any
) -> None:
    shown = world.check_image(averaged(true, CHECKED_SIZE), scene)
    still = world.check_image(averaged(image, CHECKED_SIZE), scene)
    for skill in survival:
        if shown.get(skill):
            survival[skill][0] += still[skill]
            survival[skill][1] += 1


def fidelity_tables(rows: Sequence[Fidelity]) -> str:
    """For the terminal."""
    head = ("stage, dB", "n", "bicubic", "one step", "samples")
    fidelity = [(r.stage, f"{r.n}", f"{r.bicubic:.2f}", f"{r.one_step:.2f}", f"{r.samples:.2f}") for r in rows]
    survival = [("survive a stage", "n", "rate", "95% interval")]
    for row in rows:
        for skill, (found, shown) in row.survival.items():
            low, high = wilson_interval(found / shown, shown)
            name = f"{row.stage.removeprefix('super_resolution_')}: {skill}"
            survival.append((name, f"{shown}", f"{found / shown:.1%}", f"{low:.1%} to {high:.1%}"))
    return f"{table([head, *fidelity])}\n\n{table(survival)}\nintervals by Wilson"


@with_exit_code
def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.skills.super_resolution`: a row for each stage above the base."""
    parser = argparse.ArgumentParser(prog="python -m reference_model.skills.super_resolution", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="a cascade's folder")
    parser.add_argument("--world", choices=WORLDS, default="small")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--aug-level", type=float, default=0.0)
    parser.add_argument("-n", type=int, default=200, help="scenes for each stage")
    args = parser.parse_args(arguments)
    cascade = load_cascade(args.checkpoint)
    settings = SamplingSettings(args.steps, aug_level=args.aug_level)
    rows = [measure_stage(stage, cascade, settings, args.n, args.world) for stage in cascade.stages[1:]]
    print(fidelity_tables(rows))


if __name__ == "__main__":
    sys.exit(main())
