"""`drawbench study payments`: who is to be paid what for."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbench.errors import UserError
from human_eval_app.cli.votes import add_study_options, study_votes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from human_eval_app.store.records import Ending, RaterState

EPILOGUE = """examples:
  drawbench study payments studies/a-b --out payments.csv
  drawbench study payments studies/a-b --json
One row per rater who consented: their id at the recruitment service and its numbers of their visits, the seconds from
the consent to the end (or to the last answer), answers given of those asked for, how their part ended, and the code
that they were shown. Ids are personal data: keep the file as long as you need it to pay. In CSV an id that begins as a
spreadsheet's formula (=, +, -, @) stands behind an apostrophe; --json gives every id as it is.
"""
COLUMNS = (
    *("rater", "source", "external_id", "sessions", "begun", "seconds", "answered", "screens"),
    *("ending", "completed", "screened_out", "code"),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    add_study_options(parser)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, metavar="FILE.csv", help="the list; an older one is replaced")
    where.add_argument("--json", action="store_true", help="print the list as JSON")


def run(args: argparse.Namespace) -> int:
    """Write or print the list."""
    import json

    if args.out is not None and args.out.suffix != ".csv":
        raise UserError(f"{args.out} does not end in .csv, and the list is CSV: name such a file.")
    with study_votes(args) as (design, store):
        codes = store.codes()
        rows = [payment(rater, codes) for rater in store.raters() if rater.consented_at is not None]
    if args.json:
        print(json.dumps(rows, indent=1))
        return 0
    from human_eval_app.store.export import write_rows

    write_rows(rows, COLUMNS, args.out, "csv", design)
    print(f"drawbench: {len(rows)} raters are in {args.out}", file=sys.stderr)
    return 0


def payment(rater: "RaterState", codes: "Mapping[Ending, str]") -> dict[str, Any]:
    """A rater's row. ending and code: empty while they may go on. seconds: None before the first answer."""
    from human_eval_app.store.records import ENDING_OF_STAGE

    ending = ENDING_OF_STAGE.get(rater.stage)
    return {
        "rater": rater.rater,
        "source": rater.source,
        "external_id": rater.external_id,
        "sessions": " ".join(rater.sessions),
        "begun": rater.consented_at,
        "seconds": _seconds(rater.consented_at, rater.last_vote_at or rater.ended_at),
        "answered": rater.votes,
        "screens": rater.total,
        "ending": ending or "",
        "completed": ending == "complete",
        "screened_out": ending == "screened_out",
        "code": codes.get(ending, "") if ending else "",
    }


def _seconds(start: str | None, end: str | None) -> int | None:
    from datetime import datetime

    if start is None or end is None:
        return None
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
