"""Three or more models on one scale: Bradley and Terry's model, with ties by Davidson (1970).

With strengths s and a tie parameter v, of models i and j
    P(i preferred) = s_i / (s_i + s_j + v sqrt(s_i s_j))        P(indifferent) = v sqrt(s_i s_j) / (the same).
Fitted by maximum likelihood over all votes. Intervals are those of the linearised estimate: every vote's influence on
a strength, clustered by prompt and rater as all other numbers here.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from human_eval_app.analysis.intervals import TWO_WAY_PLAIN, interval_at, plain_bounds
from human_eval_app.analysis.records import Rate, Strength, Strengths
from human_eval_app.analysis.two_way import Crossing

ELO_SCALE, ELO_MEAN = 400 / math.log(10), 1000.0  # of a log strength of 1; of all models of a study
MOST_STEPS = 100
SMALLEST_STEP = 1e-10


@dataclass(frozen=True)
class DavidsonFit:
    """Log strengths of M models, which sum to zero, and what each of N votes adds to them.

    log_strength: (M,). log_tie: -inf where no vote was indifferent. influence: (N, M): to first order, the log
    strengths would be this much over N lower without the vote.
    """

    log_strength: np.ndarray
    log_tie: float
    influence: np.ndarray


def strengths(votes: pd.DataFrame) -> tuple[Strengths, ...]:
    """Strengths per question. votes: main votes of paired trials of three or more models."""
    models = list(dict.fromkeys([*votes["model_a"], *votes["model_b"]]))
    return tuple(
        _strengths(str(question), models, of_question)
        for question, of_question in votes.groupby("question", sort=False)
    )


def as_elo(log_strength: Rate) -> Rate:
    """A log strength and its interval on the scale of Elo's ratings."""

    def rating(value: float) -> float:
        return ELO_MEAN + ELO_SCALE * value

    interval = log_strength.interval
    if interval != "not available":
        interval = replace(interval, low=rating(interval.low), high=rating(interval.high))
    return Rate(value=rating(log_strength.value), interval=interval)


def fit_davidson(first: np.ndarray, second: np.ndarray, outcome: np.ndarray, models: int) -> DavidsonFit:
    """Maximum likelihood. first, second: (N,) model numbers; outcome: (N,) of 1 (first preferred), 0, -1 (second).

    The likelihood must have a maximum: see `why_no_maximum`. Newton's method finds it: the log likelihood is concave.
    """
    sides = np.zeros((len(first), models))
    votes = np.arange(len(first))
    sides[votes, first], sides[votes, second] = 0.5, -0.5
    free = sides[:, :-1] - sides[:, -1:]  # the last log strength is minus the sum of the others
    ties = bool((outcome == 0).any())
    found = np.zeros(models - 1 + ties)
    likelihood, gradients, information = _likelihood(found, free, outcome)
    for _ in range(MOST_STEPS):
        step = np.linalg.solve(information, gradients.mean(axis=0))
        if np.abs(step).max() < SMALLEST_STEP:
            break
        size, before = 1.0, likelihood
        while size > SMALLEST_STEP:
            likelihood, gradients, information = _likelihood(found + size * step, free, outcome)
            if likelihood >= before:
                break
            size /= 2
        found = found + size * step
    influence = (gradients @ np.linalg.inv(information))[:, : models - 1]
    log_strength = found[: models - 1]
    return DavidsonFit(
        np.append(log_strength, -log_strength.sum()),
        float(found[-1]) if ties else -np.inf,
        np.column_stack([influence, -influence.sum(axis=1)]),
    )


def _likelihood(parameters: np.ndarray, free: np.ndarray, outcome: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Of all votes at once: mean log likelihood; gradients, (N, P), of each vote's; mean information, (P, P).

    parameters: (P,), free log strengths, then the logarithm of v where there are ties. free: (N, M - 1).
    """
    strengths = free.shape[1]
    half = free @ parameters[:strengths]
    ties = len(parameters) > strengths
    tie = np.full_like(half, parameters[-1] if ties else -np.inf)
    logits = np.stack([-half, tie, half], axis=1)
    logits -= logits.max(axis=1, keepdims=True)
    chances = np.exp(logits)
    total = chances.sum(axis=1, keepdims=True)
    chances /= total
    seen = np.take_along_axis(logits - np.log(total), outcome[:, None] + 1, axis=1)
    # Sufficient statistics of a vote: which side won, times the model's place in it, and whether nobody did.
    expected = chances[:, 2] - chances[:, 0]
    variance = chances[:, 2] + chances[:, 0] - expected**2
    gradients = free * (outcome - expected)[:, None]
    information = (free * variance[:, None]).T @ free / len(free)
    if ties:
        gradients = np.column_stack([gradients, (outcome == 0) - chances[:, 1]])
        across = -(free * (expected * chances[:, 1])[:, None]).mean(axis=0)
        own = (chances[:, 1] * (1 - chances[:, 1])).mean()
        information = np.block([[information, across[:, None]], [across[None, :], np.array([[own]])]])
    return float(seen.mean()), gradients, information


def why_no_maximum(first: np.ndarray, second: np.ndarray, outcome: np.ndarray, models: int) -> str:
    """Why no finite strengths fit best, or empty: some models never lost a vote to the others, not even half."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    beaten, by = np.where(outcome >= 0, second, first), np.where(outcome >= 0, first, second)
    tied = outcome == 0
    edges = (np.concatenate([beaten, by[tied]]), np.concatenate([by, beaten[tied]]))
    graph = csr_matrix((np.ones(len(edges[0])), edges), shape=(models, models))
    parts, _ = connected_components(graph, connection="strong")
    if parts == 1:
        return ""
    joined, _ = connected_components(graph, directed=False)
    if joined > 1:
        return "some models were never compared with the others"
    return "some models won every vote against the others, so no finite strength fits best"


def _strengths(question: str, models: list[str], votes: pd.DataFrame) -> Strengths:
    number = {model: place for place, model in enumerate(models)}
    first, second = (votes[name].map(number).to_numpy() for name in ("model_a", "model_b"))
    outcome = votes["choice"].map({"a": 1, "indifferent": 0, "b": -1}).to_numpy()
    problem = why_no_maximum(first, second, outcome, len(models))
    rows, tie = ((), None) if problem else _rows(votes, fit_davidson(first, second, outcome, len(models)), models)
    return Strengths(
        question=question,
        models=rows,
        tie=tie,
        votes=len(votes),
        raters=int(votes["rater"].nunique()),
        prompts=int(votes["prompt_id"].nunique()),
        problem=problem,
    )


def _rows(votes: pd.DataFrame, fit: DavidsonFit, models: list[str]) -> tuple[tuple[Strength, ...], float]:
    """The models with their intervals, strongest first, and the tie parameter."""
    spread = Crossing.of(votes, "micro").mean(fit.influence)
    bounds = plain_bounds(replace(spread, value=fit.log_strength))
    rates = [
        Rate(value=float(fit.log_strength[place]), interval=interval_at(bounds, place, TWO_WAY_PLAIN))
        for place in range(len(models))
    ]
    rows = [
        Strength(model=model, log_strength=rate, elo=as_elo(rate)) for model, rate in zip(models, rates, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: -row.log_strength.value)), float(np.exp(fit.log_tie))
