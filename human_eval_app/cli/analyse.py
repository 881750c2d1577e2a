"""`drawbench study analyse`: what raters preferred, with intervals, as tables, pages, charts and result files."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbench.errors import UserError
from drawbench.terminal import terminal_width
from human_eval_app.cli.votes import study_votes

if TYPE_CHECKING:
    from human_eval_app.store.records import StudyStatus

EPILOGUE = """examples:
  drawbench study analyse studies/a-b                          the votes in the study's own database
  drawbench study analyse studies/a-b --votes votes.csv        an export
  drawbench study analyse studies/a-b --json > analysis.json   every number, nothing written
  drawbench study analyse studies/a-b --look                   before the study is closed
  drawbench leaderboard studies/a-b/analysis/results           the study as a table of the leaderboard
Whoever sees preferences while raters are at work may stop when they please, and then no interval keeps its word. Before
a study of people is closed, --look is asked for, and written down in the study; `study status` and the analysis say so.
Of one that may stop at a decision (`create --stop`), what is known at any look is printed without it, and only that;
its export must have been made with --all. With --votes, too, the study's database is asked whether it is closed; where
there is none, tables and result files say that the status is unknown.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `study analyse`."""
    parser.epilog = EPILOGUE
    parser.add_argument("study", type=Path, metavar="STUDY", help="the study's folder")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--votes", type=Path, metavar="FILE", help="an export of the votes: CSV, JSON lines or parquet")
    source.add_argument(
        "--database",
        metavar="URL",
        help="where the votes are ($DRAWBENCH_STUDY_DATABASE, or sqlite:///STUDY/votes.sqlite)",
    )
    parser.add_argument("--look", action="store_true", help="before the study is closed, too; it keeps note of that")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the analysis goes (STUDY/analysis)")
    parser.add_argument("--json", action="store_true", help="print every number as JSON; write only with --out")


def run(args: argparse.Namespace) -> int:
    """Analyse, print the tables, and write the folder."""
    from drawbench.tables.text import sheet_text
    from human_eval_app.analysis.analyse import analyse
    from human_eval_app.analysis.report.page import write_analysis
    from human_eval_app.analysis.report.sheets import marks, sequence_sheet, sheets
    from human_eval_app.analysis.votes import check_votes
    from human_eval_app.study.design import read_design

    design = read_design(args.study)
    rows, status, looks = _rows(args)
    analysis = analyse(design, check_votes(rows, design))
    unknown = status is None and not analysis.simulated
    analysis = analysis.model_copy(update={"looks": looks, "status_unknown": unknown})
    if analysis.stopping is not None and status not in ("closed", None) and not args.look:
        sheet = sequence_sheet(analysis.stopping, marks(analysis))
        print(analysis.stopping.model_dump_json(indent=1) if args.json else sheet_text(sheet, terminal_width()))
        print(f"drawbench: the study is {status}: the rest is told, and written, when it is closed.", file=sys.stderr)
        return 0
    page = None
    if args.out or not args.json:
        page = write_analysis(design, analysis, args.out or args.study / "analysis")
    if args.json:
        print(analysis.model_dump_json(indent=1))
    else:
        print("\n\n\n".join(sheet_text(sheet, terminal_width()) for sheet in sheets(analysis)))
    if page is not None:
        print(f"drawbench: tables, charts and result files are in {page.parent}", file=sys.stderr)
    return 0


def _rows(args: argparse.Namespace) -> tuple[list[dict[str, Any]], "StudyStatus | None", int]:
    """The votes, from the export or the database, the study's status, and the looks at it; None, 0: nobody knows."""
    from human_eval_app.analysis.votes import read_votes, rows_of
    from human_eval_app.app.service import DATABASE_VARIABLE, default_database
    from human_eval_app.store.store import VoteStore
    from human_eval_app.study.design import read_design

    exported = None if args.votes is None else read_votes(args.votes, read_design(args.study))
    own = args.study / "votes.sqlite"
    if args.database is None and DATABASE_VARIABLE not in os.environ and not own.is_file():
        if exported is not None:
            return exported, None, 0
        raise UserError(f"{args.study} has no votes yet: it has no {own.name}; name an export with --votes.")
    if exported is not None and all(row["source"] == "simulated" for row in exported):
        return exported, None, 0  # no preferences of anybody
    with study_votes(args) as (design, store):
        status = store.status()
        watched = status != "closed" and design.raters == "human"
        if watched and design.stopping is None and not args.look:
            raise UserError(
                f"study {design.name} is not closed, and who sees preferences now may stop when they please: close it "
                "(study control), or give --look, which the study keeps note of; study status tells how far it is."
            )
        rows = rows_of(store.vote_rows()) if exported is None else exported
        looks = len(store.looks())
    if watched and args.look and any(row["sitting_state"] == "complete" for row in rows):
        writing = VoteStore.open(args.database or default_database(args.study), design)
        writing.record_look("study analyse")
        writing.close()
        looks += 1
    return rows, status, looks
