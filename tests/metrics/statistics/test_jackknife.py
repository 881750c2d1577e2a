"""Scores without each prompt, against computing them anew; and the paired interval's coverage."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from metrics.errors import MetricInputError
from metrics.inception_score import inception_score_jackknife, inception_score_result
from metrics.kernel import cmmd_jackknife, cmmd_result, kid_jackknife, kid_result
from metrics.manifold import manifold_jackknives, manifold_results
from metrics.statistics.jackknife import Jackknife, jackknife_interval, paired_interval

PROMPTS = np.array([4, 0, 4, 7, 0, 7, 7, 2, 4, 2, 9, 9, 2, 9, 0, 4])  # of 2 to 4 images, not in order
Scores = Callable[[np.ndarray, np.ndarray], dict[str, float]]
Jackknives = Callable[[np.ndarray, np.ndarray, np.ndarray | None], dict[str, Jackknife]]


def _features(seed: int, n: int, dimension: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dimension)) + 0.3 * seed


ALL: dict[str, tuple[Scores, Jackknives]] = {
    "kid": (
        lambda x, y: {"kid": kid_result(x, y).value},
        lambda x, y, prompts: {"kid": kid_jackknife(x, y, prompts)},
    ),
    "cmmd": (
        lambda x, y: {"cmmd": cmmd_result(x, y).value},
        lambda x, y, prompts: {"cmmd": cmmd_jackknife(x, y, prompts)},
    ),
    "manifold": (
        lambda x, y: {name: found.value for name, found in manifold_results(x, y).items()},
        manifold_jackknives,
    ),
    "inception_score": (
        lambda x, _: {"is": inception_score_result(x).value},
        lambda x, _, prompts: {"is": inception_score_jackknife(x, prompts)},
    ),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("prompts", [PROMPTS, None], ids=["prompts", "images"])
def test_each_value_is_the_score_of_what_is_left(name: str, prompts: np.ndarray | None) -> None:
    scores, jackknives = ALL[name]
    x, y = _features(1, len(PROMPTS)), _features(0, 12)
    units = np.arange(len(x)) if prompts is None else prompts
    left = [scores(x[units != unit], y) for unit in np.unique(units)]
    for metric, found in jackknives(x, y, prompts).items():
        assert found.n == len(x)
        assert found.value == pytest.approx(scores(x, y)[metric], rel=1e-9)
        np.testing.assert_allclose(found.without, [each[metric] for each in left], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ALL)
def test_one_prompt_has_no_values_without_it(name: str) -> None:
    for found in ALL[name][1](_features(1, 8), _features(0, 8), np.zeros(8, dtype=np.int64)).values():
        assert len(found.without) == 0
        assert paired_interval(found, found, "") is None


def test_the_paired_interval_is_students_of_the_differences_of_a_mean() -> None:
    a, b = np.array([1.0, 4.0, 2.0, 7.0, 3.5]), np.array([0.5, 4.5, 1.0, 6.0, 3.0])
    means = [Jackknife(float(v.mean()), (v.sum() - v) / 4, 5) for v in (a, b)]
    found, gap = paired_interval(*means, ""), a - b
    half = 2.7764451051977987 * gap.std(ddof=1) / np.sqrt(5)  # t table: 4 degrees of freedom, 97.5%
    assert found is not None
    assert (found.low, found.high) == pytest.approx((gap.mean() - half, gap.mean() + half))
    plain = jackknife_interval(means[0].value, means[0].without, "")
    assert plain is not None
    assert found.high - found.low < plain.high - plain.low  # what is hard for both leaves the interval


def test_sets_of_different_sizes_are_refused() -> None:
    small, large = kid_jackknife(_features(1, 5), _features(0, 9)), kid_jackknife(_features(1, 6), _features(0, 9))
    with pytest.raises(MetricInputError, match="5 and 6 images"):
        paired_interval(small, large, "")


@pytest.mark.parametrize(
    ("count", "least"), [(40, 0.85), pytest.param(400, 0.92, marks=pytest.mark.proof)], ids=["short", "long"]
)
@pytest.mark.parametrize("name", ALL)
def test_the_paired_interval_covers_the_difference_of_two_models(name: str, count: int, least: float) -> None:
    """Pairs of sets of 60 prompts that share what is hard; the truth is the mean over all pairs of sets."""
    random, references = np.random.default_rng(5), _features(0, 150, 4)
    pairs = []
    for _ in range(count):
        shared = random.normal(size=(60, 1, 4)) * 0.7
        sets = [
            (shared + shift + scale * random.normal(size=(60, 2, 4))).reshape(120, 4)
            for shift, scale in ((0.5, 0.7), (0.9, 0.9))
        ]
        pairs.append([ALL[name][1](each, references, np.repeat(np.arange(60), 2)) for each in sets])
    for metric in pairs[0][0]:
        truth = np.mean([a[metric].value - b[metric].value for a, b in pairs])
        intervals = [paired_interval(a[metric], b[metric], "") for a, b in pairs]
        covered = np.mean([each is not None and each.low <= truth <= each.high for each in intervals])
        print(f"{metric}: {covered:.1%} of {count}")
        assert covered >= least, metric


def test_a_mean_of_unequal_prompts_has_no_bias() -> None:
    """What is linear in the images leaves the estimate only where prompts are weighted."""
    values, prompts = np.random.default_rng(1).normal(size=60), np.repeat(np.arange(4), [3, 40, 10, 7])
    without = np.array([values[prompts != p].mean() for p in range(4)])
    assert Jackknife(values.mean(), without, 60, np.bincount(prompts) / 60).bias == pytest.approx(0, abs=1e-12)
    assert abs(Jackknife(values.mean(), without, 60).bias) > 1e-3


def test_a_second_sample_adds_its_variance_with_satterthwaites_degrees_of_freedom() -> None:
    """Of a difference of means this is Welch's interval."""
    x, y = np.random.default_rng(2).normal(size=12), 3 * np.random.default_rng(3).normal(size=30)
    value = x.mean() - y.mean()
    without, beside = ((each.sum() - each) / (len(each) - 1) for each in (x, y))
    found = jackknife_interval(value, without - y.mean(), "t", beside=x.mean() - beside)
    theirs = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert found is not None
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
