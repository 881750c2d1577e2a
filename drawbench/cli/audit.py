"""`drawbench audit`: the crash test of scorers."""

import argparse
import sys
from pathlib import Path

from drawbench.terminal import terminal_width, write_data
from drawbench.terminal_progress import shown_progress

EPILOGUE = """examples:
  drawbench audit bundled
  drawbench audit reader random saturation bundled --plot plots     cards side by side
  drawbench audit pick-score --photographs my_photographs           a folder with captions.csv: columns file, caption
  drawbench audit offline --metric conse_score --json

A scorer is a protocol (`drawbench protocols list`), of which the first metric that marks single images is tried, or
reader: told the scene, it is right on all kinds;  saturation: it looks at colours alone;  random.
Scenes are drawn, 100 of each kind, with one thing wrong in one of two images. Features are kept as those of runs are.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    from drawbench.tables.render import FORMATS

    parser.epilog = EPILOGUE
    parser.add_argument("scorers", metavar="SCORER", nargs="+", help="a protocol, reader, random or saturation")
    parser.add_argument("--metric", metavar="NAME", help="the metric of the protocol (the first that marks images)")
    parser.add_argument("--trials", type=int, default=100, metavar="N", help="scenes of each kind (100)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the scenes (0)")
    parser.add_argument(
        "--photographs", type=Path, metavar="DIR", help="images and captions.csv, with columns file and caption"
    )
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="write a plot there: audit.svg and audit.png")


def run(args: argparse.Namespace) -> int:
    """Print the cards."""
    from drawbench.auditing.audit import audit
    from drawbench.auditing.plot import write_plot
    from drawbench.auditing.render import render_audit
    from drawbench.auditing.scorers import scorer_named
    from drawbench.files import writing
    from drawbench.models.registry import choose_device

    device, progress = choose_device(args.device), shown_progress()
    scorers = [scorer_named(name, args.metric, device, progress.note) for name in args.scorers]
    if args.plot is not None:
        with writing(args.plot, "name another folder"):
            args.plot.mkdir(parents=True, exist_ok=True)
    made = audit(scorers, count=args.trials, seed=args.seed, photographs=args.photographs, progress=progress)
    if args.format != "table":
        write_data(args.format)
    if args.plot is not None:
        with writing(args.plot, "name another folder"):
            written = write_plot(made, args.plot)
        print(f"drawbench: the plot is in {' and '.join(map(str, written))}", file=sys.stderr)
    print(render_audit(made, args.format, terminal_width()), end="")
    return 0
