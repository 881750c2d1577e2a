"""`drawbench coco`: sets in COCO's file layout."""

import argparse
from pathlib import Path

from drawbench.errors import UserError


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `drawbench coco`."""
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    synth = commands.add_parser("synth", help="write a set of scenes of the procedural world, with captions")
    synth.add_argument("--out", type=Path, required=True, help="a new folder")
    synth.add_argument("-n", type=int, default=500, help="captioned images (default 500)")
    synth.add_argument("--size", type=int, default=64, help="pixels (default 64)")
    synth.add_argument("--seed", default="world", help="another seed draws other scenes")


def run(args: argparse.Namespace) -> int:
    """Write the set, and say how to use it."""
    from reference_model.world.coco_set import synthesise

    if args.n < 1 or args.size < 16:
        raise UserError(f"-n {args.n} --size {args.size}: use at least 1 image of at least 16 pixels")
    if args.out.exists() and any(args.out.iterdir()):
        raise UserError(f"{args.out} is not empty: name a new folder with --out")
    args.out.mkdir(parents=True, exist_ok=True)
    synthesise(args.out, args.n, args.n, args.seed, args.size)
    print(f"coco:{args.out}")
    return 0
