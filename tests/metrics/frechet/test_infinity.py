"""FID-infinity: the series through both sets and their halves, and its interval, where the limit is known."""

from collections.abc import Callable

import numpy as np
import pytest

from metrics.errors import MetricInputError
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.infinity import frechet_infinity_definition, frechet_infinity_result, frechet_limit, too_few
from metrics.frechet.interval import frechet_jackknife
from metrics.statistics.result import MetricResult
from tests.metrics.frechet.worlds import World, flat_world, pool_like_world


def _features(seed: int, n: int, d: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def _limit(features: np.ndarray, references: np.ndarray, prompts: np.ndarray | None = None, seed: int = 0) -> float:
    reference = Gaussian.of_features(references)
    found = frechet_jackknife(features, reference, prompts, references)
    return frechet_limit(features, reference, found, prompts=prompts, references=references, seed=seed).limit


def test_the_limit_is_where_a_parabola_through_value_slope_and_halves_meets_zero() -> None:
    features, references = _features(3, 120, 5), _features(4, 90, 5) * 1.5
    reference = Gaussian.of_features(references)
    found = frechet_jackknife(features, reference, references=references)
    limit = frechet_limit(features, reference, found, references=references)
    second = limit.correction
    slope = found.whole_bias - 2 * second  # at k = 0, k being what both numbers are divided by
    assert limit.limit + slope + second == pytest.approx(found.value)
    assert found.value - limit.limit == pytest.approx(limit.bias)
    assert limit.limit == pytest.approx(found.value - found.whole_bias + second)


def test_a_prompt_is_never_split() -> None:
    """Prompts whose images are all equal: halves of whole prompts are farther away than those of shuffled images."""
    prompts = np.repeat(np.arange(60), 4)
    features = np.repeat(_features(7, 60, 5), 4, axis=0)
    references = _features(8, 5000, 5)
    reference = Gaussian.of_features(references)
    limits = [
        frechet_limit(features, reference, frechet_jackknife(features, reference, prompts), prompts=p)
        for p in (prompts, None)
    ]
    halves = [limit.correction + limit.value for limit in limits]
    assert halves[1] < halves[0] - 0.02


def test_the_seed_decides_and_the_order_does_not() -> None:
    features, references = _features(9, 80, 4), _features(10, 60, 4)
    prompts, shuffle = np.arange(80) // 2, np.random.default_rng(0).permutation(80)
    first = _limit(features, references, prompts, seed=1)
    assert first == pytest.approx(_limit(features[shuffle], references, prompts[shuffle], seed=1), rel=1e-9)
    assert first != pytest.approx(_limit(features, references, prompts, seed=2), rel=1e-9)


def test_the_result_says_how_it_was_made() -> None:
    features, references = _features(11, 80, 4), _features(12, 60, 4) + 1
    reference = Gaussian.of_features(references)
    both = frechet_infinity_result(features, reference, references=references)
    alone = frechet_infinity_result(features, reference)
    assert both.n == alone.n == 80
    assert both.note.endswith(
        " below the distance of these 80 images and 60 references, taken as independent of the prompts"
    )
    assert alone.note.endswith("80 images, the images' finite-sample bias (that of the references is not in it)")
    assert both.value < alone.value
    assert both.interval is not None
    assert alone.interval is not None
    assert both.interval.low <= both.value <= both.interval.high
    assert both.interval.method.startswith("jackknife over images and references")
    assert alone.interval.method.endswith("references fixed")
    assert both.interval.high - both.interval.low > alone.interval.high - alone.interval.low
    jackknife = frechet_jackknife(features, reference, references=references)
    assert frechet_infinity_result(features, reference, references=references, jackknife=jackknife) == both
    assert frechet_infinity_definition(True, seed=5).startswith("extrapolated to infinite n of images and references")
    assert "references as they are" in frechet_infinity_definition(False)


def test_too_few_images_prompts_and_references_are_refused() -> None:
    references = _features(13, 60, 10)
    reference = Gaussian.of_features(references)
    alike = np.repeat(_features(14, 10, 10), 8, axis=0) + 0.1 * _features(15, 80, 10)
    cases = (
        (_features(14, 29, 10), None, None, "needs 3 images for each of 10 dimensions and has 29"),
        (_features(14, 30, 10), None, references[:29], "needs 3 references for each of 10 dimensions and has 29"),
        (_features(14, 30, 10), np.arange(30) // 10, None, "needs 4 prompts and has 3"),
        (alike, np.arange(80) // 8, None, "needs 3 independent images for each of 10 dimensions and has"),
    )
    for features, prompts, theirs, words in cases:
        given = reference if theirs is None else Gaussian.of_features(theirs)
        assert words in too_few(frechet_jackknife(features, given, prompts, theirs), 10, theirs)
        with pytest.raises(MetricInputError, match=words):
            frechet_infinity_result(features, given, prompts=prompts, references=theirs)
    assert too_few(frechet_jackknife(_features(14, 30, 10), reference, None, references), 10, references) == ""
    with pytest.raises(MetricInputError, match="NaN"):
        frechet_infinity_result(np.full((30, 10), np.nan), reference)


def test_no_interval_where_the_series_has_not_settled() -> None:
    """3 images for each of 200 directions that are all alike: what the halves add is larger than chance."""
    found = frechet_infinity_result(_features(16, 600, 200), Gaussian(0, np.zeros(200), np.eye(200), None))
    assert found.interval is None
    assert "no interval, as terms of second order" in found.note


def _results(world: World, prompts: int, m: int, studies: int) -> list[MetricResult | None]:
    """m: references, or 0 for statistics of very many of them. None where there are too few of anything."""
    found: list[MetricResult | None] = []
    for x, p, y in world.pairs(prompts, m, studies):
        reference, references = (Gaussian.of_features(y), y) if m else (world.reference, None)
        jackknife = frechet_jackknife(x, reference, p, references)
        told = not too_few(jackknife, x.shape[1], references)
        given = {"prompts": p, "references": references, "jackknife": jackknife}
        found.append(frechet_infinity_result(x, reference, **given) if told else None)  # type: ignore[arg-type]
    return found


def coverage(world: World, prompts: int, m: int, studies: int) -> tuple[float, float]:
    """The share of intervals that hold the populations' distance, and the share of sets that have one."""
    intervals = [found.interval for found in _results(world, prompts, m, studies) if found and found.interval]
    inside = [each.low <= world.limit <= each.high for each in intervals]
    return float(np.mean(inside)) if inside else float("nan"), len(intervals) / studies


@pytest.mark.parametrize("gain", [1.0, 1.15], ids=["equal", "different"])
def test_the_bias_of_images_and_references_goes(gain: float) -> None:
    """The short version of the proofs: the plain distance is far above the limit, the extrapolated one is not."""
    world = pool_like_world(16, gain)
    found = _results(world, 60, 128, 60)
    values = np.array([each.value for each in found if each])
    plain = [
        frechet_distance(Gaussian.of_features(x), Gaussian.of_features(y)) - world.limit
        for x, _, y in world.pairs(60, 128, 60)
    ]
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - world.limit) < 4 * error
    assert np.mean(plain) > 8 * error
    covered, told = coverage(world, 60, 128, 60)
    assert told >= 0.95
    assert covered >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 60)


def test_alike_images_get_no_interval_that_misses() -> None:
    """The short version: 25 prompts of 8 images that are nearly copies are 25, not 200, for 48 dimensions."""
    _, told = coverage(flat_world(48, samples=8, alike=0.9), 25, 0, 10)
    assert told == 0


SIZES = ((3, 3), (3, 30), (8, 8), (30, 8), (8, 30), (30, 30))  # images and references a dimension
LEAST = 0.95 - 3 * np.sqrt(0.95 * 0.05 / 100)  # of 100 sets


@pytest.mark.proof
@pytest.mark.parametrize("make", [pool_like_world, flat_world])
@pytest.mark.parametrize("d", [16, 64])
@pytest.mark.parametrize("gain", [1.0, 1.15], ids=["equal", "different"])
def test_coverage_of_both_populations(make: Callable[..., World], d: int, gain: float) -> None:
    """3 to 30 of each a dimension; and every set that is large enough has an interval, but for a few."""
    world = make(d, gain, samples=1, alike=0.0)
    for images, references in SIZES:
        covered, told = coverage(world, images * d, references * d, 100)
        assert covered >= LEAST
        assert told >= 0.9


@pytest.mark.proof
@pytest.mark.parametrize("make", [pool_like_world, flat_world])
@pytest.mark.parametrize("prompts", [50, 100, 200, 800])
def test_coverage_with_fixed_references(make: Callable[[int], World], prompts: int) -> None:
    """4 to 67 images a dimension, 4 a prompt, which are alike: fewer independent ones."""
    covered, told = coverage(make(48), prompts, 0, 100)
    assert covered >= LEAST or told < 0.2
    assert told > 0.9 or prompts < 100


@pytest.mark.proof
@pytest.mark.parametrize("make", [pool_like_world, flat_world])
@pytest.mark.parametrize("d", [16, 48])
@pytest.mark.parametrize("alike", [0.5, 0.9])
def test_coverage_of_prompts_whose_images_are_alike(make: Callable[..., World], d: int, alike: float) -> None:
    """8 images of each of 25 to 200 prompts: an interval that is given holds the truth."""
    world = make(d, samples=8, alike=alike)
    for prompts in (25, 50, 100, 200):
        covered, told = coverage(world, prompts, 0, 100)
        assert covered >= LEAST - 0.02 or told < 0.2
    assert told >= 0.95
