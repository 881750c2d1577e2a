"""Two models that differ in their text encoder alone: the bundled T5, and the bundled scorer's text tower.

    python -m experiments.two_encoders --out encoders
    drawbench run --model reference:encoders/t5 --prompts world --size 64

Imagen compares T5 with CLIP's text tower so (fig. A.5). Both begin with the bundled base, whose layers that
read text are drawn anew, and see the same images in the same order for the same number of steps. The base's other
layers learnt with the T5, which may favour it; the bundled scorer may favour its own tower.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from experiments.scorer_tower import save_tower
from reference_model.checkpoint import BUNDLED, assemble
from reference_model.errors import ReferenceModelError
from reference_model.networks.layers import TextAttention, TextConditioning
from reference_model.networks.presets import TINY
from reference_model.networks.unet import UNet
from reference_model.text.encoder import load_text_encoder
from reference_model.training.loop import LoopConfig, train
from reference_model.training.stage import StageTraining

NAMES = {"t5": "T5", "clip": "CLIP text tower"}
DECAY = 0.5  # of the steps, over which the learning rate falls to zero


def read_anew(network: UNet) -> None:
    """Draw every layer that reads text anew, in place; the random numbers are the same for networks of one shape."""
    torch.manual_seed(0)
    network.text = TextConditioning(network.config.text_width, network.config.embedding_width)
    for module in network.modules():
        if isinstance(module, TextAttention):
            module.text_kv = torch.nn.Linear(module.text_kv.in_features, module.text_kv.out_features)


def train_base(folder: Path, out: Path, steps: int, batch: int) -> None:
    """Train the bundled base to read the text encoder in `folder`; goes on where it was stopped."""
    task = StageTraining(TINY[0], load_text_encoder(folder), batch, "two encoders")
    task.load(BUNDLED)
    assert isinstance(task.module, UNet)
    read_anew(task.module)
    train(task, LoopConfig(steps, float("inf"), 1e-3, "muon", decay_fraction=DECAY), out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train one or both, and write a checkpoint of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="trainings and checkpoints; resumed where it has some")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--only", choices=NAMES, help="one of the two, so that another process can train the other")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    try:
        for kind in [args.only] if args.only else NAMES:
            checkpoint, training = args.out / kind, args.out / f"{kind}-training"
            if checkpoint.exists():
                continue
            text = BUNDLED / "text_encoder"
            if kind == "clip":
                save_tower(text := args.out / "clip-tower")
            train_base(text, training, args.steps, args.batch)
            assemble(f"Imagen tiny, {NAMES[kind]}, short training", text, [training / "export"], checkpoint)
            print(f"written: {checkpoint}")
    except ReferenceModelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
