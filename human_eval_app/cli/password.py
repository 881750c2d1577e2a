"""`drawbench study password`: who knows it may open the admin page."""

import argparse
import sys
from getpass import getpass
from pathlib import Path

from drawbench.errors import UserError
from human_eval_app.app.settings import set_password_hash

EPILOGUE = """examples:
  drawbench study password studies/a-b                  asks for it twice
  pass show drawbench | drawbench study password studies/a-b --stdin
The study's settings.toml gets a hash of it. A server that runs takes it at once, and signs out whoever came in by the
old one. The admin page is at /admin.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("study", type=Path, metavar="STUDY", help="a folder made by study create")
    parser.add_argument("--stdin", action="store_true", help="read the password from the first line of stdin")


def run(args: argparse.Namespace) -> int:
    """Ask for the password and write its hash."""
    from human_eval_app.app.admin.passwords import LONGEST, SHORTEST, hash_password
    from human_eval_app.study.design import DESIGN_FILE

    if not (args.study / DESIGN_FILE).is_file():
        raise UserError(f"{args.study} holds no study: it has no {DESIGN_FILE}; make one with study create.")
    password = sys.stdin.readline().rstrip("\r\n") if args.stdin else _asked_twice()
    if not SHORTEST <= len(password) <= LONGEST:
        raise UserError(f"the password has {len(password)} characters; take {SHORTEST} to {LONGEST}.")
    path = set_password_hash(args.study, hash_password(password))
    print(f"The admin page at /admin now takes this password; its hash is in {path}.", file=sys.stderr)
    return 0


def _asked_twice() -> str:
    try:
        first, second = getpass("Admin password: "), getpass("Once more: ")
    except EOFError:
        raise UserError("no password was typed; give it on stdin with --stdin.") from None
    if first != second:
        raise UserError("the two passwords differ; nothing was changed, try again.")
    return first
