"""Judgements to numbers: how far each metric agrees with people, overall and by category, and which differ."""

import math
from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np

from drawbench.agreement.judgements import Judgements
from drawbench.agreement.records import (
    ONE_WITH_ANOTHER,
    ONE_WITH_OTHERS,
    Against,
    Agreement,
    Chance,
    Contrast,
    Measured,
    Statistic,
)
from drawbench.agreement.words import sentence
from drawbench.errors import UserError
from drawbench.results.scores import OVERALL
from metrics.agreement import (
    CHANCE,
    Share,
    accuracy_with_ties,
    agreement,
    apart,
    kendall_over_prompts,
    kendall_tau_b,
    mean_of,
    over_models,
    rater_with_others,
    raters_agreement,
    sides,
    spearman,
    spearman_over_prompts,
)
from metrics.statistics.equivalence import LEVEL, holm
from metrics.statistics.result import MetricResult

CORRELATIONS = (kendall_tau_b, spearman)
MEANS: tuple[Statistic, ...] = ("kendall_tau_b", "spearman")
OF_MODELS: tuple[Statistic, ...] = ("models_kendall_tau_b", "models_spearman")
BETWEEN_TWO = (kendall_over_prompts, spearman_over_prompts)
OF_PROMPTS: tuple[Statistic, ...] = ("prompts_kendall_tau_b", "prompts_spearman")


def measure_agreement(judged: Judgements) -> Agreement:
    """Everything that can be said of these judgements. Raises UserError where people tie every pair."""
    decided = sides(judged.people) != 0
    if not decided.any():
        raise UserError(f"people tie every pair in {judged.source}: there is no side that a metric could be on.")
    shares = {
        metric: found
        for metric in judged.scores
        if (found := agreement(judged.people, judged.differences(metric), judged.prompt))
    }
    names = sorted(shares, key=lambda metric: -shares[metric].value)
    numbers = [each for metric in names for each in _numbers_of(judged, metric, shares[metric])]
    made = Agreement(
        source=judged.source,
        question=judged.question,
        models=list(judged.models),
        prompts=len(set(judged.prompt.tolist())),
        pairs=len(judged.people),
        decided=int(decided.sum()),
        votes=judged.votes,
        metrics=names,
        numbers=[*_people(judged), *numbers],
        chance=_against_chance({metric: shares[metric] for metric in names}),
        contrasts=_contrasts({metric: shares[metric] for metric in names}, judged),
        notes=list(judged.notes),
        sentence="",
    )
    return made.model_copy(update={"sentence": sentence(made)})


def _numbers_of(judged: Judgements, metric: str, overall: Share) -> Iterator[Measured]:
    """All numbers of one metric."""
    differences = judged.differences(metric)
    yield _measured(metric, "agreement", OVERALL, overall.result(), overall.prompts)
    if ties := accuracy_with_ties(judged.people, differences, judged.prompt):
        yield _measured(metric, "accuracy_with_ties", OVERALL, ties.result(), ties.prompts)
    for scope, inside in _scopes(judged):
        found = agreement(judged.people[inside], differences[inside], judged.prompt[inside])
        if found:
            yield _measured(metric, "agreement", scope, found.result(), found.prompts)
    if len(judged.models) == 2:  # what ranks two images of a prompt is the agreement itself
        for found_over, of_prompts in zip(BETWEEN_TWO, OF_PROMPTS, strict=True):
            if over_prompts := found_over(judged.people, differences):
                yield _measured(metric, of_prompts, OVERALL, over_prompts, over_prompts.n)
        return
    scores = np.where(np.isnan(judged.ratings), np.nan, judged.scores[metric])
    for correlation, of_means, of_models in zip(CORRELATIONS, MEANS, OF_MODELS, strict=True):
        if mean := mean_of(correlation(judged.ratings, scores)):
            yield _measured(metric, of_means, OVERALL, mean, mean.n)
        if ranked := over_models(judged.ratings, scores, correlation):
            yield _measured(metric, of_models, OVERALL, ranked, len(judged.prompts))


def _people(judged: Judgements) -> Iterator[Measured]:
    """How far raters agree with each other, which is as much as may be asked of a metric."""
    everything = np.ones(len(judged.people), dtype=bool)
    for scope, inside in [(OVERALL, everything), *_scopes(judged)]:
        prompts, by_rater = judged.prompt[inside], judged.by_rater[inside]
        if found := raters_agreement(by_rater, prompts):
            yield _measured(ONE_WITH_ANOTHER, "agreement", scope, found.result(), found.prompts)
        several = (~np.isnan(by_rater)).sum(axis=1).max() > 2  # of two, the other is all others
        if several and (found := rater_with_others(by_rater, judged.others[inside], prompts)):
            yield _measured(ONE_WITH_OTHERS, "agreement", scope, found.result(), found.prompts)


def _scopes(judged: Judgements) -> list[tuple[str, np.ndarray]]:
    """The categories, where there are several, with the comparisons inside, (C,)."""
    categories = np.array(judged.categories)[judged.prompt]
    names = [name for name in dict.fromkeys(judged.categories) if name]
    return [(name, categories == name) for name in names if (categories == name).any()] if len(names) > 1 else []


def _measured(metric: str, statistic: Statistic, scope: str, found: MetricResult, prompts: int) -> Measured:
    return Measured(
        metric=metric,
        statistic=statistic,
        scope=scope,
        value=found.value,
        interval=found.interval or "not available",
        n=found.n,
        prompts=prompts,
    )


def _against_chance(shares: Mapping[str, Share]) -> list[Chance]:
    adjusted = holm([each.p_chance() for each in shares.values()])
    found = []
    for (metric, each), p in zip(shares.items(), adjusted, strict=True):
        side: Against = "above" if each.value > CHANCE else "below"
        found.append(Chance(metric=metric, p=p, verdict=side if p <= LEVEL else "not shown"))
    return found


def _contrasts(shares: Mapping[str, Share], judged: Judgements) -> list[Contrast]:
    """Of all pairs of metrics: which of them is best was not known before."""
    pairs = list(combinations(shares, 2))
    found = [apart(shares[a], shares[b]) for a, b in pairs]
    adjusted = holm([each.p for each in found])
    prompts = len(set(judged.prompt.tolist()))
    made = []
    for (a, b), each, p in zip(pairs, found, adjusted, strict=True):
        # Prompts on which people tie all are none of the units, and would be drawn again.
        needed = each.prompts_needed and math.ceil(each.prompts_needed * prompts / shares[a].prompts)
        made.append(
            Contrast(
                a=a,
                b=b,
                difference=each.difference,
                interval=each.interval or "not available",
                p=p,
                apart=p <= LEVEL,
                prompts_needed=needed,
                votes_needed=needed and math.ceil(needed * judged.votes / prompts),
            )
        )
    return made
