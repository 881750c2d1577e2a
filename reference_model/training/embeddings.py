"""Makes the cache of text features that a training reads, so that it need not run its text encoder, or load it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from reference_model.text.embedding_cache import EmbeddingCache
from reference_model.text.encoder import TextDtype, load_text_encoder
from reference_model.training.options import reported
from reference_model.world.worlds import WORLDS


@reported
def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.training.embeddings`: features of all captions that a stage's training will see."""
    parser = argparse.ArgumentParser(prog="python -m reference_model.training.embeddings", description=main.__doc__)
    parser.add_argument("--text", type=Path, required=True, help="folder of the frozen text encoder")
    parser.add_argument("--out", type=Path, required=True, help="what the stage's --embeddings will be")
    parser.add_argument("--stage", required=True, help="base_64, super_resolution_256 or super_resolution_1024")
    parser.add_argument("--world", choices=WORLDS, default="small")
    parser.add_argument("--steps", type=int, required=True, help="of the training; those done before are skipped")
    parser.add_argument("--batch", type=int, required=True, help="of the training")
    parser.add_argument("--dtype", choices=get_args(TextDtype), default="float32", help="of the features on disk")
    parser.add_argument("--text-dtype", default="float32", help="what the encoder runs in: float32 or bfloat16")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(arguments)
    from reference_model.training.stage import captions_of_step, evaluation_captions

    encoder = load_text_encoder(args.text, args.text_dtype)
    encoder.encoder.to(args.device)
    cache = EmbeddingCache(args.out, encoder, args.dtype)
    cache.add(evaluation_captions(args.batch, args.world))
    for step in range(args.steps):
        cache.add(captions_of_step(args.stage, step, args.batch, args.world))
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            print(f"{step + 1} of {args.steps} steps, {len(cache)} captions", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
