"""What speaks for and against the votes: sides, repeats, trials with known answers, times."""

from dataclasses import replace

import numpy as np
import pandas as pd

from human_eval_app.analysis.intervals import TWO_WAY, net_p_values, share_bounds
from human_eval_app.analysis.rates import rate
from human_eval_app.analysis.records import Checks, GoldShare, LeftShare, MirrorShare, Times
from human_eval_app.analysis.two_way import Crossing
from human_eval_app.analysis.votes import main_votes

POSSIBLE_MS = 1000.0  # a question: to look at the images, decide and answer


def checks(table: pd.DataFrame) -> Checks:
    """All checks of a votes table."""
    return Checks(
        left=left_shares(main_votes(table)),
        mirrored=mirror_shares(table),
        gold=gold_share(table),
        times=times(table),
    )


def left_shares(votes: pd.DataFrame) -> tuple[LeftShare, ...]:
    """How often the left side won, per question of paired trials, among votes that chose a side."""
    shares = []
    for question, of_question in votes.groupby("question", sort=False):
        answer = of_question["answer"].to_numpy()
        left, decided = answer == "left", np.isin(answer, ("left", "right"))
        if not decided.any():
            continue
        share = left.sum() / decided.sum()
        # The share is a ratio of two means; each vote's influence on it stands in for the vote (linearisation).
        influence = (left - share * decided) / decided.mean()
        spread = Crossing.of(of_question, "micro").mean(influence)
        estimate = replace(spread, value=np.array([share]))
        doubled = replace(
            estimate,
            value=2 * estimate.value - 1,
            **{name: 4 * getattr(spread, name) for name in ("variance", "by_prompt", "by_rater", "by_vote")},
        )
        p = float(net_p_values(doubled)[0])
        shares.append(
            LeftShare(
                question=str(question),
                share=rate(estimate, share_bounds(estimate), 0, TWO_WAY),
                p=p if np.isfinite(p) else None,
                votes=int(decided.sum()),
            )
        )
    return tuple(shares)


def mirror_shares(table: pd.DataFrame) -> tuple[MirrorShare, ...]:
    """How often a repeat with exchanged sides got the answer of the trial that it repeats, per question."""
    repeats = table[table["kind"] == "mirror"]
    if repeats.empty:
        return ()
    first = table.set_index(["sitting", "position", "question"])["choice"]
    shares = []
    for question, of_question in repeats.groupby("question", sort=False):
        places = zip(of_question["sitting"], of_question["mirror_of_position"].astype(int), strict=True)
        before = np.array([first[(sitting, place, question)] for sitting, place in places])
        estimate = Crossing.of(of_question, "micro").mean(before == of_question["choice"].to_numpy())
        share = rate(estimate, share_bounds(estimate), 0, TWO_WAY)
        shares.append(MirrorShare(question=str(question), share=share, pairs=len(of_question)))
    return tuple(shares)


def gold_by_rater(table: pd.DataFrame) -> pd.Series:
    """Each rater's share of right answers among those with a known one; raters without any are not in it."""
    known = table[(table["kind"] == "gold") & (table["expected"] != "")]
    return (known["answer"] == known["expected"]).groupby(known["rater"]).mean()


def gold_share(table: pd.DataFrame) -> GoldShare | None:
    """Right answers of trials with a known one; None where there are none."""
    known = table[(table["kind"] == "gold") & (table["expected"] != "")]
    if known.empty:
        return None
    by_rater = gold_by_rater(table)
    return GoldShare(
        share=float((known["answer"] == known["expected"]).mean()),
        lowest=float(by_rater.min()),
        median=float(by_rater.median()),
        answers=len(known),
        raters=len(by_rater),
    )


def impossible(table: pd.DataFrame) -> frozenset[str]:
    """Raters whose median screen came and was answered within `POSSIBLE_MS` a question, by the server's clock."""
    people = table[table["source"] != "simulated"]
    screens = people.drop_duplicates(["sitting", "position"])
    median = (screens["gap_ms"].astype(float) / people["question"].nunique()).groupby(screens["rater"]).median()
    return frozenset(str(rater) for rater in median.index[median < POSSIBLE_MS])


def times(table: pd.DataFrame) -> Times:
    """How long raters looked at a screen, and waited for its images."""
    screens = table.drop_duplicates(["sitting", "position"])
    dwell, load = screens["dwell_ms"].quantile([0.1, 0.5, 0.9]), screens["load_ms"].quantile([0.5, 0.95])
    return Times(
        screens=len(screens),
        dwell_10=float(dwell[0.1]),
        dwell_50=float(dwell[0.5]),
        dwell_90=float(dwell[0.9]),
        load_50=float(load[0.5]),
        load_95=float(load[0.95]),
        impossible=len(impossible(table)),
    )
