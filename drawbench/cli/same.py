"""`drawbench same`: whether two runs are of the same model for all that matters."""

import argparse
from pathlib import Path

from drawbench.terminal import terminal_width
from drawbench.terminal_progress import shown_progress

EPILOGUE = """examples:
  drawbench same runs/fp32 runs/int8 --margin clip_score=0.005
  drawbench same runs/a runs/b --protocol imagen --reference photographs --margin clip_score=0.003 --margin fid_clean=1

For a quantised, compiled, ported or fine-tuned model: two runs of the same prompts and seed. A margin is the largest
difference that does not matter to you, in the metric's own unit; fix it before you look. Exit codes: 0 same,
3 different, 4 undecided.
"""
CODES = {"same": 0, "different": 3, "undecided": 4}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOGUE
    parser.add_argument("a", metavar="RUN_A", type=Path, help="a finished run directory")
    parser.add_argument(
        "b", metavar="RUN_B", type=Path, help="another one, of the same prompts, samples, size and seed"
    )
    parser.add_argument(
        "--margin", action="append", required=True, metavar="METRIC=VALUE", help="may be given for several metrics"
    )
    parser.add_argument(
        "--protocol", default="bundled", metavar="P", help="bundled (default), offline, imagen, extended, ..."
    )
    parser.add_argument("--reference", type=Path, metavar="DIR", help="reference images: a folder, or an .npz")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON, in full precision")


def run(args: argparse.Namespace) -> int:
    """Print the tests and the verdict, which the exit code says, too."""
    from drawbench.comparing.same import parse_margins, same_runs
    from drawbench.comparing.same_text import sameness_text
    from drawbench.models.registry import choose_device
    from drawbench.scoring.protocols import get_protocol
    from drawbench.scoring.references import own_references

    margins = parse_margins(args.margin)
    found = same_runs(
        args.a,
        args.b,
        margins,
        get_protocol(args.protocol),
        args.reference or own_references(args.a),
        device=choose_device(args.device),
        progress=shown_progress(),
    )
    print(found.model_dump_json(indent=2) if args.json else sameness_text(found, terminal_width()), end="")
    return CODES[found.verdict]
