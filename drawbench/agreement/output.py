"""How commands show agreements."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.terminal import terminal_width, write_data

if TYPE_CHECKING:
    from drawbench.agreement.records import Agreement


def add_metric_options(parser: argparse.ArgumentParser) -> None:
    """Which metrics, and which way is better."""
    parser.add_argument("--metric", action="append", default=[], metavar="NAME", help="only this one (repeatable; all)")
    parser.add_argument(
        "--lower", action="append", default=[], metavar="NAME", help="a metric of which less is better (repeatable)"
    )


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """The formats, and the plot."""
    from drawbench.tables.render import FORMATS

    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="write a plot there: agreement.svg and agreement.png")


def show_agreements(made: "Sequence[Agreement]", args: argparse.Namespace) -> None:
    """Print them; write the plots where they are asked for."""
    from drawbench.agreement.plot import write_plot
    from drawbench.agreement.render import render_agreements
    from drawbench.files import writing
    from drawbench.tables.headers import measure_of

    if args.format != "table":
        write_data(args.format)
    if args.plot is not None:
        with writing(args.plot, "name another folder"):
            args.plot.mkdir(parents=True, exist_ok=True)
            written = [path for each in made for path in write_plot(each, args.plot)]
        plots = "the plot is" if len(made) == 1 else "plots are"
        print(f"drawbench: {plots} in {' and '.join(map(str, written))}", file=sys.stderr)
    print(render_agreements(made, args.format, terminal_width()), end="")
    against = dict.fromkeys(each.metric for one in made for each in one.chance if each.verdict == "below")
    for metric in against:
        if measure_of(metric.partition(" (")[0]).higher_is_better is not None:
            continue  # which way it is better is known, and taken so
        print(
            f"drawbench: {metric} sides against people: if less of it is better, say --lower {metric}",
            file=sys.stderr,
        )
