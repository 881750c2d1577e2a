"""How commands show an agreement."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.terminal import terminal_width, write_data

if TYPE_CHECKING:
    from drawbench.agreement.records import Agreement


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """The formats, and the plot."""
    from drawbench.tables.render import FORMATS

    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="write a plot there: agreement.svg and agreement.png")


def show_agreement(made: "Agreement", args: argparse.Namespace) -> None:
    """Print it; write the plot where one is asked for."""
    from drawbench.agreement.plot import write_plot
    from drawbench.agreement.render import render_agreement
    from drawbench.files import writing

    if args.format != "table":
        write_data(args.format)
    if args.plot is not None:
        with writing(args.plot, "name another folder"):
            args.plot.mkdir(parents=True, exist_ok=True)
            written = write_plot(made, args.plot)
        print(f"drawbench: the plot is in {' and '.join(map(str, written))}", file=sys.stderr)
    print(render_agreement(made, args.format, terminal_width()), end="")
