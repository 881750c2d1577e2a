"""`drawbench references`: statistics of reference images as a file."""

import argparse
import json
from pathlib import Path

from drawbench.errors import UserError
from drawbench.remote.fetched import fetched, parse_reference
from drawbench.terminal_progress import shown_progress, terminated_like_interrupted

EPILOGUE = """examples:
  drawbench references write coco/val2014 --protocol imagen --metric fid_clean --out val2014.npz
  drawbench references write my_photographs --protocol bundled --size 64 --out photographs.npz

The file serves --reference of the commands that score, and clean-fid and pytorch-fid. It holds mu and sigma, and how
they were made: a protocol with other features or another size refuses it. Kernel distances need the images themselves.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand."""
    parser.epilog = EPILOGUE
    subparsers = parser.add_subparsers(dest="action", metavar="write", required=True)
    write = subparsers.add_parser("write", help="the statistics of a folder of images, as an .npz")
    write.add_argument("folder", metavar="FOLDER", type=parse_reference, help="reference images")
    write.add_argument("--protocol", default="bundled", metavar="P", help="whose Fréchet distance they are for")
    write.add_argument("--out", metavar="X.npz", type=Path, required=True, help="the file to write")
    write.add_argument("--metric", default="", metavar="M", help="which distance, where the protocol has several")
    write.add_argument("--size", type=int, metavar="PX", help="where the protocol evaluates at the images' own size")
    write.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    write.add_argument("--batch", type=int, metavar="N", help="images per pass; changes speed and memory only")
    write.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Write the file; prints its origin."""
    from drawbench.models.registry import choose_device
    from drawbench.scoring.protocols import get_protocol
    from drawbench.scoring.reference_statistics import write_reference_statistics

    if args.batch is not None and args.batch < 1:
        raise UserError(f"--batch {args.batch} reads no images: give a whole number of at least 1")
    with terminated_like_interrupted():
        origin = write_reference_statistics(
            fetched(args.folder, shown_progress()) or Path(),
            get_protocol(args.protocol),
            args.out,
            metric=args.metric,
            size=args.size,
            device=choose_device(args.device),
            batch=args.batch,
            progress=shown_progress(),
        )
    if args.json:
        print(json.dumps(origin, indent=2))
    else:
        print(f"{args.out}: {origin['n']} images at {origin['size']} px, {origin['mode']}")
    return 0
