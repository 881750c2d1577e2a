"""The options that all trainings have on their command lines."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import get_args

import torch

from reference_model.errors import with_exit_code
from reference_model.training.loop import LoopConfig, OptimizerName, Task, annealed, train


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
    parser.add_argument("--accumulate", type=int, default=1, help="batches whose gradients make one step")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--optimizer", choices=get_args(OptimizerName), default="adamw")
    parser.add_argument("--device", default="cpu", help="cpu, or cuda for bfloat16 on a GPU")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())


def run_training(task: Task, args: argparse.Namespace, **more: float) -> None:
    """Train as the options say. more: what is no option."""
    config = LoopConfig(
        steps=args.steps,
        minutes=args.minutes,
        learning_rate=args.learning_rate,
        optimizer=args.optimizer,
        accumulate=args.accumulate,
        **more,  # type: ignore[arg-type]
    )
    train(task, annealed(config) if args.anneal else config, args.out, args.start)


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
