"""`drawbench compare`: two runs of the same prompts, and which of their differences are more than noise."""

import argparse
from pathlib import Path

from drawbench.remote.fetched import fetched, parse_reference
from drawbench.terminal import terminal_width
from drawbench.terminal_progress import shown_progress

EPILOGUE = """examples:
  drawbench compare runs/x runs/y
  drawbench compare runs/x runs/y --protocol imagen --reference coco/val2014 --json

Differences are A - B, paired by prompt: overall and for each category. Nothing is written.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOGUE
    parser.add_argument("a", metavar="RUN_A", type=Path, help="a finished run directory")
    parser.add_argument("b", metavar="RUN_B", type=Path, help="another one, of the same prompts, samples and size")
    parser.add_argument(
        "--protocol",
        default="bundled",
        metavar="P",
        help="bundled (default) or another of `drawbench protocols list`",
    )
    parser.add_argument(
        "--reference",
        type=parse_reference,
        metavar="DIR",
        help="reference images: a folder, or an .npz with mu and sigma; also at an address such as s3://",
    )
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--verify", action="store_true", help="read every image again, also unchanged ones")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON, in full precision")


def run(args: argparse.Namespace) -> int:
    """Print the comparison."""
    from drawbench.comparing.compare import compare_runs
    from drawbench.comparing.pairing import refuse_other_references
    from drawbench.comparing.text import comparison_text
    from drawbench.models.registry import choose_device
    from drawbench.scoring.protocols import get_protocol
    from drawbench.scoring.references import own_references

    protocol = get_protocol(args.protocol)
    if args.reference is None:
        refuse_other_references(args.a, args.b, protocol)
    references = fetched(args.reference, shown_progress())
    comparison = compare_runs(
        args.a,
        args.b,
        protocol,
        references or own_references(args.a),
        device=choose_device(args.device),
        verify=args.verify,
        progress=shown_progress(),
    )
    if args.json:
        print(comparison.model_dump_json(indent=2))
        return 0
    print(comparison_text(comparison, terminal_width()), end="")
    return 0
