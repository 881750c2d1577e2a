"""`drawbench leaderboard`: results as tables."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from drawbench.errors import UserError
from drawbench.files import write_text_atomically
from drawbench.results.files import Result
from drawbench.terminal import terminal_width, write_data

EPILOGUE = """examples:
  drawbench leaderboard                                      ./results, with the published numbers apart
  drawbench leaderboard runs/a runs/b --format markdown      two scored runs
  drawbench leaderboard --set open --format csv > open.csv   every number, full precision
  drawbench leaderboard --write                              make the tables in ./results anew
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from drawbench.tables.render import DEFAULT_HEADING, FORMATS

    parser.epilog = EPILOGUE
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="result files, folders of them, or scored run directories (default: ./results)",
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    parser.add_argument("--set", action="append", default=[], metavar="NAME", help="only this prompt set (repeatable)")
    parser.add_argument(
        "--protocol", action="append", default=[], metavar="NAME", help="only this protocol (repeatable)"
    )
    parser.add_argument("--published", action="store_true", help="add published numbers, in a table of their own")
    parser.add_argument("--cost", action="store_true", help="add what drawing took, in a table of its own")
    parser.add_argument("--heading", default=DEFAULT_HEADING, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there, in UTF-8, and print nothing")
    parser.add_argument("--write", action="store_true", help="write the tables of a results folder into its README.md")


def run(args: argparse.Namespace) -> int:
    """Print the tables, or write the committed ones."""
    if args.write:
        return _write(args.paths)
    from drawbench.results.published import published_numbers
    from drawbench.tables.leaderboard import build_tables, separations
    from drawbench.tables.loading import load_results
    from drawbench.tables.render import render_tables

    paths = args.paths or default_paths()
    results = [result for result in load_results(paths) if _wanted(result, args)] if paths else []
    wants_published = (args.published or not args.paths) and not args.protocol
    published = [
        each for each in published_numbers() if wants_published and (not args.set or each.prompt_set in args.set)
    ]
    if args.paths:
        for reason in separations(build_tables(results)):
            print(f"drawbench: {reason}", file=sys.stderr)
    if not results:
        _say_what_is_missing(args, bool(published))
    if args.format != "table":
        write_data(args.format)
    width = terminal_width()
    text = render_tables(results, args.format, heading=args.heading, published=published, width=width, cost=args.cost)
    if args.out is None:
        print(text, end="")
    else:
        write_text_atomically(args.out, text)
    return 0


def default_paths() -> list[Path]:
    """./results where it holds results, else the results beside the package in a checkout, else nothing."""
    for folder in (Path("results"), Path(__file__).resolve().parents[2] / "results"):
        if any(folder.glob("*.json")):
            return [folder]
    return []


def _wanted(result: Result, args: argparse.Namespace) -> bool:
    return (not args.set or result.prompt_set.name in args.set) and (
        not args.protocol or result.protocol.name in args.protocol
    )


def _say_what_is_missing(args: argparse.Namespace, something_published: bool) -> None:
    asked = " and ".join(
        f"{name} {', '.join(values)}" for name, values in (("set", args.set), ("protocol", args.protocol)) if values
    )
    missing = f"no measured results{' of ' + asked if asked else ''}"
    if args.paths or not something_published:
        raise UserError(f"{missing}: give scored run directories or result files, or ask for less")
    print(f"drawbench: {missing} here; showing published numbers only", file=sys.stderr)


def _write(paths: Sequence[Path]) -> int:
    from drawbench.tables.committed import write_committed_tables

    if len(paths) > 1:
        raise UserError("--write takes one results folder: name it, or stand in the folder above ./results")
    folder = paths[0] if paths else Path("results")
    written = write_committed_tables(folder)
    for path in written:
        print(path)
    if not written:
        print(f"the tables of {folder} are up to date", file=sys.stderr)
    return 0
