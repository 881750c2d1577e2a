"""`drawbench study invite`: signed links for raters, or the one link for a recruitment service."""

import argparse
import csv
import json
import sys
from pathlib import Path

from human_eval_app.app.invitations import _PARAMETERS, invitations

EPILOGUE = """examples:
  drawbench study invite studies/a-b --url https://study.example.org          a link for every seat of every panel
  drawbench study invite studies/a-b --url https://study.example.org -n 5 --panel p03
  drawbench study invite studies/a-b --url https://study.example.org --for prolific
Each link is one rater: it brings them back to where they were, on any device. Send each to one person.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("study", type=Path, metavar="STUDY", help="a folder made by study create")
    parser.add_argument("--url", required=True, help="where raters reach the app, as https://study.example.org")
    parser.add_argument("--panel", metavar="ID", help="links for this panel only (default: all panels)")
    parser.add_argument("-n", type=int, metavar="N", help="links per panel (default: one per seat)")
    parser.add_argument("--for", choices=tuple(_PARAMETERS), dest="service", help="a recruitment service: one link")
    parser.add_argument("--json", action="store_true", help="JSON instead of CSV")


def run(args: argparse.Namespace) -> int:
    """Print the links."""
    rows = invitations(args.study, args.url, args.panel, args.n, args.service)
    if args.json:
        print(json.dumps(rows, indent=2))
    else:
        writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return 0
