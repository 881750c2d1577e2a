"""`drawbench coco`: sets in COCO's file layout."""

import argparse
import os
import shutil
from pathlib import Path

from drawbench.errors import UserError

SMALLEST = 16  # pixels; below it no object can be told from another
WORLDS = ("small", "rich")  # `small` is what the bundled weights and scorer know


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `drawbench coco`."""
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    synth = commands.add_parser("synth", help="write a set of scenes of the procedural world, with captions")
    synth.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    synth.add_argument("-n", type=int, default=500, metavar="N", help="captioned images (default 500)")
    synth.add_argument("--size", type=int, default=64, metavar="PX", help="pixels (default 64)")
    synth.add_argument("--world", choices=WORLDS, default=WORLDS[0], help="vocabulary of its scenes (default small)")
    synth.add_argument("--seed", default="world", metavar="S", help="another seed draws other scenes (default world)")


def run(args: argparse.Namespace) -> int:
    """Write the set, and print the name by which `--prompts` takes it."""
    if args.n < 1 or args.size < SMALLEST:
        raise UserError(f"-n {args.n} --size {args.size}: use at least 1 image of at least {SMALLEST} pixels")
    if args.out.exists() and not (args.out.is_dir() and not any(args.out.iterdir())):
        raise UserError(f"{args.out} is there and is not an empty folder: name a new one with --out")
    try:
        _write(args.out, args.world, args.n, args.seed, args.size)
    except OSError as error:
        raise UserError(f"the set cannot be written to {args.out} ({error.strerror}): name another --out") from error
    print(f"coco:{args.out}")
    return 0


def _write(out: Path, world: str, n: int, seed: str, size: int) -> None:
    """The whole set or nothing: it gets its name once it is complete."""
    from reference_model.world import coco_set
    from reference_model.world.rich import coco_files

    unfinished = out.with_name(f".{out.name}-{os.getpid()}")
    unfinished.mkdir(parents=True)
    try:
        if world == "rich":
            coco_files.synthesise(unfinished, n, seed, size)
        else:
            coco_set.synthesise(unfinished, n, n, seed, size)
        unfinished.rename(out)
    except BaseException:
        shutil.rmtree(unfinished)
        raise
