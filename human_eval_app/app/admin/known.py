"""What a study that may stop at a decision knows: all that may be seen of its models while it is open."""

from collections.abc import Iterable

from drawbench.errors import UserError
from drawbench.records import Record
from human_eval_app.analysis.records import Sequences
from human_eval_app.store.records import VoteRow
from human_eval_app.study.design import Design


class Known(Record):
    """sequences: None where the design has no stopping rule, and before the first complete sitting; problem: why."""

    sequences: Sequences | None
    problem: str


def known(design: Design, votes: Iterable[VoteRow]) -> Known:
    """The sequences of the design's stopping rule."""
    from human_eval_app.analysis.sequences import sequences
    from human_eval_app.analysis.votes import check_votes, rows_of

    try:
        return Known(sequences=sequences(design, check_votes(rows_of(votes), design)), problem="")
    except UserError as error:
        return Known(sequences=None, problem=str(error))
