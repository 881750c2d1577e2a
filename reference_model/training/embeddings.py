"""Makes the cache of text features that a training reads, so that it need not run its text encoder, or load it."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import get_args

from reference_model.errors import ReferenceModelError
from reference_model.text.embedding_cache import EmbeddingCache
from reference_model.text.encoder import TextDtype, load_text_encoder
from reference_model.training.options import add_source_options, reported, source_of
from reference_model.training.ranks import launched, own_device
from reference_model.world.worlds import WORLDS


@reported
def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m reference_model.training.embeddings`: features of all captions that a training will see."""
    parser = argparse.ArgumentParser(prog="python -m reference_model.training.embeddings", description=main.__doc__)
    parser.add_argument("--text", type=Path, required=True, help="folder of the frozen text encoder")
    parser.add_argument("--out", type=Path, required=True, help="what the stage's --embeddings will be")
    add_source_options(parser)
    parser.add_argument("--stage", help="of a world's training: base_64, super_resolution_256 or super_resolution_1024")
    parser.add_argument("--world", choices=WORLDS, default="small")
    parser.add_argument("--steps", type=int, help="of a world's training; those done before are skipped")
    parser.add_argument("--batch", type=int, help="of a world's training")
    parser.add_argument("--dtype", choices=get_args(TextDtype), default="float32", help="of the features on disk")
    parser.add_argument("--text-dtype", default="float32", help="what the encoder runs in: float32 or bfloat16")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args(arguments)
    if args.data is None and None in (args.stage, args.steps, args.batch):
        raise ReferenceModelError("no captions are named: give --data, or --stage, --steps and --batch of a training")
    encoder = load_text_encoder(args.text, args.text_dtype, "cut" if args.data else "refuse")
    encoder.encoder.to(own_device(args.device))
    cache = EmbeddingCache(args.out, encoder, args.dtype)
    for number, captions in enumerate(_of_source(args) if args.data else _of_world(args), 1):
        cache.add(captions)
        if number % 100 == 0:
            print(f"{number:,} batches of captions, {len(cache):,} captions kept", file=sys.stderr)
    print(f"{len(cache):,} captions kept", file=sys.stderr)


def _of_source(args: argparse.Namespace) -> Iterator[list[str]]:
    """All captions of a source; of several processes each takes its part."""
    rank, size, _ = launched()
    rows = iter(source_of(args).part(rank, size, ("caption",)))
    while batch := list(islice(rows, 100)):
        captions = [row["caption"] for row in batch]
        yield [caption for caption in captions if isinstance(caption, str) and caption.strip()]


def _of_world(args: argparse.Namespace) -> Iterator[Iterable[str]]:
    """The captions of a world's training, the held-out ones first."""
    from reference_model.training.stage import captions_of_step, evaluation_captions

    yield evaluation_captions(args.batch, args.world)
    for step in range(args.steps):
        yield captions_of_step(args.stage, step, args.batch, args.world)


if __name__ == "__main__":
    sys.exit(main())
