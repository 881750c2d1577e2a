"""`drawbench study export`: the votes as a file."""

import argparse
import sys
from pathlib import Path

from drawbench.errors import UserError
from human_eval_app.cli.votes import add_study_options, study_votes

EPILOGUE = """examples:
  drawbench study export studies/a-b --out votes.csv
  drawbench study export studies/a-b --out everything.parquet --all
Without --all the file holds the answers that count: those of complete sittings that were not taken back, gold trials
and mirrored repeats among them (column `kind`). --all adds training, answers taken back or tried again (column
`superseded`), and sittings that are not complete (column `sitting_state`). A stopping rule (`create --stop`) asks for
all of them: of a study with one, `study analyse --votes` takes only a file that was exported with --all.
Raters are numbers; their ids at a platform are personal data and are left out unless --with-external-ids is given.
"""
FORMATS = ("csv", "jsonl", "parquet")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    add_study_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="the file; an older one is replaced")
    parser.add_argument("--format", choices=FORMATS, help="default: by the file's ending")
    parser.add_argument("--all", action="store_true", help="every answer ever given, not only those that count")
    parser.add_argument("--with-external-ids", action="store_true", help="add the raters' ids: personal data")
    parser.add_argument("--json", action="store_true", help="say what was written as JSON")


def run(args: argparse.Namespace) -> int:
    """Write the file and say what is in it."""
    import json

    chosen = args.format or args.out.suffix.removeprefix(".")
    if chosen not in FORMATS:
        raise UserError(f"{args.out} ends in none of {', '.join(FORMATS)}: name such a file, or give --format.")
    with study_votes(args) as (design, store):
        from human_eval_app.store.export import (
            COLUMNS,
            EXTERNAL_COLUMNS,
            counts,
            with_external_ids,
            with_total,
            write_rows,
        )

        every = list(store.vote_rows())
        votes = every if args.all else [vote for vote in every if counts(vote)]
        rows, columns = with_total([vars(vote) for vote in votes], COLUMNS, len(every), design)
        if args.with_external_ids:
            rows, columns = with_external_ids(rows, store.raters()), (*columns, *EXTERNAL_COLUMNS)
    write_rows(rows, columns, args.out, chosen, design)
    if args.json:
        said = {"file": str(args.out), "format": chosen, "rows": len(rows), "left_out": len(every) - len(rows)}
        print(json.dumps({**said, "design_sha256": design.sha256}))
    else:
        left_out = (
            f"; {len(every) - len(rows)} that do not count were left out (--all)" if len(rows) < len(every) else ""
        )
        print(f"drawbench: {len(rows)} answers are in {args.out}{left_out}", file=sys.stderr)
    return 0
