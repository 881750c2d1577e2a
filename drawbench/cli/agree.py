"""`drawbench agree`: which metric sides with people, from ratings and scores of the same images."""

import argparse
from pathlib import Path

from drawbench.agreement.output import add_metric_options, add_output_options, show_agreements

EPILOGUE = """examples:
  drawbench agree human_annotations_with_scores.json                    TIFA's ratings, with its ten metrics
  drawbench agree tifa160-likert.csv --scores human_annotations_with_scores.json    DSG's ratings of the same images
  drawbench agree mine.csv --lower fid_of_patch --plot plots            a table of your own
A table of your own has a row for each rating: prompt_id, model, rating, perhaps rater and category; its other columns
of numbers are metrics, as are those of --scores, which has a row for each image: prompt_id, model and the metrics.
For the votes of your own study there is `drawbench study agree STUDY RUN RUN`, with the same tables.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOGUE
    parser.add_argument(
        "ratings", type=Path, metavar="RATINGS", help="TIFA's annotations, DSG's ratings, or a table of your own"
    )
    parser.add_argument("--scores", type=Path, metavar="FILE", help="the metrics, where they stand in another file")
    add_metric_options(parser)
    add_output_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the agreement."""
    from drawbench.agreement.measure import measure_agreement
    from drawbench.agreement.tables import read_judgements

    show_agreements([measure_agreement(read_judgements(args.ratings, args.scores, args.metric, args.lower))], args)
    return 0
