"""The options that all trainings have on their command lines."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import get_args

import torch

from reference_model.errors import ReferenceModelError, with_exit_code
from reference_model.training.image_source import ImageSource
from reference_model.training.loop import LoopConfig, OptimizerName, Precision, Task, annealed, train
from reference_model.training.ranks import ALONE, Ranks, launched


def add_loop_options(parser: argparse.ArgumentParser, minutes: float, batch: int) -> None:
    """Everything but what is trained; `minutes` and `batch` are the defaults."""
    parser.add_argument("--out", type=Path, required=True, help="state, log and export; resumed where it has a state")
    parser.add_argument("--start", type=Path, help="a first run goes on from this training's folder, or from an export")
    parser.add_argument(
        "--anneal", action="store_true", help="let the learning rate fall to zero over the run; --start stays as it is"
    )
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument(
        "--accumulate",
        type=int,
        help="batches whose gradients make one step, on all ranks together (default: one each)",
    )
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--optimizer", choices=get_args(OptimizerName), default="adamw")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for a GPU")
    parser.add_argument(
        "--precision", choices=get_args(Precision), default="auto", help="auto: bfloat16 on a GPU, float32 on a CPU"
    )
    parser.add_argument("--save-minutes", type=float, default=2.0, help="of work between two states")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Where images with captions come from, in place of a world."""
    parser.add_argument(
        "--data", help="images with captions: a saved dataset, folder, parquet or tar files, or a name on the hub"
    )
    parser.add_argument("--image-column", help="of --data (default: image, jpg, png, ...)")
    parser.add_argument("--caption-column", help="of --data (default: caption, text, txt, ...)")


def source_of(args: argparse.Namespace) -> ImageSource:
    """What `--data` names."""
    return ImageSource(args.data, args.image_column, args.caption_column)


def accumulated(batches: int | None, ranks: int) -> int:
    """Batches in a step, one for each rank unless named. Raises ReferenceModelError when they cannot be dealt."""
    count = ranks if batches is None else batches
    if count < 1 or count % ranks:
        raise ReferenceModelError(
            f"--accumulate {count} batches cannot be dealt to {ranks} processes: give a multiple of {ranks}"
        )
    return count


def run_training(task: Task, args: argparse.Namespace, ranks: Ranks = ALONE, **more: float) -> None:
    """Train as the options say. more: what is no option."""
    if ranks.size == 1 and launched()[1] > 1:
        raise ReferenceModelError("only stages of the cascade train in several processes: start this command by itself")
    config = LoopConfig(
        steps=args.steps,
        minutes=args.minutes,
        learning_rate=args.learning_rate,
        optimizer=args.optimizer,
        accumulate=accumulated(args.accumulate, ranks.size),
        precision=args.precision,
        save_minutes=args.save_minutes,
        **more,  # type: ignore[arg-type]
    )
    train(task, annealed(config) if args.anneal else config, args.out, args.start, ranks)


def reported(command: Callable[..., None]) -> Callable[..., int]:
    """A training command with an exit code: what is wrong with its options is one sentence."""
    coded = with_exit_code(command)

    @wraps(command)
    def main(arguments: Sequence[str] | None = None) -> int:
        try:
            return coded(arguments)
        except KeyboardInterrupt:
            print("stopped: the same command goes on from the last saved state", file=sys.stderr)
            return 130

    return main
