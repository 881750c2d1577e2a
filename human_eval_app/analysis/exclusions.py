"""The rules, fixed in the design before launch, that leave raters out of the second version of every number."""

from collections.abc import Sequence

import pandas as pd

from human_eval_app.analysis.checks import gold_by_rater
from human_eval_app.analysis.records import Excluded
from human_eval_app.study.design import Exclusion


def left_out_by(rule: Exclusion, table: pd.DataFrame) -> frozenset[str]:
    """The raters that one rule leaves out, all their votes with them.

    gold: their share of right answers to gold trials is below the threshold (no gold trial: nobody is left out).
    too_fast: the median over their screens of the time to answer is below the threshold, in milliseconds.
    straight_lining: of all their answers, as seen on the screen, a greater share than the threshold is one answer.
    """
    if rule.rule == "gold":
        share = gold_by_rater(table)
        out = share[share < rule.threshold]
    elif rule.rule == "too_fast":
        screens = table.drop_duplicates(["sitting", "position"])
        median = screens.groupby("rater")["dwell_ms"].median()
        out = median[median < rule.threshold]
    else:
        counts = table.groupby(["rater", "answer"]).size().unstack(fill_value=0)
        commonest = counts.max(axis=1) / counts.sum(axis=1)
        out = commonest[commonest > rule.threshold]
    return frozenset(str(rater) for rater in out.index)


def exclude(rules: Sequence[Exclusion], table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Excluded, ...]]:
    """The votes table without the raters that any rule leaves out, and how many each rule did."""
    out = [left_out_by(rule, table) for rule in rules]
    counts = tuple(
        Excluded(rule=rule.rule, threshold=rule.threshold, raters=len(raters))
        for rule, raters in zip(rules, out, strict=True)
    )
    return table[~table["rater"].isin(frozenset().union(*out))].reset_index(drop=True), counts
