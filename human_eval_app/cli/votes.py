"""A study's votes, opened for reading by the commands that only look at them."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from human_eval_app.store.store import VoteStore
    from human_eval_app.study.design import Design


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """The study, and where its votes are."""
    parser.add_argument("study", type=Path, metavar="STUDY", help="a folder made by study create")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="where the votes are (default: $DRAWBENCH_STUDY_DATABASE, or sqlite:///STUDY/votes.sqlite)",
    )


@contextmanager
def study_votes(args: argparse.Namespace) -> Iterator[tuple["Design", "VoteStore"]]:
    """The design and its votes. Nothing is made or changed. Raises UserError when either is not there."""
    from sqlalchemy.exc import DBAPIError

    from human_eval_app.app.service import default_database
    from human_eval_app.store.database.engine import database_name
    from human_eval_app.store.database.faults import opening_error
    from human_eval_app.store.records import StoreRefusal
    from human_eval_app.store.store import VoteStore
    from human_eval_app.study.design import read_design

    design = read_design(args.study)
    url = args.database or default_database(args.study)
    store = VoteStore.open(url, design, read_only=True)
    try:
        yield design, store
    except StoreRefusal as refusal:
        if not isinstance(refusal.__cause__, DBAPIError):
            raise
        raise opening_error(refusal.__cause__, database_name(url)) from refusal
    finally:
        store.close()
