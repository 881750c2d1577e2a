"""Images by prompt: groups, checks, and intervals against independent formulas."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from metrics.errors import MetricInputError
from metrics.statistics.prompt_units import (
    PromptGroups,
    feature_table,
    jackknife_variance,
    mean_variance,
    proportion_interval,
    same_dimension,
    t_around,
    t_quantile,
    uneven_note,
)


def test_unequal_numbers_of_images_are_noted_where_they_make_intervals_short() -> None:
    few = np.where(np.arange(30) % 10 == 0, 20, 1)
    assert uneven_note(few) == (
        "prompts have 1 to 20 images, and these 30 vary as 6.2 of equal size do: the interval is too short"
    )
    assert "as 18.7 of equal size" in uneven_note(np.where(np.arange(30) % 2, 1, 8))
    for sizes in (np.full(12, 8), np.where(np.arange(100) % 2, 1, 8), np.array([8, 8, 7, 8, 6, 8])):
        assert uneven_note(sizes) == ""


def test_groups_hold_the_images_of_each_prompt() -> None:
    prompts = np.array([7, 2, 7, 5, 2, 7])
    groups = PromptGroups.of(prompts, 6)
    assert groups.count == 3
    assert groups.unit == "prompts"
    for label, prompt in enumerate((2, 5, 7)):
        rows = groups.order[groups.start[label] : groups.start[label + 1]]
        assert (prompts[rows] == prompt).all()
        assert (groups.label[rows] == label).all()
        assert groups.sizes[label] == (prompts == prompt).sum()


def test_without_prompts_each_image_is_a_unit() -> None:
    groups = PromptGroups.of(None, 3)
    assert (groups.count, groups.unit) == (3, "images")
    np.testing.assert_array_equal(groups.order, [0, 1, 2])


@pytest.mark.parametrize("prompts", [np.zeros(3), np.zeros(2, dtype=int), np.zeros((3, 1), dtype=int)])
def test_prompts_that_do_not_fit_the_images_are_refused(prompts: np.ndarray) -> None:
    with pytest.raises(MetricInputError, match="whole number for each of the 3 images"):
        PromptGroups.of(prompts, 3)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones((1, 4)), "at least 2"),
        (np.ones(4), "must be a table"),
        (np.ones((4, 2), dtype=int), "must be a table"),
        (np.ones((4, 0)), "must be a table"),
        (np.array([[1.0], [2.0], [np.nan]]), "row 2"),
        (np.array([[1.0], [np.inf]]), "row 1"),
    ],
)
def test_tables_that_no_metric_can_read_are_refused_in_one_sentence(table: np.ndarray, message: str) -> None:
    with pytest.raises(MetricInputError, match=message) as error:
        feature_table(table, "features")
    assert "\n" not in str(error.value)


def test_the_bad_row_is_named_beyond_the_first_piece() -> None:
    table = np.zeros((5000, 1))
    table[4500] = np.nan
    with pytest.raises(MetricInputError, match="row 4500"):
        feature_table(table, "features")


def test_two_networks_are_refused() -> None:
    with pytest.raises(MetricInputError, match="same network"):
        same_dimension(np.ones((2, 3)), np.ones((2, 4)))


def test_mean_variance_is_the_cluster_robust_variance_of_a_regression_on_nothing() -> None:
    random = np.random.default_rng(0)
    prompts = np.repeat(np.arange(9), [1, 4, 2, 8, 3, 3, 1, 5, 6])
    values = random.normal(size=33) + random.normal(size=9)[prompts]
    fit = sm.OLS(values, np.ones(33)).fit(
        cov_type="cluster", cov_kwds={"groups": prompts, "use_correction": False, "df_correction": False}
    )
    variance = mean_variance(values, PromptGroups.of(prompts, 33))
    assert variance == pytest.approx(fit.bse[0] ** 2 * 9 / 8, rel=1e-12)


def test_mean_variance_of_single_images_is_the_usual_one() -> None:
    values = np.random.default_rng(1).normal(size=12)
    assert mean_variance(values, PromptGroups.of(None, 12)) == pytest.approx(stats.sem(values) ** 2, rel=1e-12)
    assert mean_variance(values, PromptGroups.of(np.zeros(12, dtype=int), 12)) is None


def test_the_jackknife_of_a_mean_is_its_usual_variance() -> None:
    values = np.random.default_rng(2).normal(size=11)
    without = (values.sum() - values) / 10
    assert jackknife_variance(without) == pytest.approx(stats.sem(values) ** 2, rel=1e-12)


def test_t_around_is_symmetric_until_the_metrics_range_ends() -> None:
    free = t_around(0.5, 0.04, 10, "m")
    margin = stats.t.ppf(0.975, 9) * 0.2
    assert (free.low, free.high, free.method) == (pytest.approx(0.5 - margin), pytest.approx(0.5 + margin), "m")
    assert t_around(0.1, 0.04, 10, "m", low=0.0).low == 0.0


def test_proportions_of_many_units_get_wilsons_interval() -> None:
    n, share = 400_000, 0.3
    interval = proportion_interval(share, share * (1 - share) / n, n, "m")
    low, high = proportion_confint(share * n, n, method="wilson")
    assert (interval.low, interval.high) == (pytest.approx(low, rel=1e-5), pytest.approx(high, rel=1e-5))


def test_all_or_nothing_still_has_a_width() -> None:
    whole = proportion_interval(1.0, 0.0, 10, "m")
    assert whole.high == 1.0
    assert whole.low == pytest.approx(1 / (1 + t_quantile(10) ** 2 / 10))  # Wilson's bound at 10 of 10
    assert proportion_interval(0.0, 0.0, 10, "m").high == pytest.approx(1 - whole.low)


@given(st.floats(0, 1), st.floats(0, 1e3), st.integers(3, 10_000))
def test_a_proportion_lies_inside_its_interval_and_that_inside_0_and_1(value: float, variance: float, n: int) -> None:
    interval = proportion_interval(value, variance, n, "m")
    assert 0 <= interval.low <= value <= interval.high <= 1
