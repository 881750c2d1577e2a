"""FID-infinity: the line through parts, its limit and its interval, on populations whose limit is known."""

from collections.abc import Callable

import numpy as np
import pytest

from metrics.errors import MetricInputError
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.infinity import (
    enough_images,
    frechet_infinity_definition,
    frechet_infinity_result,
    frechet_line,
)
from metrics.frechet.interval import frechet_jackknife
from tests.metrics.frechet.worlds import World, flat_world, pool_like_world


def _features(seed: int, n: int, d: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_the_first_point_is_the_distance_of_the_whole_set() -> None:
    features, reference = _features(1, 100, 5), Gaussian.of_features(_features(2, 50, 5) * 1.5)
    line = frechet_line(features, reference)
    assert line.distances[0] == pytest.approx(frechet_distance(Gaussian.of_features(features), reference), rel=1e-10)
    assert line.sizes.tolist() == [100, 50, 25]
    assert line.bias == pytest.approx(line.distances[0] - line.limit)


def test_the_limit_is_the_least_squares_line_at_zero() -> None:
    line = frechet_line(_features(3, 120, 5), Gaussian.of_features(_features(4, 50, 5) * 1.5))
    design = np.column_stack([np.ones(3), 1 / line.sizes])
    assert line.limit == pytest.approx(np.linalg.lstsq(design, line.distances, rcond=None)[0][0], rel=1e-9)


def test_quarters_are_used_only_where_they_hold_two_images_a_dimension() -> None:
    reference = Gaussian.of_features(_features(5, 50, 5))
    assert frechet_line(_features(6, 39, 5), reference).sizes.tolist() == [39, 19.5]
    assert len(frechet_line(_features(6, 40, 5), reference).sizes) == 3


def test_a_prompt_is_never_split() -> None:
    """Prompts whose images are all equal: parts made of whole prompts differ from parts of shuffled images."""
    prompts = np.repeat(np.arange(30), 4)
    features = np.repeat(_features(7, 30, 5), 4, axis=0)
    reference = Gaussian.of_features(_features(8, 50, 5))
    once = frechet_line(np.repeat(features, 2, axis=0), reference, prompts=np.repeat(prompts, 2), seed=3)
    twice = frechet_line(features, reference, prompts=prompts, seed=3)
    # with each image twice the parts are the same ones, and only the division by n - 1 differs
    assert once.distances == pytest.approx(twice.distances, rel=0.1)
    split = frechet_line(features, reference, seed=3)
    assert split.distances[-1] < twice.distances[-1]


def test_the_seed_decides_and_the_order_does_not() -> None:
    features, reference = _features(9, 80, 4), Gaussian.of_features(_features(10, 60, 4))
    prompts, shuffle = np.arange(80) // 2, np.random.default_rng(0).permutation(80)
    first = frechet_line(features, reference, prompts=prompts, seed=1)
    again = frechet_line(features[shuffle], reference, prompts=prompts[shuffle], seed=1)
    other = frechet_line(features, reference, prompts=prompts, seed=2)
    assert first.limit == pytest.approx(again.limit, rel=1e-9)
    assert first.limit != pytest.approx(other.limit, rel=1e-9)


def test_the_result_says_how_it_was_made() -> None:
    features, reference = _features(11, 80, 4), Gaussian.of_features(_features(12, 60, 4) + 1)
    found = frechet_infinity_result(features, reference, seed=5)
    assert found.n == 80
    words = "extrapolated to infinite n by a line in 1/n over parts of 80, 40, 20 images, seed 5"
    assert frechet_infinity_definition(80, 4, seed=5) == words
    assert found.note.endswith(" below the distance of all 80 images")
    assert found.interval is not None
    assert found.interval.low <= found.value <= found.interval.high
    jackknife = frechet_jackknife(features, reference)
    given = frechet_infinity_result(features, reference, seed=5, jackknife=jackknife)
    assert given == found


def test_too_few_images_are_refused() -> None:
    reference = Gaussian.of_features(_features(13, 60, 10))
    assert not enough_images(29, 10)
    assert enough_images(30, 10)
    with pytest.raises(MetricInputError, match=r"29 images of 10 feature dimensions.*at least 30 are needed"):
        frechet_infinity_result(_features(14, 29, 10), reference)
    with pytest.raises(MetricInputError, match="1 prompts cannot be cut into 2 parts"):
        frechet_infinity_result(_features(14, 30, 10), reference, prompts=np.zeros(30, dtype=int))
    with pytest.raises(MetricInputError, match="NaN"):
        frechet_line(np.full((30, 10), np.nan), reference)


def _limits(world: World, prompts: int, studies: int) -> tuple[np.ndarray, float]:
    """Extrapolated distances, and the share of intervals that hold the population's."""
    found = [frechet_infinity_result(x, world.reference, prompts=p) for x, p in world.studies(prompts, studies)]
    inside = [each.interval is not None and each.interval.low <= world.limit <= each.interval.high for each in found]
    return np.array([each.value for each in found]), float(np.mean(inside))


def test_the_bias_goes() -> None:
    """The short version of the proof: the plain distance is far above the limit, the extrapolated one is not."""
    world = pool_like_world(16)
    values, covered = _limits(world, 40, 60)
    plain = np.mean([frechet_distance(Gaussian.of_features(x), world.reference) for x, _ in world.studies(40, 60)])
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - world.limit) < 4 * error
    assert plain - world.limit > 8 * error
    assert covered >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 60)


@pytest.mark.proof
@pytest.mark.parametrize("make", [pool_like_world, flat_world])
@pytest.mark.parametrize("prompts", [38, 50, 100, 200, 800])
def test_coverage_of_the_population(make: Callable[[int], World], prompts: int) -> None:
    """From n = 3 d to 67 d."""
    _, covered = _limits(make(48), prompts, 1000)
    assert 0.93 <= covered <= 0.995
