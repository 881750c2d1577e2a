"""Bradley-Terry strengths with Davidson's ties: against evalica, a log-linear model, closed forms and the jackknife."""

import math

import evalica
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from drawbench.results.scores import Interval
from human_eval_app.analysis.records import Rate
from human_eval_app.analysis.strengths import as_elo, fit_davidson, strengths, why_no_maximum
from human_eval_app.analysis.two_way import Crossing
from human_eval_app.analysis.votes import main_votes
from human_eval_app.simulate import Truth, draw
from tests.human_eval_app.analysis.made_up import answered, preferring, question_layout, simulated
from tests.human_eval_app.designs import make_design

Votes = tuple[np.ndarray, np.ndarray, np.ndarray]


def _votes(n: int, models: int, ties: bool, seed: int = 0) -> Votes:
    """Random pairs and outcomes of models whose strengths differ."""
    random = np.random.default_rng(seed)
    first = random.integers(0, models, n)
    second = (first + random.integers(1, models, n)) % models
    noise = random.normal(size=n) + 0.4 * (first - second)
    zone = 0.4 if ties else 0.0
    return first, second, (noise > zone).astype(int) - (noise < -zone)


def test_without_ties_it_is_evalicas_bradley_terry() -> None:
    first, second, outcome = _votes(600, 4, ties=False)
    winners = [evalica.Winner.X if each > 0 else evalica.Winner.Y for each in outcome]
    names = [str(each) for each in range(4)]
    found = evalica.bradley_terry(
        [names[each] for each in first], [names[each] for each in second], winners, tolerance=1e-13, limit=10_000
    )
    theirs = np.log(found.scores.loc[names].to_numpy())
    ours = fit_davidson(first, second, outcome, 4)
    assert ours.log_strength == pytest.approx(theirs - theirs.mean(), abs=1e-6)
    assert ours.log_tie == -np.inf


def test_with_ties_it_is_the_log_linear_model() -> None:
    """Counts of (pair, outcome) as Poisson: an effect of each pair, half a strength per side of a tie, a tie's own."""
    models = 4
    first, second, outcome = _votes(900, models, ties=True)
    low, high = np.minimum(first, second), np.maximum(first, second)
    won = np.where(outcome == 0, 0, np.where((outcome > 0) == (first == low), 1, -1))
    rows, counts = [], []
    for i in range(models):
        for j in range(i + 1, models):
            for result in (1, 0, -1):
                strength = np.zeros(models)
                strength[i], strength[j] = (1 + result) / 2, (1 - result) / 2
                pair = np.zeros(models * models)
                pair[i * models + j] = 1
                rows.append(np.concatenate([strength, [result == 0], pair]))
                counts.append(((low == i) & (high == j) & (won == result)).sum())
    design = np.array(rows, dtype=float)
    design = design[:, design.any(axis=0)][:, 1:]  # the first model's strength is the origin
    theirs = sm.GLM(np.array(counts), design, family=sm.families.Poisson()).fit(tol=1e-12).params
    strength = np.concatenate([[0.0], theirs[: models - 1]])
    ours = fit_davidson(first, second, outcome, models)
    assert ours.log_strength == pytest.approx(strength - strength.mean(), abs=1e-6)
    assert ours.log_tie == pytest.approx(theirs[models - 1], abs=1e-6)


def test_of_two_models_the_closed_form() -> None:
    outcome = np.array([1] * 50 + [0] * 30 + [-1] * 20)
    ours = fit_davidson(np.zeros(100, int), np.ones(100, int), outcome, 2)
    assert ours.log_strength[0] - ours.log_strength[1] == pytest.approx(np.log(50 / 20))
    assert np.exp(ours.log_tie) == pytest.approx(30 / np.sqrt(50 * 20))


@pytest.mark.parametrize("ties", [True, False])
def test_a_votes_influence_is_what_leaving_it_out_changes(ties: bool) -> None:
    first, second, outcome = _votes(2000, 3, ties)
    whole = fit_davidson(first, second, outcome, 3)
    for vote in (0, 7, 100):
        kept = np.arange(2000) != vote
        without = fit_davidson(first[kept], second[kept], outcome[kept], 3)
        assert 2000 * (whole.log_strength - without.log_strength) == pytest.approx(
            whole.influence[vote], rel=0.02, abs=0.01
        )
    assert whole.influence.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)


def test_no_finite_strength_is_said_not_computed() -> None:
    first, second = np.array([0, 0, 1]), np.array([1, 2, 2])
    assert "won every vote" in why_no_maximum(first, second, np.array([1, 1, 1]), 3)
    assert "never compared" in why_no_maximum(first[:1], second[:1], np.array([0]), 3)
    assert why_no_maximum(first, second, np.array([0, 0, 0]), 3) == ""


def test_a_study_gives_models_from_strong_to_weak() -> None:
    design = make_design(categories={"Only": 30}, raters=12, models=("x", "y", "z"))
    truth = Truth(utility={("z", "*", "*"): 1.0, ("x", "*", "*"): -1.0})
    fidelity, alignment = strengths(main_votes(simulated(design, truth).table))
    assert (fidelity.question, alignment.question) == ("fidelity", "alignment")
    assert [each.model for each in fidelity.models] == ["z", "y", "x"]
    assert sum(each.log_strength.value for each in fidelity.models) == pytest.approx(0, abs=1e-9)
    assert fidelity.votes == 3 * 30 * 12
    for each in fidelity.models:
        interval = each.log_strength.interval
        assert interval != "not available"
        assert interval.low < each.log_strength.value < interval.high
        assert each.elo == as_elo(each.log_strength)


def test_400_points_are_odds_of_10_to_1_and_models_have_1000_on_the_average() -> None:
    """Of x against y 10 to 1, and of z as often better as worse than either, by the middle of the two."""
    pairs = np.repeat([[0, 1], [0, 1], [0, 2], [0, 2], [2, 1], [2, 1]], [100, 10, 316, 100, 316, 100], axis=0)
    outcome = np.repeat([1, -1, 1, -1, 1, -1], [100, 10, 316, 100, 316, 100])
    fit = fit_davidson(pairs[:, 0], pairs[:, 1], outcome, 3)
    x, y, z = (as_elo(Rate(value=float(each), interval="not available")).value for each in fit.log_strength)
    assert x - y == pytest.approx(400, abs=1)
    assert z == pytest.approx(1000, abs=1)
    assert x + y + z == pytest.approx(3000)
    interval = Interval(low=-math.log(10), high=0.0, method="any", level=0.95)
    assert as_elo(Rate(value=-1.0, interval=interval)).interval == Interval(600, 1000, "any", 0.95)


def test_a_model_that_always_wins_has_no_strength() -> None:
    design = make_design(categories={"Only": 3}, raters=2, models=("x", "y", "z"))
    always = preferring(lambda row: "a")
    (first, *_) = strengths(main_votes(answered(design, always).table))
    assert first.models == ()
    assert "won every vote" in first.problem


@pytest.mark.proof
def test_intervals_of_strengths_hold_their_level() -> None:
    """Three models as good as each other: how often an interval leaves out zero."""
    design = make_design(categories={"One": 20, "Two": 20}, raters=25, models=("x", "y", "z"), simulated=True)
    rows = question_layout(design, "fidelity")
    number = {"x": 0, "y": 1, "z": 2}
    first, second = (rows[name].map(number).to_numpy() for name in ("model_a", "model_b"))
    flip = np.where(rows["left_model"] == rows["model_a"], 1, -1)[:, None]
    outcomes = draw(rows, Truth(), 400, np.random.default_rng(0))[0] * flip
    crossing = Crossing.of(pd.DataFrame(rows), "micro")
    missed = []
    for outcome in outcomes.T:
        fit = fit_davidson(first, second, outcome, 3)
        spread = crossing.mean(fit.influence)
        margin = 1.98 * np.sqrt(spread.variance)
        missed.append(np.abs(fit.log_strength) > margin)
    assert 3 <= 100 * np.mean(missed) <= 7
