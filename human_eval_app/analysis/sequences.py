"""When a study knows: confidence sequences over raters, for designs that may stop at a decision.

Asked is what raters prefer on this very prompt set; other prompts are the business of the two-way intervals. A rater is
the unit. Their score is bounded, and independent of other raters' scores, however alike their votes are.

Raters come in rounds, one of each category, so that every category weighs the same however fast its raters come; see
`metrics.statistics.betting` for why a sequence moves when a round is full. In each category raters stand in the order
of their first answers, not in that of their last ones: if quick raters counted first, a study might stop before slow
ones, who may think otherwise, had their say. So a rater counts when all who began before them in their category have
ended, or have paused for so long that they are left out. That, and every other reason to leave one out, is known from
their own sitting, at its end at the latest: what a sequence has once is never written anew.
"""

import numpy as np
import pandas as pd

from human_eval_app.analysis.exclusions import left_out_by
from human_eval_app.analysis.records import PairSequence, Sequences
from human_eval_app.analysis.votes import Votes, main_votes
from human_eval_app.study.design import Design
from human_eval_app.study.stopping import ERROR, comparisons, panels_of_pairs, stopping_text
from metrics.statistics.betting import confidence_sequence

WORTH = {"a": 1.0, "indifferent": 0.5, "b": 0.0}


def sequences(design: Design, votes: Votes) -> Sequences | None:
    """What the design's stopping rule makes of the votes so far; None where it has none."""
    if design.stopping is None:
        return None
    begun = votes.begun.assign(**_left_out(design, votes))
    kept = (begun["state"] == "complete") & ~begun["paused"] & ~begun["excluded"]
    ready = begun[kept & ~_behind(begun)]
    scores = _scores(votes)
    pairs = panels_of_pairs(design)
    found, counted = [], 0
    for (model_a, model_b), panels in pairs.items():
        in_order = [ready.index[ready["panel"] == panel.id] for panel in panels]
        rounds = min(map(len, in_order))
        counted += rounds * len(panels)
        for question in design.questions:
            table = np.array([scores.loc[some[:rounds], question.id] for some in in_order])
            found.append(sequence((model_a, model_b, question.id), table.T, ERROR / comparisons(design)))
    complete = begun[begun["state"] == "complete"]
    return Sequences(
        rule=stopping_text(design.stopping, comparisons(design)),
        sequences=tuple(found),
        complete=len(complete),
        paused=int(complete["paused"].sum()),
        excluded=int((complete["excluded"] & ~complete["paused"]).sum()),
        waiting=int(kept.sum()) - counted,
    )


def sequence(names: tuple[str, str, str], rounds: np.ndarray, error: float) -> PairSequence:
    """One sequence. names: the models and the question. rounds: (R, K), the raters' scores in [0, 1]."""
    found = confidence_sequence(rounds, error)
    for_a, for_b = found.low >= 0.5, found.high <= 0.5
    first = int((for_a | for_b).argmax()) if (for_a | for_b).any() else None
    return PairSequence(
        model_a=names[0],
        model_b=names[1],
        question=names[2],
        panels=rounds.shape[1],
        mean=tuple(found.mean.tolist()),
        low=tuple(found.low.tolist()),
        high=tuple(found.high.tolist()),
        decision="undecided" if first is None else "a" if for_a[first] else "b",
        rounds=None if first is None else first + 1,
    )


def _left_out(design: Design, votes: Votes) -> dict[str, pd.Series]:
    """Which sittings are left out, by their own answers alone: those with a long pause, those that a rule excludes."""
    assert design.stopping is not None
    begun, table = votes.begun, votes.table
    raters = set[str]().union(*(left_out_by(rule, table) for rule in design.exclusions))
    out = set(table.loc[table["rater"].isin(raters), "sitting"])
    since = (begun["last"].max() - begun["last"]).where(begun["state"] == "active", pd.Timedelta(0))  # may still go on
    return {
        "paused": np.maximum(begun["pause"], since) > pd.Timedelta(minutes=design.stopping.pause_minutes),
        "excluded": pd.Series(begun.index.isin(out), begun.index),
    }


def _behind(begun: pd.DataFrame) -> pd.Series:
    """Whether a rater of the same panel who began before is still at work, and has not paused for too long."""
    at_work = (begun["state"] == "active") & ~begun["paused"]
    return at_work.groupby(begun["panel"]).cummax()


def _scores(votes: Votes) -> pd.DataFrame:
    """The raters' scores, of the answers that rates are made of: a row a sitting, a column a question."""
    main = main_votes(votes.table)
    return main["choice"].map(WORTH).groupby([main["sitting"], main["question"]]).mean().unstack()
