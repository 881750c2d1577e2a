"""`drawbench study agree`: which metric sides with a study's raters."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.agreement.output import add_metric_options, add_output_options, show_agreements
from human_eval_app.cli.votes import add_votes_options, known_votes

if TYPE_CHECKING:
    from drawbench.agreement.records import Agreement

EPILOGUE = """examples:
  drawbench study agree studies/a-b runs/a runs/b                       the votes in the study's own database
  drawbench study agree studies/a-b runs/a runs/b --votes votes.csv     an export
  drawbench study agree studies/a-b runs/a runs/b --metric clip_score --plot plots
The runs are those that the study compared, scored (drawbench score) by a protocol with a value for each image. Tables,
plot and options are those of `drawbench agree`, once for each question. All raters count that the analysis of all
raters counts, control trials do not. Before the study is closed, --look is asked for, as in `study analyse`.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `study agree`."""
    parser.epilog = EPILOGUE
    add_votes_options(parser)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="the runs that the study compared")
    parser.add_argument(
        "--protocol", action="append", default=[], metavar="NAME", help="scores of this one only (repeatable; all)"
    )
    add_metric_options(parser)
    add_output_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the agreement on each question."""
    show_agreements(_agreements(args), args)
    return 0


def study_agreements(
    study: Path,
    runs: Sequence[Path],
    votes: Path | None = None,
    metrics: Sequence[str] = (),
    lower: Sequence[str] = (),
) -> "list[Agreement]":
    """The agreement on each question of a study: what `drawbench.agree` gives for it."""
    return _agreements(
        argparse.Namespace(
            study=study, runs=runs, votes=votes, database=None, look=False, protocol=(), metric=metrics, lower=lower
        )
    )


def _agreements(args: argparse.Namespace) -> "list[Agreement]":
    from drawbench.agreement.measure import measure_agreement
    from human_eval_app.analysis.judgements import runs_of_study, study_judgements
    from human_eval_app.analysis.votes import check_votes
    from human_eval_app.study.design import read_design

    design = read_design(args.study)
    runs = runs_of_study(design, args.runs)
    rows, _, _ = known_votes(args, "study agree")
    votes = check_votes(rows, design)
    judged = study_judgements(design, votes, runs, args.protocol, args.metric, args.lower)
    return [measure_agreement(each) for each in judged]
