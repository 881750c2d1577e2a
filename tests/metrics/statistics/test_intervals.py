"""The t interval: scipy's own, and honest about single values."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from metrics.alignment import clip_score_results, prompt_scores
from metrics.diversity import diversity_results
from metrics.errors import MetricInputError
from metrics.frechet.difference import frechet_difference
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.interval import frechet_result
from metrics.inception_score import inception_score_jackknife, inception_score_result
from metrics.kernel import cmmd_result, kid_result
from metrics.manifold import manifold_results
from metrics.retrieval import r_precision_result
from metrics.statistics.intervals import t_interval
from metrics.statistics.jackknife import paired_interval
from metrics.statistics.paired import paired_means
from metrics.statistics.result import Interval
from metrics.statistics.vectors import unit


def test_equals_scipys_t_interval() -> None:
    values = np.random.default_rng(0).normal(size=7)
    interval = t_interval(values)
    assert interval is not None
    low, high = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx((low, high))
    assert interval.low <= values.mean() <= interval.high
    assert interval.method == "t over prompts"


@pytest.mark.parametrize("n", [7, 38])
def test_covers_the_mean_as_often_as_it_says(n: int) -> None:
    random = np.random.default_rng(1)
    trials = 4000
    hits = 0
    for values in random.normal(0.3, 0.05, (trials, n)):
        interval = t_interval(values)
        assert interval is not None
        hits += interval.low <= 0.3 <= interval.high
    assert hits / trials == pytest.approx(0.95, abs=0.014)  # 4 standard errors of 4000 trials


def test_equal_values_have_a_point() -> None:
    interval = t_interval(np.full(5, 0.1))
    assert interval is not None
    assert interval.low <= np.full(5, 0.1).mean() <= interval.high


def _all_intervals(units: int) -> Iterator[tuple[str, Interval | None]]:
    """Every interval there is of one number or of a difference, over so many prompts of 6 images each."""
    random = np.random.default_rng(6)
    features, others, references = (random.normal(size=(units * 6, 2)) for _ in range(3))
    prompts = np.repeat(np.arange(units), 6)
    texts, embedded = [f"prompt {number}" for number in range(units)], random.normal(size=(units, 2))
    moments = Gaussian.of_features(references)
    results = clip_score_results(prompt_scores(features, prompts, texts, embedded))
    results |= diversity_results(features, prompts) | manifold_results(features, references, prompts=prompts)
    results |= {
        "r_precision": r_precision_result(features, prompts, texts, embedded),
        "inception_score": inception_score_result(features, prompts=prompts),
        "frechet": frechet_result(features, moments, prompts=prompts),
        "kid": kid_result(features, references, prompts=prompts),
        "cmmd": cmmd_result(features, references, prompts=prompts),
    }
    yield from ((name, result.interval) for name, result in results.items())
    jackknives = [inception_score_jackknife(each, prompts) for each in (features, others)]
    yield "paired jackknives", paired_interval(*jackknives, "")
    yield "paired means", paired_means(features[:units, 0], others[:units, 0]).interval
    yield "frechet difference", frechet_difference(features, others, moments, prompts).interval


def test_two_prompts_have_no_interval_and_more_that_of_their_spread() -> None:
    assert [name for name, interval in _all_intervals(2) if interval is not None] == []
    assert [name for name, interval in _all_intervals(4) if interval is None] == []
    half = 4.302652729911275 * 0.15 / np.sqrt(3)  # t table: 2 degrees of freedom, 97.5%
    three = t_interval(np.array([0.2, 0.5, 0.35]))
    assert three is not None
    assert (three.low, three.high) == pytest.approx((0.35 - half, 0.35 + half))


def test_two_images_have_a_score_and_what_of_it_is_bias_without_an_interval() -> None:
    score = inception_score_result(np.array([[3.0, 0.0], [0.0, 2.0]]))
    assert score.interval is None
    assert "finite-sample bias" in score.note
    three = inception_score_result(np.array([[3.0, 0.0], [0.0, 2.0], [1.0, 0.0]])).interval
    assert three is not None
    assert three.low < three.high


def test_values_that_are_no_row_of_numbers_are_refused() -> None:
    for values in (np.ones((4, 2)), np.array([0.1, np.nan, 0.3])):
        with pytest.raises(MetricInputError, match="row of finite values"):
            t_interval(values)
    for rows in (np.ones(3), np.ones((3, 2), dtype=complex)):
        with pytest.raises(MetricInputError, match=r"table \(n, D\) of numbers"):
            unit(rows)
