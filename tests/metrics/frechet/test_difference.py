"""The paired difference of two Fréchet distances: its interval, its bias, and when n is too small."""

import numpy as np
import pytest

from metrics.errors import MetricInputError
from metrics.frechet.difference import frechet_difference
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.infinity import frechet_limit
from metrics.frechet.interval import frechet_jackknife
from tests.metrics.frechet.worlds import SAMPLES

D = 6


def _reference() -> Gaussian:
    return Gaussian.of_features(np.random.default_rng(1).normal(size=(500, D)))


def _pair(seed: int, prompts: int, gain: float, own: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two models that draw the same prompts: features have a prompt's part, a shared one, and `own` of each model."""
    random = np.random.default_rng(seed)
    shared = np.repeat(random.normal(size=(prompts, D)), SAMPLES, axis=0)
    a, b = (shared + own * random.normal(size=(prompts * SAMPLES, D)) for _ in range(2))
    return a, b * gain, np.repeat(np.arange(prompts), SAMPLES)


def test_the_parts_are_those_of_each_set() -> None:
    a, b, prompts = _pair(2, 20, 1.2)
    found = frechet_difference(a, b, _reference(), prompts)
    assert found.a == frechet_distance(Gaussian.of_features(a), _reference())
    assert found.difference == found.a - found.b
    knives = [(x, frechet_jackknife(x, _reference(), prompts)) for x in (a, b)]
    assert found.limits == tuple(frechet_limit(x, _reference(), j, prompts=prompts).limit for x, j in knives)
    assert found.bias == pytest.approx((found.a - found.limits[0], found.b - found.limits[1]))
    for interval, point in (
        (found.interval, found.difference),
        (found.limit_interval, found.limits[0] - found.limits[1]),
    ):
        assert interval is not None
        assert interval.low <= point <= interval.high


def test_swapping_the_sets_changes_signs_only() -> None:
    a, b, prompts = _pair(3, 20, 1.2)
    found, swapped = frechet_difference(a, b, _reference(), prompts), frechet_difference(b, a, _reference(), prompts)
    assert found.interval is not None
    assert swapped.interval is not None
    assert (swapped.interval.low, swapped.interval.high) == pytest.approx((-found.interval.high, -found.interval.low))


def test_equal_sets_do_not_differ() -> None:
    a, _, prompts = _pair(4, 20, 1.0)
    found = frechet_difference(a, a, _reference(), prompts)
    assert found.interval is not None
    assert (found.difference, found.interval.low, found.interval.high) == (0, 0, 0)


def test_pairing_takes_the_prompts_common_part_out() -> None:
    a, b, prompts = _pair(5, 40, 1.1, own=0.1)
    found = frechet_difference(a, b, _reference(), prompts)
    spreads = [np.ptp(frechet_jackknife(x, _reference(), prompts).without) for x in (a, b)]
    assert found.interval is not None
    assert found.interval.high - found.interval.low > 0
    paired = np.ptp(
        frechet_jackknife(a, _reference(), prompts).without - frechet_jackknife(b, _reference(), prompts).without
    )
    assert paired < 0.5 * min(spreads)


def test_without_enough_images_there_is_no_limit_and_then_no_bias() -> None:
    reference = _reference()
    for prompts, limits, bias in ((40, True, True), (4, False, True), (1, False, False)):
        a, b, rows = _pair(6, prompts, 1.5)
        found = frechet_difference(a[: 4 * prompts], b[: 4 * prompts], reference, rows)
        assert (found.limits is not None, found.bias is not None) == (limits, bias)
        assert (found.unlimited == "") == limits
        assert bias or found.n_is_too_small


def test_biases_take_the_references_in_where_they_are_at_hand() -> None:
    a, b, prompts = _pair(9, 60, 1.2)
    references = np.random.default_rng(10).normal(size=(60, D))
    reference = Gaussian.of_features(references)
    fixed = frechet_difference(a, b, reference, prompts)
    both = frechet_difference(a, b, reference, prompts, references)
    assert (both.interval, both.difference) == (fixed.interval, fixed.difference)
    assert fixed.bias is not None
    assert both.bias is not None
    assert both.bias[0] > fixed.bias[0]
    assert both.bias[1] > fixed.bias[1]
    for found, words in ((both, "prompts and references, paired"), (fixed, "references fixed")):
        assert found.limit_interval is not None
        assert words in found.limit_interval.method


def test_a_difference_that_only_bias_makes_is_told() -> None:
    """A narrow and a wide set are equally far from the references, but the wide one's distance has twice the bias."""
    d, told, clear = 20, 0, 0
    reference = Gaussian(0, np.zeros(d), np.eye(d), None)
    for seed in range(40):
        random = np.random.default_rng(seed)
        found = frechet_difference(random.normal(size=(60, d)) * 1.2, random.normal(size=(60, d)) * 0.8, reference)
        assert found.interval is not None
        clear += found.interval.low > 0
        told += found.interval.low > 0 and found.n_is_too_small
    assert clear > 10
    assert told >= 0.85 * clear


def test_a_difference_far_above_bias_is_not_doubted() -> None:
    random, d = np.random.default_rng(8), 20
    reference = Gaussian(0, np.zeros(d), np.eye(d), None)
    found = frechet_difference(random.normal(size=(120, d)) + 1, random.normal(size=(120, d)), reference)
    assert not found.n_is_too_small


def test_unequal_sets_are_refused() -> None:
    with pytest.raises(MetricInputError, match="equal shapes"):
        frechet_difference(np.ones((5, 2)), np.ones((6, 2)), Gaussian(0, np.zeros(2), np.eye(2), None))


def _coverage(prompts: int, studies: int) -> float:
    """The share of intervals that hold the difference expected at this n."""
    reference = _reference()
    found = []
    for number in range(studies):
        a, b, rows = _pair(1000 + number, prompts, 1.1)
        found.append(frechet_difference(a, b, reference, rows))
    expected = np.mean([each.difference for each in found])
    inside = [each.interval is not None and each.interval.low <= expected <= each.interval.high for each in found]
    return float(np.mean(inside))


def test_coverage_of_the_difference() -> None:
    """The short version of the proof; four standard errors of 100 studies wide."""
    assert _coverage(30, 100) >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 100)


@pytest.mark.proof
@pytest.mark.parametrize("prompts", [10, 30, 100, 300])
def test_coverage_of_the_difference_at_length(prompts: int) -> None:
    """Two models whose images share the prompts' part."""
    assert 0.93 <= _coverage(prompts, 1000) <= 0.99
