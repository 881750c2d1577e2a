"""`drawbench study serve`: the raters' app."""

import argparse
import sys
from pathlib import Path

EPILOGUE = """examples:
  drawbench study serve studies/a-b                            on this machine, votes in studies/a-b/votes.sqlite
  drawbench study serve studies/a-b --host 0.0.0.0 --database postgresql+psycopg://user@host/votes
On a host that has other pages, base_path in the study's settings.toml is what the app's addresses begin with.
Raters need the links that `drawbench study invite` makes. Ctrl-C stops the server; nothing is lost.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("study", type=Path, metavar="STUDY", help="a folder made by study create")
    parser.add_argument(
        "--database", metavar="URL", help="of the votes ($DRAWBENCH_STUDY_DATABASE, or votes.sqlite in the study)"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s: this machine)")
    parser.add_argument("--port", type=int, default=8501)


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from human_eval_app.app.server import serve
    from human_eval_app.app.settings import read_settings

    base_path = read_settings(args.study).base_path
    print(f"Serving {args.study} at http://{args.host}:{args.port}{base_path}; Ctrl-C stops it.", file=sys.stderr)
    try:
        serve(args.study, args.database, args.host, args.port)
    except KeyboardInterrupt:  # the ordinary end; the command line, which may hold a password, is not repeated
        print("Stopped; every acknowledged answer is kept.", file=sys.stderr)
    return 0
