"""`drawbench site`: the leaderboard as a folder of static pages."""

import argparse
import json
from pathlib import Path

EPILOGUE = """examples:
  drawbench site results/ --out public/            then open public/index.html, or put public/ on any static host
  drawbench site results runs/mine --out preview   with a scored run that is in no folder of results yet
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="folders of result files, result files, scored run directories",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a new folder, or an older site, which is replaced"
    )
    parser.add_argument("--title", default="Text-to-image leaderboard", help="of all pages (%(default)s)")
    parser.add_argument(
        "--repository",
        default="",
        metavar="URL",
        help="where results are sent as pull requests, for the page on submitting",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Build the site and print the path of its first page."""
    from drawbench.site.build import Options, check_site_place, write_site
    from drawbench.tables.loading import load_results
    from drawbench.terminal_progress import shown_progress

    options = Options(args.title, args.repository)
    check_site_place(args.out)
    page = write_site(load_results(args.paths), args.out, options, shown_progress())
    print(json.dumps({"site": str(page)}, indent=2) if args.json else page)
    return 0
