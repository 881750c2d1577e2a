"""Preference rates and caption scores, overall and per category, from a votes table."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from drawbench.prompts.people import NO_PEOPLE, has_people
from drawbench.results.scores import OVERALL, Interval
from human_eval_app.analysis.intervals import (
    POOLED,
    TWO_WAY,
    TWO_WAY_NET,
    Bounds,
    detectable,
    interval_at,
    net_bounds,
    net_p_values,
    share_bounds,
    wilson_bounds,
)
from human_eval_app.analysis.records import WHOLE, CaptionScore, PairwiseComparison, Preference, Rate
from human_eval_app.analysis.significance import holm, sign_test
from human_eval_app.analysis.two_way import Average, Crossing, Estimate
from human_eval_app.study.design import ORIGINAL

CHOICES = ("a", "indifferent", "b")
WORTH = {"yes": 1.0, "somewhat": 0.5, "no": 0.0}


@dataclass(frozen=True)
class Scope:
    """A part of a votes table, and how its votes are averaged."""

    name: str
    average: Average
    votes: pd.DataFrame

    @property
    def counts(self) -> dict[str, int]:
        """Votes, and how many raters, prompts and categories they are of."""
        table = self.votes
        return {
            "votes": len(table),
            "raters": int(table["rater"].nunique()),
            "prompts": int(table["prompt_id"].nunique()),
            "categories": int(table["category"].nunique()),
        }


def comparisons(votes: pd.DataFrame, captions: Mapping[str, str]) -> tuple[PairwiseComparison, ...]:
    """Every pair of models that raters saw side by side. votes: main votes of paired trials.

    captions: of the prompts, where those that speak of people are to be told apart; else empty.
    """
    pairs = []
    for (model_a, model_b), of_pair in votes.groupby(["model_a", "model_b"], sort=False):
        rows = [
            preference(str(question), scope)
            for question, of_question in of_pair.groupby("question", sort=False)
            for scope in scopes(of_question, captions)
        ]
        pairs.append(PairwiseComparison(model_a=str(model_a), model_b=str(model_b), rows=tuple(rows)))
    return _corrected(pairs)


def caption_scores(votes: pd.DataFrame, captions: Mapping[str, str]) -> tuple[CaptionScore, ...]:
    """How well captions describe each model's images. votes: main votes of single images."""
    return tuple(
        _caption_score(str(model), part, scope)
        for scope in scopes(votes, captions)
        for model, part in scope.votes.groupby("model_a", sort=False)
    )


def scopes(votes: pd.DataFrame, captions: Mapping[str, str]) -> Iterator[Scope]:
    """Overall, and each category where there are several.

    Where captions are given, categories are batches of one kind: then overall, and the captions without people.
    """
    categories = [] if captions else list(dict.fromkeys(votes["category"]))
    if len(categories) > 1:
        yield Scope(OVERALL, "macro", votes)
    yield Scope(OVERALL, "micro", votes)
    if captions:
        kept = votes[~votes["prompt_id"].map(lambda prompt: has_people(captions[prompt]))]
        if 0 < len(kept) < len(votes):
            yield Scope(NO_PEOPLE, "micro", kept)
    if len(categories) > 1:
        for category in categories:
            yield Scope(category, "micro", votes[votes["category"] == category])


def preference(question: str, scope: Scope) -> Preference:
    """One row of numbers."""
    choice = scope.votes["choice"].to_numpy()
    told = np.stack([choice == each for each in CHOICES], axis=1).astype(np.float64)
    net = told[:, 0] - told[:, 2]
    crossing = Crossing.of(scope.votes, scope.average)
    shares, net_estimate = crossing.mean(told), crossing.mean(net)
    bounds = share_bounds(shares)
    a, indifferent, b = (rate(shares, bounds, column, TWO_WAY) for column in range(3))
    return Preference(
        question=question,
        scope=scope.name,
        average=scope.average,
        a=a,
        indifferent=indifferent,
        b=b,
        net=rate(net_estimate, net_bounds(net_estimate), 0, TWO_WAY_NET),
        p=_finite(net_p_values(net_estimate)[0]),
        detectable=_finite(detectable(net_estimate)[0]),
        sign=sign_test(np.bincount(crossing.prompt, weights=net)),
        pooled=_pooled(told[:, 0]) if scope.average == "micro" else None,
        **scope.counts,
    )


def rate(estimate: Estimate, bounds: Bounds, column: int, method: str, scale: float = 1.0) -> Rate:
    """One estimate with its interval, as a record; `scale` turns shares into other units."""
    interval = interval_at(bounds, column, method, estimate)
    if interval != "not available" and scale != 1.0:
        interval = replace(interval, low=interval.low * scale, high=interval.high * scale)
    return Rate(value=float(estimate.value[column]) * scale, interval=interval)


def _caption_score(model: str, votes: pd.DataFrame, scope: Scope) -> CaptionScore:
    told = [votes["choice"].to_numpy() == each for each in WORTH]
    estimate = Crossing.of(votes, scope.average).mean(np.stack([*told, _worth(votes)], axis=1))
    bounds = share_bounds(estimate)
    yes, somewhat, no = (rate(estimate, bounds, column, TWO_WAY) for column in range(3))
    return CaptionScore(
        model=model,
        scope=scope.name,
        average=scope.average,
        yes=yes,
        somewhat=somewhat,
        no=no,
        score=rate(estimate, bounds, 3, TWO_WAY, 100.0),
        over_original=_over_original(model, scope),
        **replace(scope, votes=votes).counts,
    )


def _over_original(model: str, scope: Scope) -> Rate | None:
    """A model's score minus the photographs', in points; both were judged on the same captions, by other raters."""
    votes = scope.votes[scope.votes["model_a"].isin((model, ORIGINAL))]
    originals = (votes["model_a"] == ORIGINAL).to_numpy()
    if model == ORIGINAL or not originals.any():
        return None
    # Each side's mean as a part of one mean over all votes, so that a caption's two parts are seen together.
    part = np.where(originals, -len(votes) / originals.sum(), len(votes) / (~originals).sum())
    estimate = Crossing.of(votes, "micro").mean(part * _worth(votes))
    return rate(estimate, net_bounds(estimate), 0, TWO_WAY_NET, 100.0)


def _worth(votes: pd.DataFrame) -> np.ndarray:
    return votes["choice"].map(WORTH).to_numpy(dtype=np.float64)


def _corrected(pairs: Sequence[PairwiseComparison]) -> tuple[PairwiseComparison, ...]:
    """Holm's correction over the categories, questions and pairs of the study; overall rows are no part of it."""
    family = [row for pair in pairs for row in pair.rows if row.scope not in WHOLE]
    corrected = dict(zip(map(id, family), holm([row.p for row in family]), strict=True))
    return tuple(
        pair.model_copy(
            update={"rows": tuple(row.model_copy(update={"p_holm": corrected.get(id(row))}) for row in pair.rows)}
        )
        for pair in pairs
    )


def _pooled(values: np.ndarray) -> Interval | None:
    """The interval of a share of votes, values of 0 and 1, as if no two votes had anything in common."""
    bounds = wilson_bounds(values.mean(keepdims=True), np.array([len(values)]))
    interval = interval_at(bounds, 0, POOLED)
    return None if interval == "not available" else interval


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
