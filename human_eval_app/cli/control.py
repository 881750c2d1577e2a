"""`drawbench study control`: pause, resume or close a study, as the admin page does."""

import argparse
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from drawbench.errors import UserError
from human_eval_app.cli.votes import add_study_options, study_votes

if TYPE_CHECKING:
    from human_eval_app.store.records import StudyStatus

EPILOGUE = """examples:
  drawbench study control studies/a-b pause      no answer is taken and nobody can start
  drawbench study control studies/a-b resume     raters go on where they were; every lease begins anew
  drawbench study control studies/a-b close --for-good
A closed study stays closed: its results may be looked at from then on. Servers that run take notice at once.
"""
ACTIONS: dict[str, "StudyStatus"] = {"pause": "paused", "resume": "open", "close": "closed"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    add_study_options(parser)
    parser.add_argument("action", choices=tuple(ACTIONS))
    parser.add_argument("--for-good", action="store_true", help="needed to close: it cannot be taken back")


def run(args: argparse.Namespace) -> int:
    """Set the status."""
    if args.action == "close" and not args.for_good:
        raise UserError("closing a study cannot be taken back: add --for-good if you want it.")
    with study_votes(args):
        pass  # opened for writing, a database that does not hold this study yet would be made to hold it
    from human_eval_app.app.admin.status import change_status
    from human_eval_app.app.service import default_database
    from human_eval_app.app.settings import read_settings
    from human_eval_app.store.store import VoteStore
    from human_eval_app.study.design import read_design

    database, minutes = args.database or default_database(args.study), read_settings(args.study).lease_minutes
    design = read_design(args.study)
    with closing(VoteStore.open(database, design, minutes)) as store:
        change_status(store, ACTIONS[args.action])
    print(f"Study {args.study} is {ACTIONS[args.action]}.", file=sys.stderr)
    return 0
