"""Clustered variances against statsmodels and against the textbook's two-way layout."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from human_eval_app.analysis.two_way import Crossing
from tests.human_eval_app.analysis.made_up import grid


def _table(prompts: int, raters: int, seed: int, missing: float = 0.0, category: str = "only") -> pd.DataFrame:
    """Votes with effects of prompts and raters, some of them missing."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(prompts, 1)) + random.normal(size=(1, raters)) + random.normal(size=(prompts, raters))
    table = grid((hidden > 0.3).astype(float).tolist(), category)
    return table[random.random(len(table)) >= missing].reset_index(drop=True)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize(("prompts", "raters"), [(7, 25), (10, 4), (3, 3)])
def test_every_part_is_statsmodels_own(prompts: int, raters: int, missing: float) -> None:
    table = _table(prompts, raters, 3, missing)
    values = table["value"].to_numpy()
    ours = Crossing.of(table, "micro").mean(values)
    ols = sm.OLS(values, np.ones(len(values))).fit()
    both, by_prompt, by_rater = (
        float(each[0, 0])
        for each in cov_cluster_2groups(ols, table["prompt_id"].factorize()[0], table["rater"].factorize()[0])
    )
    additive = smf.ols("value ~ C(prompt_id) + C(rater)", table).fit()
    by_vote = additive.mse_resid / len(values)
    assert ours.value[0] == pytest.approx(values.mean(), rel=1e-12)
    assert ours.by_prompt[0] == pytest.approx(by_prompt, rel=1e-9)
    assert ours.by_rater[0] == pytest.approx(by_rater, rel=1e-9)
    assert ours.by_vote[0] == pytest.approx(by_vote, rel=1e-9)
    # Cameron, Gelbach and Miller subtract the plain variance of the mean; ours is what an additive fit leaves of it.
    plain = values.var(ddof=1) / len(values)
    assert by_prompt + by_rater - both == pytest.approx(plain, rel=1e-9)
    assert ours.variance[0] == pytest.approx(max(both + plain - by_vote, by_vote), rel=1e-9)


def test_a_complete_layout_is_the_textbooks() -> None:
    """Mean squares of a two-way layout with random prompts and raters, and Satterthwaite's degrees of freedom."""
    prompts, raters = 6, 9
    y = _table(prompts, raters, 11)["value"].to_numpy().reshape(prompts, raters)
    of_prompts = raters * y.mean(axis=1).var(ddof=1)
    of_raters = prompts * y.mean(axis=0).var(ddof=1)
    left = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0, keepdims=True) + y.mean()
    of_votes = (left**2).sum() / ((prompts - 1) * (raters - 1))
    squares = of_prompts + of_raters - of_votes
    spread = of_prompts**2 / 5 + of_raters**2 / 8 + of_votes**2 / 40
    ours = Crossing.of(grid(y.tolist()), "micro").mean(y.ravel())
    assert squares > of_votes
    assert ours.variance[0] == pytest.approx(squares / y.size, rel=1e-12)
    assert ours.degrees[0] == pytest.approx(squares**2 / spread, rel=1e-12)


def test_the_variance_is_unbiased_in_the_smallest_category() -> None:
    random = np.random.default_rng(0)
    prompts, raters, studies = 7, 25, 4000
    hidden = 0.4 * random.normal(size=(prompts, 1, studies)) + 0.3 * random.normal(size=(1, raters, studies))
    values = (hidden + random.normal(size=(prompts, raters, studies))).reshape(-1, studies)
    ours = Crossing.of(grid(np.zeros((prompts, raters)).tolist()), "micro").mean(values)
    true = 0.16 / prompts + 0.09 / raters + 1 / (prompts * raters)
    assert ours.value.var() == pytest.approx(true, rel=0.08)
    assert ours.variance.mean() == pytest.approx(true, rel=0.03)


def test_votes_that_differ_less_than_by_chance_keep_the_single_votes_variance() -> None:
    """Every prompt and every rater has the same mean: only single votes vary."""
    y = np.array([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]])
    ours = Crossing.of(grid(y.tolist()), "micro").mean(y.ravel())
    assert ours.by_prompt[0] == pytest.approx(0, abs=1e-15)
    assert ours.variance[0] == pytest.approx((y - 0.5).ravel() @ (y - 0.5).ravel() / 9 / 16)
    assert ours.degrees[0] == pytest.approx(9)


def test_categories_are_strata() -> None:
    """Overall: the categories' variances, weighted by the squares of their weights, whatever their rates."""
    one, other = _table(8, 5, 1, category="one"), _table(4, 6, 2, category="other")
    other["value"] = 1 - 0.2 * other["value"]
    table = pd.concat([one, other], ignore_index=True)
    parts = [Crossing.of(each, "micro").mean(each["value"].to_numpy()) for each in (one, other)]
    for average, weights in (("micro", [40 / 64, 24 / 64]), ("macro", [0.5, 0.5])):
        whole = Crossing.of(table, average).mean(table["value"].to_numpy())  # type: ignore[arg-type]
        assert whole.value[0] == pytest.approx(sum(w * p.value[0] for w, p in zip(weights, parts, strict=True)))
        for name in ("by_prompt", "by_rater", "by_vote"):
            expected = sum(w**2 * getattr(p, name)[0] for w, p in zip(weights, parts, strict=True))
            assert getattr(whole, name)[0] == pytest.approx(expected, rel=1e-9)


def test_a_prompt_shared_by_two_panels_is_one_prompt() -> None:
    """Two pairs of models on the same prompts: what a prompt does to both does not average out."""
    table = _table(6, 8, 4)
    twice = pd.concat([table, table.assign(panel="again", rater=table["rater"] + " too")], ignore_index=True)
    once, both = (Crossing.of(each, "micro").mean(each["value"].to_numpy()) for each in (table, twice))
    assert both.by_prompt[0] == pytest.approx(once.by_prompt[0], rel=1e-9)
    assert both.by_rater[0] == pytest.approx(once.by_rater[0] / 2, rel=1e-9)


def test_one_prompt_or_one_rater_tells_no_variance() -> None:
    for shape in ((1, 5), (5, 1)):
        values = np.arange(5.0).reshape(shape)
        ours = Crossing.of(grid(values.tolist()), "micro").mean(values.ravel())
        assert ours.value[0] == 2.0
        assert np.isnan(ours.variance[0])


def test_equal_votes_have_no_variance_at_all() -> None:
    values = np.full((4, 5), 0.1)
    ours = Crossing.of(grid(values.tolist()), "micro").mean(values.ravel())
    assert ours.variance[0] == 0.0
    assert ours.units == 4


def test_columns_do_not_disturb_each_other() -> None:
    table = _table(5, 6, 9, missing=0.1)
    values = np.random.default_rng(0).normal(size=(len(table), 3))
    crossing = Crossing.of(table, "micro")
    together = crossing.mean(values)
    for column in range(3):
        alone = crossing.mean(values[:, column])
        assert together.variance[column] == pytest.approx(alone.variance[0], rel=1e-12)
        assert together.degrees[column] == pytest.approx(alone.degrees[0], rel=1e-12)
