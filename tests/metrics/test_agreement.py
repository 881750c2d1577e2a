"""Agreement with people: closed forms, other implementations, counting by hand, and intervals on simulated raters."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.stats import kendalltau, somersd, spearmanr

from metrics.agreement import (
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
    share,
    spearman,
    spearman_over_prompts,
)
from metrics.statistics.intervals import t_quantile

NOWHERE = np.full((4, 2), np.nan)


def compared(ratings: np.ndarray, metric: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Differences of people and metric, prompts, and differences by rater, of ratings (P, M, R) and scores (P, M)."""
    pairs = list(combinations(range(ratings.shape[1]), 2))
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    means = ratings.mean(axis=2)
    prompts = np.repeat(np.arange(len(ratings)), len(pairs))
    by_rater = (ratings[:, first] - ratings[:, second]).reshape(len(prompts), -1)
    return (
        (means[:, first] - means[:, second]).ravel(),
        (metric[:, first] - metric[:, second]).ravel(),
        prompts,
        by_rater,
    )


def simulated(
    random: np.random.Generator, prompts: int, models: int, raters: int, skill: float
) -> tuple[np.ndarray, np.ndarray]:
    """Ratings 1 to 5 of raters with noise of their own, and a metric that knows a part of what is true."""
    quality = random.normal(size=(prompts, models)) + 0.15 * np.arange(models)
    ratings = np.clip(np.round(3 + quality[..., None] + random.normal(size=(prompts, models, raters))), 1, 5)
    return ratings, skill * quality + np.sqrt(1 - skill**2) * random.normal(size=quality.shape)


def _found(people: np.ndarray, metric: np.ndarray, prompts: np.ndarray, *_: object) -> Share:
    found = agreement(people, metric, prompts)
    assert found is not None
    return found


def test_peoples_ties_are_left_out_and_a_metrics_ties_are_half() -> None:
    people = np.array([1.0, -2.0, 0.0, 3.0, np.nan])
    found = _found(people, np.array([5.0, 1.0, 7.0, 0.0, 1.0]), np.array([0, 1, 1, 2, 2]))
    assert (found.value, found.n, found.prompts) == (0.5, 3, 3)
    assert agreement(np.zeros(4), np.arange(4.0), np.arange(4)) is None


def test_a_difference_by_rounding_is_a_tie_of_people() -> None:
    people = np.array([0.1 + 0.2 - 0.3, 1.0])
    assert people[0] != 0
    assert _found(people, np.ones(2), np.array([0, 1])).n == 1


def test_it_is_somers_d_of_one_prompt() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        people, metric = random.integers(0, 4, (2, 6)).astype(float)
        if np.ptp(people) and np.ptp(metric):
            found = _found(*compared(people[None, :, None], metric[None]))
            assert found.value == pytest.approx((1 + somersd(people, metric).statistic) / 2)


def test_raters_agree_as_counted_by_hand() -> None:
    random = np.random.default_rng(1)
    ratings = random.integers(1, 4, (6, 4, 5)).astype(float)
    ratings[random.random(ratings.shape) < 0.1] = np.nan
    _, _, prompts, by_rater = compared(ratings, np.zeros((6, 4)))
    hits = [
        0.5 if one == 0 else float(np.sign(one) == np.sign(two))
        for row in by_rater
        for one, two in permutations(row[~np.isnan(row)], 2)
        if two != 0
    ]
    found = raters_agreement(by_rater, prompts)
    assert found is not None
    assert found.value == pytest.approx(np.mean(hits))
    assert found.n == len(hits)


def test_of_two_raters_the_other_is_the_others() -> None:
    ratings, metric = simulated(np.random.default_rng(2), 30, 4, 2, 0.5)
    _, _, prompts, by_rater = compared(ratings, metric)
    one, others = raters_agreement(by_rater, prompts), rater_with_others(by_rater, by_rater[:, ::-1], prompts)
    assert one is not None
    assert others is not None
    assert (one.value, one.n) == (pytest.approx(others.value), others.n)


def test_a_lone_rater_agrees_with_nobody() -> None:
    assert raters_agreement(np.ones((4, 1)), np.arange(4)) is None
    assert rater_with_others(np.ones((4, 2)), NOWHERE, np.arange(4)) is None


def test_rank_correlations_are_scipys() -> None:
    random = np.random.default_rng(3)
    people, metric = random.integers(0, 4, (2, 200, 5)).astype(float)
    people[random.random(people.shape) < 0.15] = np.nan
    taus, rhos = kendall_tau_b(people, metric), spearman(people, metric)
    for x, y, tau, rho in zip(people, metric, taus, rhos, strict=True):
        there = ~np.isnan(x)
        x, y = x[there], y[there]
        if len(x) < 2 or np.ptp(x) == 0:
            assert np.isnan(tau)
            assert np.isnan(rho)
        elif np.ptp(y) == 0:
            assert (tau, rho) == (0, 0)
        else:
            assert tau == pytest.approx(kendalltau(x, y).statistic)
            assert rho == pytest.approx(spearmanr(x, y).statistic)


def test_models_are_ranked_by_their_means() -> None:
    ratings, _ = simulated(np.random.default_rng(4), 40, 4, 3, 0)
    people = ratings.mean(axis=2)
    same, turned = over_models(people, people, kendall_tau_b), over_models(people, -people, spearman)
    assert same is not None
    assert turned is not None
    assert (same.value, same.n, turned.value) == (1, 4, pytest.approx(-1))
    assert same.interval is not None  # few of the resamples tie two models
    assert same.interval.low == same.interval.high == 1
    noisy = over_models(people, people + np.random.default_rng(5).normal(0, 3, people.shape), kendall_tau_b)
    assert noisy is not None
    assert noisy.interval is not None
    assert noisy.interval.low < noisy.interval.high
    assert over_models(people[:, :2], people[:, :2], spearman) is None
    assert over_models(np.ones((9, 4)), people[:9], spearman) is None
    few = over_models(people[:2], people[:2], spearman)
    assert few is None or few.interval is None


def test_means_are_of_what_is_known() -> None:
    assert mean_of(np.array([np.nan, np.nan])) is None
    found = mean_of(np.array([0.5, np.nan, 1.0]))
    assert found is not None
    assert (found.value, found.n, found.interval) == (0.75, 2, None)


def test_ties_count_with_a_threshold_of_the_other_prompts() -> None:
    """By hand: for each prompt, all thresholds are tried on the other prompts."""
    ratings, metric = simulated(np.random.default_rng(5), 12, 3, 2, 0.8)
    people, scored, prompts, _ = compared(ratings, metric)
    said = np.sign(people)

    def right(threshold: float) -> np.ndarray:
        return np.where(np.abs(scored) <= threshold, said == 0, said == np.sign(scored))

    candidates = [0.0, *np.unique(np.quantile(np.abs(scored), np.linspace(0, 1, 129)))]
    hits = 0
    for prompt in range(12):
        best = max(candidates, key=lambda threshold: (right(threshold)[prompts != prompt].sum(), -threshold))
        hits += right(best)[prompts == prompt].sum()
    found = accuracy_with_ties(people, scored, prompts)
    assert found is not None
    assert found.value == pytest.approx(hits / len(people))
    always = accuracy_with_ties(np.zeros(9), np.ones(9), np.arange(9))
    assert always is not None
    assert always.value == 1


def test_the_p_value_says_what_the_interval_says() -> None:
    random = np.random.default_rng(6)
    for _ in range(200):
        found = _found(*compared(*simulated(random, 12, 3, 2, 0.3)))
        interval = found.result().interval
        assert interval is not None
        assert (found.p_chance() < 0.05) == (interval.low > 0.5 or interval.high < 0.5)


def test_two_prompts_have_no_interval_and_one_side_everywhere_is_no_certainty() -> None:
    few = _found(np.ones(2), np.ones(2), np.arange(2))
    assert (few.result().interval, few.p_chance()) == (None, 1.0)
    always = _found(np.ones(8), np.ones(8), np.arange(8))
    interval = always.result().interval
    assert interval is not None
    assert 0.5 < interval.low < interval.high == 1


def test_the_variance_is_that_of_leaving_prompts_out() -> None:
    """To first order in 1 / prompts, also where people decide more pairs of one prompt than of another."""
    people, metric, prompts, _ = compared(*simulated(np.random.default_rng(7), 300, 4, 1, 0.5))
    found = _found(people, metric, prompts)
    without = [
        _found(
            people[prompts != one], metric[prompts != one], np.unique(prompts[prompts != one], return_inverse=True)[1]
        )
        for one in range(300)
    ]
    values = np.array([each.value for each in without])
    assert found.variance == pytest.approx(299**2 / 300 * values.var(ddof=1), rel=0.02)


def test_metrics_that_are_one_are_not_told_apart() -> None:
    found = _found(*compared(*simulated(np.random.default_rng(8), 20, 3, 2, 0.5)))
    same = apart(found, found)
    assert (same.difference, same.p, same.prompts_needed) == (0, 1, None)
    assert same.interval is not None
    assert -0.3 < same.interval.low < 0 < same.interval.high < 0.3


@pytest.mark.parametrize("prompts", [20, 100])
def test_metrics_that_every_prompt_tells_apart_are_told_apart(prompts: int) -> None:
    people, rows = np.ones(prompts), np.arange(prompts)
    right, wrong = (agreement(people, sign * people, rows) for sign in (1, -1))
    assert right is not None
    assert wrong is not None
    found = apart(right, wrong)
    assert (found.difference, found.prompts_needed is not None) == (1, True)
    assert found.p < 1e-9
    assert found.interval is not None
    assert 0.7 < found.interval.low < found.interval.high == 1


def test_the_interval_of_two_metrics_leaves_out_0_where_p_is_below_5_percent() -> None:
    people, rows = np.ones(200), np.repeat(np.arange(20), 10)
    for every in (2, 5, 10):  # of each prompt's comparisons, the second metric is wrong on as many
        wrong = np.where(np.arange(200) % 10 < 10 // every, -1.0, 1.0)
        first, second = agreement(people, people, rows), agreement(people, wrong, rows)
        assert first is not None
        assert second is not None
        found = apart(first, second)
        assert found.interval is not None
        assert (found.interval.low > 0) == (found.p < 0.05)


def test_a_share_that_all_prompts_have_is_no_certainty() -> None:
    """Equal to rounding is equal: the p of one half goes with the interval, which holds it."""
    found = share(np.full(20, 15.0), np.full(20, 22.0), np.arange(20))
    assert found is not None
    interval = found.result().interval
    assert interval is not None
    assert interval.low < 0.5 < interval.high
    assert found.p_chance() > 0.05


def test_correlations_on_which_all_prompts_agree_have_no_interval() -> None:
    scores = np.array([[3.0, 2.0, 1.0]] * 3)
    mean, models = mean_of(kendall_tau_b(scores, scores)), over_models(scores, scores, kendall_tau_b)
    assert mean is not None
    assert models is not None
    assert [(each.value, each.interval) for each in (mean, models)] == [(1.0, None), (1.0, None)]


def test_the_prompts_needed_are_those_that_show_it_in_8_of_10() -> None:
    random = np.random.default_rng(9)

    def both(prompts: int) -> tuple[Share, Share]:
        ratings, good = simulated(random, prompts, 3, 2, 0.8)
        poor = 0.5 * good + np.sqrt(0.75) * random.normal(size=good.shape)
        return _found(*compared(ratings, good)), _found(*compared(ratings, poor))

    needed = apart(*both(20_000)).prompts_needed
    assert needed is not None
    assert 20 < needed < 500
    shown = np.mean([apart(*both(needed)).p < 0.05 for _ in range(300)])
    assert 0.72 < shown < 0.88


# Prompts, models, raters, and what the metric knows.
CROWDS = [(30, 2, 3, 0.5), (20, 5, 2, 0.0), (60, 5, 2, 0.5), (150, 5, 2, 0.5), (200, 2, 25, 0.5), (200, 2, 25, 0.0)]


def _coverage(crowd: tuple[int, int, int, float], trials: int) -> tuple[float, float]:
    """How often the interval holds the truth, and how often it says that the metric is better than chance."""
    prompts, *rest = crowd
    truth = _found(*compared(*simulated(np.random.default_rng(10), 20_000, *rest))).value
    random = np.random.default_rng(11)
    intervals = [_found(*compared(*simulated(random, prompts, *rest))).result().interval for _ in range(trials)]
    held = [i is not None and i.low <= truth <= i.high for i in intervals]
    return float(np.mean(held)), float(np.mean([i is not None and i.low > 0.5 for i in intervals]))


@pytest.mark.parametrize("crowd", [CROWDS[1], CROWDS[2]], ids=str)
def test_intervals_hold_the_truth_and_a_random_metric_is_no_better_than_chance(
    crowd: tuple[int, int, int, float],
) -> None:
    held, better = _coverage(crowd, 1500)
    assert 0.93 <= held <= 0.97
    assert crowd[-1] or better < 0.05


@pytest.mark.proof
@pytest.mark.parametrize("crowd", CROWDS, ids=str)
def test_intervals_hold_the_truth_in_93_to_97_of_100(crowd: tuple[int, int, int, float]) -> None:
    held, better = _coverage(crowd, 4000)
    assert 0.93 <= held <= 0.97
    assert crowd[-1] or better <= 0.05


@pytest.mark.proof
def test_models_ranks_hold_the_truth() -> None:
    """Ranks of few models take few values: their intervals hold the truth at least as often as they say."""
    truth = kendall_tau_b(*(each.mean(axis=0) for each in _means(np.random.default_rng(12), 200_000)))
    random, held = np.random.default_rng(13), []
    for _ in range(400):
        found = over_models(*_means(random, 100), kendall_tau_b)
        assert found is not None
        assert found.interval is not None
        held.append(found.interval.low <= truth <= found.interval.high)
    assert np.mean(held) >= 0.93


def _means(random: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
    ratings, metric = simulated(random, prompts, 5, 2, 0.5)
    return ratings.mean(axis=2), metric + np.array([0.0, 0.4, 0.1, 0.2, 0.9])


def test_correlations_over_prompts_are_scipys_and_their_intervals_leave_each_prompt_out() -> None:
    random = np.random.default_rng(14)
    people = np.round(random.normal(size=40), 1)
    metric = np.round(people + random.normal(size=40), 1)
    for over, theirs in ((kendall_over_prompts, kendalltau), (spearman_over_prompts, spearmanr)):
        found = over(people, metric)
        without = np.array([theirs(np.delete(people, n), np.delete(metric, n)).statistic for n in range(40)])
        error = np.sqrt(39 * without.var())
        assert found is not None
        assert found.interval is not None
        assert (found.value, found.n) == (pytest.approx(theirs(people, metric).statistic), 40)
        assert found.interval.high - found.value == pytest.approx(t_quantile(40) * error)
        flat = over(people, np.ones(40))
        assert flat is not None
        assert (flat.value, flat.interval) == (0, None)
        assert over(np.zeros(40), metric) is None
