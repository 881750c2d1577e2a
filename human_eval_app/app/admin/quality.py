"""How good the votes are so far, from the export's rows: pure functions. None tells who is ahead while votes come."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from drawbench.errors import UserError
from drawbench.records import Record
from human_eval_app.analysis.records import Agreement, Checks
from human_eval_app.store.records import VoteRow
from human_eval_app.study.design import Design

if TYPE_CHECKING:
    import pandas as pd


class Conduct(Record):
    """How one rater answers: over all their standing answers, control trials and repeats included.

    commonest, commonest_share: the answer, as seen on the screen, that they give most often; None where it would tell
    how good the rater's one model is, see `quality`. dwell_ms: median over screens from all images loaded to the
    answer. gold: share of right answers, None without a trial of known answer. rules: the design's exclusions that
    would leave this rater out as things stand.
    """

    rater: int
    state: str  # of the sitting
    screens: int
    commonest: str | None
    commonest_share: float | None
    dwell_ms: float
    gold: float | None
    rules: tuple[str, ...]
    impossible: bool = False  # faster than anybody can be, by the server's clock


class Quality(Record):
    """checks, agreement: of complete sittings, as the analysis has them. problem: why there are none, or empty."""

    sittings: int  # complete
    checks: Checks | None
    agreement: tuple[Agreement, ...]
    problem: str
    conduct: tuple[Conduct, ...]


def quality(design: Design, votes: Iterable[VoteRow], *, closed: bool) -> Quality:
    """Everything about the votes but their result.

    closed: whether no vote can come any more. Until then nobody's commonest answer is told where a trial is not paired:
    all of a rater's answers are about one model there, so that `yes` praises it.
    """
    from human_eval_app.analysis.agreement import agreement
    from human_eval_app.analysis.checks import checks
    from human_eval_app.analysis.votes import check_votes, main_votes, rows_of

    rows = rows_of(votes)
    found = conduct(design, rows, commonest=design.paired or closed)
    try:
        counted = check_votes(rows, design)
    except UserError as error:
        return Quality(sittings=0, checks=None, agreement=(), problem=str(error), conduct=found)
    return Quality(
        sittings=int(counted.table["sitting"].nunique()),
        checks=checks(counted.table),
        agreement=agreement(main_votes(counted.table), by_category=True),
        problem="",
        conduct=found,
    )


def conduct(design: Design, rows: Iterable[dict], *, commonest: bool) -> tuple[Conduct, ...]:
    """One entry per rater with a main vote, in the order of their numbers.

    rows: as `rows_of` gives them. commonest: whether each one's commonest answer is told.
    """
    import pandas as pd

    from human_eval_app.analysis.checks import gold_by_rater, impossible
    from human_eval_app.analysis.exclusions import left_out_by

    table = pd.DataFrame([row for row in rows if row["part"] == "main" and not row["superseded"]])
    if table.empty:
        return ()
    broken = [(rule.rule, left_out_by(rule, table)) for rule in design.exclusions]
    gold, rushed = gold_by_rater(table), impossible(table)
    found = [
        Conduct(
            rater=int(str(rater)),
            state=own["sitting_state"].iloc[0],
            gold=float(gold[rater]) if rater in gold.index else None,
            impossible=str(rater) in rushed,
            rules=tuple(dict.fromkeys(rule for rule, raters in broken if rater in raters)),
            **_habits(own, commonest),
        )
        for rater, own in table.groupby("rater")
    ]
    return tuple(sorted(found, key=lambda each: each.rater))


def _habits(own: "pd.DataFrame", commonest: bool) -> dict:
    """What one rater's answers have in common."""
    answers = own["answer"].value_counts()
    screens = own.drop_duplicates("position")
    return {
        "screens": len(screens),
        "commonest": str(answers.index[0]) if commonest else None,
        "commonest_share": float(answers.iloc[0] / len(own)) if commonest else None,
        "dwell_ms": float(screens["dwell_ms"].median()),
    }
