"""`drawbench report`: scored runs as a static page."""

import argparse
import json
from pathlib import Path

EPILOGUE = """examples:
  drawbench report runs/a runs/b --out report      then open report/index.html; no server is needed
  drawbench report /shared/runs/x --scores scores --out report
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="finished run directories")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder, or an older report, which is replaced"
    )
    parser.add_argument(
        "--scores", type=Path, metavar="DIR", help="a folder of `score --out`, for runs whose scores are there"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Build the report and print the path of its page."""
    from drawbench.report.build import build_report

    page = build_report(args.runs, args.out, args.scores)
    print(json.dumps({"report": str(page), "runs": [str(path) for path in args.runs]}, indent=2) if args.json else page)
    return 0
