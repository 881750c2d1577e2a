"""Krippendorff's alpha: how far raters agree beyond chance (Krippendorff 2018, ch. 12)."""

from typing import Literal

import numpy as np
import pandas as pd

from drawbench.results.scores import OVERALL
from human_eval_app.analysis.records import Agreement

ORDERED = {"a": 0, "indifferent": 1, "b": 2, "yes": 0, "somewhat": 1, "no": 2}


def agreement(votes: pd.DataFrame, by_category: bool) -> tuple[Agreement, ...]:
    """Alpha per question, overall and per category. votes: main votes.

    A unit is what a panel's raters judged in common: one prompt of one pair of models, or of one model.
    """
    rows = []
    for question, of_question in votes.groupby("question", sort=False):
        parts = [(OVERALL, of_question)]
        if by_category and of_question["category"].nunique() > 1:
            parts += [(str(name), part) for name, part in of_question.groupby("category", sort=False)]
        rows += [_agreement(str(question), scope, part) for scope, part in parts]
    return tuple(rows)


def krippendorff_alpha(counts: np.ndarray, metric: Literal["nominal", "ordinal"]) -> float | None:
    """Alpha of `counts`, (units, values): how many raters gave a unit each value; values in their order.

    Units with one rating say nothing. None where all ratings are one value: there was nothing to disagree about.
    """
    paired = counts[counts.sum(axis=1) > 1].astype(np.float64)
    raters = paired.sum(axis=1)
    # Coincidences: pairs of ratings of one unit by two raters, each unit weighing as many ratings as it has.
    shares = paired / (raters[:, None] - 1)
    together = paired.T @ shares - np.diag(shares.sum(axis=0))
    totals = together.sum(axis=1)
    distance = _ordinal(totals) if metric == "ordinal" else 1 - np.eye(counts.shape[1])
    by_chance = float((np.outer(totals, totals) * distance).sum())
    if by_chance == 0:
        return None
    return 1 - (totals.sum() - 1) * float((together * distance).sum()) / by_chance


def _ordinal(totals: np.ndarray) -> np.ndarray:
    """Squared numbers of ratings from the middle of one value to the middle of another, (values, values)."""
    middles = np.cumsum(totals) - totals / 2
    return (middles[:, None] - middles[None, :]) ** 2


def _agreement(question: str, scope: str, votes: pd.DataFrame) -> Agreement:
    units = np.unique((votes["panel"] + "\t" + votes["prompt_id"]).to_numpy(), return_inverse=True)[1]
    counts = np.zeros((units.max() + 1, 3))
    np.add.at(counts, (units, votes["choice"].map(ORDERED).to_numpy()), 1)
    return Agreement(
        question=question,
        scope=scope,
        nominal=krippendorff_alpha(counts, "nominal"),
        ordinal=krippendorff_alpha(counts, "ordinal"),
        answers=len(votes),
        prompts=int(votes["prompt_id"].nunique()),
    )
