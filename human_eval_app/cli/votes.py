"""A study's votes, opened for reading by the commands that only look at them."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbench.errors import UserError

if TYPE_CHECKING:
    from human_eval_app.store.records import StudyStatus
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


def add_votes_options(parser: argparse.ArgumentParser) -> None:
    """The study, its votes or an export of them, and that preferences may be seen."""
    parser.add_argument("study", type=Path, metavar="STUDY", help="the study's folder")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--votes", type=Path, metavar="FILE", help="an export of the votes: CSV, JSON lines or parquet")
    source.add_argument(
        "--database",
        metavar="URL",
        help="where the votes are ($DRAWBENCH_STUDY_DATABASE, or sqlite:///STUDY/votes.sqlite)",
    )
    parser.add_argument("--look", action="store_true", help="before the study is closed, too; it keeps note of that")


def known_votes(
    args: argparse.Namespace, place: str, *, decisions: bool = False
) -> "tuple[list[dict[str, Any]], StudyStatus | None, int]":
    """The votes, from the export or the database, the study's status, and the looks at it; None, 0: nobody knows.

    args: of `add_votes_options`. place: who looks, for the study's note. decisions: whether, of a study that is not
    closed and has a stopping rule, nothing but its decisions is told.
    Raises UserError where the votes may not be seen yet, or are not there.
    """
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
        if watched and not (decisions and design.stopping is not None) and not args.look:
            raise UserError(
                f"study {design.name} is not closed, and who sees preferences now may stop when they please: close it "
                "(study control), or give --look, which the study keeps note of; study status tells how far it is."
            )
        rows = rows_of(store.vote_rows()) if exported is None else exported
        looks = len(store.looks())
    if watched and args.look and any(row["sitting_state"] == "complete" for row in rows):
        writing = VoteStore.open(args.database or default_database(args.study), design)
        writing.record_look(place)
        writing.close()
        looks += 1
    return rows, status, looks
