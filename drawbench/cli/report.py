"""`drawbench report`: scored runs as a static page."""

import argparse
from pathlib import Path

EPILOGUE = """example:
  drawbench report runs/a runs/b --out report      then open report/index.html; no server is needed
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="finished run directories")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder, or an older report, which is replaced"
    )


def run(args: argparse.Namespace) -> int:
    """Build the report and print the path of its page."""
    from drawbench.report.build import build_report

    print(build_report(args.runs, args.out))
    return 0
