"""Pre-training of the frozen text encoder on text alone: T5's span corruption on whole words, byte-level.

A document says one scene twice in different words, so that filling a gap asks for which colour belongs to which object
and for what stands where: what a caption's features must carry for the U-Nets.
"""

import argparse
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import torch
from torch import nn

from reference_model.text_encoder import END_ID, PAD_ID, SENTINEL_OFFSET, byte_tokens, pad_tokens, tiny_t5_config
from reference_model.training.loop import LoopConfig, batch_seeds, train
from reference_model.world.captions import document
from reference_model.world.scene import Split, sample_scene

if TYPE_CHECKING:
    from transformers import T5Config

MASKED_WORDS = 0.25


def corrupt(text: str, random: Random) -> tuple[list[int], list[int]]:
    """Span corruption: runs of masked words become sentinels in the source; the target tells what they were."""
    source: list[int] = []
    target: list[int] = []
    sentinel, inside = SENTINEL_OFFSET, False
    for position, word in enumerate(text.split(" ")):
        tokens = byte_tokens((" " if position else "") + word)[:-1]
        masked = random.random() < MASKED_WORDS
        if masked and not inside:
            source.append(sentinel)
            target.append(sentinel)
            sentinel += 1
        (target if masked else source).extend(tokens)
        inside = masked
    return [*source, END_ID], [*target, END_ID]


class SpanCorruption:
    """The task: a T5 whose decoder fills in the words that its encoder did not see."""

    def __init__(self, config: "T5Config", batch: int, seed: str) -> None:
        from transformers import T5ForConditionalGeneration

        torch.manual_seed(0)
        self.module: nn.Module = T5ForConditionalGeneration(config)
        self.batch, self.seed = batch, seed

    def loss(self, step: int) -> torch.Tensor:
        return self._loss(self.module, "train", self.seed, step)

    @torch.no_grad()
    def evaluate(self, ema: nn.Module) -> dict[str, float]:
        losses = [self._loss(ema, "held_out", "text evaluation", step) for step in range(4)]
        return {"held_out_loss_per_byte": float(torch.stack(losses).mean())}

    def export(self, ema: nn.Module, folder: Path, log: dict[str, float]) -> None:
        from transformers import T5EncoderModel

        encoder = T5EncoderModel(ema.config)
        encoder.load_state_dict({k: v for k, v in ema.state_dict().items() if k in encoder.state_dict()})
        encoder.to(torch.bfloat16).save_pretrained(folder)

    def _loss(self, module: nn.Module, split: Split, seed: str, step: int) -> torch.Tensor:
        pairs = [self._pair(split, s) for s in batch_seeds(seed, step, self.batch)]
        ids, mask = pad_tokens([source for source, _ in pairs])
        labels, _ = pad_tokens([target for _, target in pairs])
        labels = labels.masked_fill(labels == PAD_ID, -100)
        return module(input_ids=ids, attention_mask=mask, labels=labels).loss

    @staticmethod
    def _pair(split: Split, seed: str) -> tuple[list[int], list[int]]:
        random = Random(seed)
        return corrupt(document(sample_scene(random, split), random), random)


def main() -> None:
    """`python -m reference_model.training.text --out DIR`: trains or resumes, then exports the encoder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    task = SpanCorruption(tiny_t5_config(args.width, args.layers, heads=4), args.batch, seed="text")
    train(task, LoopConfig(steps=args.steps, minutes=args.minutes, learning_rate=3e-3), args.out)


if __name__ == "__main__":
    main()
