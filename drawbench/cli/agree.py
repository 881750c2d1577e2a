"""`drawbench agree`: which metric sides with people, from ratings and scores of the same images."""

import argparse
import sys
from pathlib import Path

from drawbench.agreement.output import add_output_options, show_agreement

EPILOGUE = """examples:
  drawbench agree human_annotations_with_scores.json                    TIFA's ratings, with its ten metrics
  drawbench agree tifa160-likert.csv --scores human_annotations_with_scores.json    DSG's ratings of the same images
  drawbench agree mine.csv --lower fid_of_patch --plot plots            a table of your own
A table of your own has a row for each rating: prompt_id, model, rating, perhaps rater and category; its other columns
of numbers are metrics, as are those of --scores, which has a row for each image: prompt_id, model and the metrics.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOGUE
    parser.add_argument(
        "ratings", type=Path, metavar="RATINGS", help="TIFA's annotations, DSG's ratings, or a table of your own"
    )
    parser.add_argument("--scores", type=Path, metavar="FILE", help="the metrics, where they stand in another file")
    parser.add_argument("--metric", action="append", default=[], metavar="NAME", help="only this one (repeatable; all)")
    parser.add_argument(
        "--lower", action="append", default=[], metavar="NAME", help="a metric of which less is better (repeatable)"
    )
    add_output_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the agreement."""
    from drawbench.agreement.measure import measure_agreement
    from drawbench.agreement.tables import read_judgements

    made = measure_agreement(read_judgements(args.ratings, args.scores, args.metric, args.lower))
    show_agreement(made, args)
    for each in made.chance:
        if each.verdict == "below":
            print(
                f"drawbench: {each.metric} sides against people: if less of it is better, say --lower {each.metric}",
                file=sys.stderr,
            )
    return 0
