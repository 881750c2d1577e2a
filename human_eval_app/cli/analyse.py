"""`drawbench study analyse`: what raters preferred, with intervals, as tables, pages, charts and result files."""

import argparse
import sys
from pathlib import Path

from drawbench.terminal import terminal_width
from human_eval_app.cli.votes import add_votes_options, known_votes

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
    add_votes_options(parser)
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
    rows, status, looks = known_votes(args, "study analyse", decisions=True)
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
