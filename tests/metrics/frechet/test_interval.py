"""The jackknife of the Fréchet distance: exact against deleting by hand, its first order against finite differences."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from metrics.errors import MetricInputError
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.infinity import frechet_infinity_result
from metrics.frechet.interval import frechet_jackknife, frechet_result
from metrics.statistics.jackknife import jackknife_interval
from metrics.statistics.result import Interval
from tests.metrics.frechet.worlds import World, flat_world, pool_like_world


def _features(seed: int, n: int, d: int) -> np.ndarray:
    """Correlated features whose variances fall off by a factor of 400."""
    random = np.random.default_rng(seed)
    return random.normal(size=(n, d)) * np.exp(-np.arange(d) / (d / 6)) @ np.linalg.qr(random.normal(size=(d, d)))[0]


@pytest.mark.parametrize(
    ("n", "samples", "references", "d"),
    [
        (60, 1, 64, 16),
        (60, 4, 64, 16),
        (40, 1, 200, 64),
        (40, 4, 200, 64),
        (65, 1, 200, 64),
        (90, 4, 30, 64),
        (30, 3, 50, 64),
    ],
    ids=["full rank", "prompts", "n < d", "n < d, prompts", "n = d + 1", "few references", "few of both"],
)
def test_every_deleted_distance_equals_the_distance_of_what_is_left(
    n: int, samples: int, references: int, d: int
) -> None:
    features, reference = _features(1, n, d), Gaussian.of_features(_features(2, references, d) * 1.3 + 0.1)
    prompts = np.random.default_rng(3).permutation(np.arange(n) // samples)
    found = frechet_jackknife(features, reference, prompts)
    left = [frechet_distance(Gaussian.of_features(features[prompts != p]), reference) for p in np.unique(prompts)]
    assert found.value == frechet_distance(Gaussian.of_features(features), reference)
    assert found.without - found.value == pytest.approx(np.array(left) - found.value, rel=2e-3, abs=2e-4 * np.std(left))


@pytest.mark.parametrize(("n", "m", "d"), [(60, 64, 16), (300, 40, 32), (33, 200, 32)])
def test_every_distance_without_a_reference_equals_that_to_the_others(n: int, m: int, d: int) -> None:
    features, references = _features(1, n, d), (_features(2, m, d) * 1.3 + 0.1).astype(np.float32)
    reference = Gaussian.of_features(references)
    found = frechet_jackknife(features, reference, np.arange(n) // 3, references)
    assert found.references is not None
    images = Gaussian.of_features(features)
    left = [frechet_distance(images, Gaussian.of_features(np.delete(references, i, axis=0))) for i in range(m)]
    changes = np.array(left) - found.value
    assert found.references.value == found.value
    assert found.references.without - found.value == pytest.approx(changes, rel=2e-3, abs=2e-4 * np.std(left))
    assert found.references.bias == pytest.approx((m - 1) * changes.mean(), rel=1e-3)
    alone = frechet_jackknife(features, reference, np.arange(n) // 3)
    assert (alone.references, alone.bias) == (None, found.bias)


def test_references_that_tell_nothing_of_their_bias_or_are_others_are_left_out_or_refused() -> None:
    references = _features(2, 16, 16)
    assert (
        frechet_jackknife(_features(1, 60, 16), Gaussian.of_features(references), None, references).references is None
    )
    with pytest.raises(MetricInputError, match="29 references are given with statistics of 30"):
        frechet_jackknife(_features(1, 60, 16), Gaussian.of_features(_features(2, 30, 16)), None, _features(2, 29, 16))


def test_copies_of_a_prompts_images_are_no_images_of_their_own() -> None:
    """About as many images are independent as there are prompts; the divisor n - 1 leaves some of the bias out."""
    random, prompts = np.random.default_rng(1), np.repeat(np.arange(200), 4)
    reference = Gaussian(0, np.zeros(24), np.eye(24), None)
    copies = np.repeat(random.normal(size=(200, 24)), 4, axis=0)
    assert 160 <= frechet_jackknife(copies, reference, prompts).independent <= 240
    assert frechet_jackknife(copies, reference).independent == 800
    unlike = frechet_jackknife(random.normal(size=(800, 24)), reference, prompts)
    assert 700 <= unlike.independent <= 800


def test_prompts_of_different_sizes() -> None:
    features, reference = _features(4, 50, 12), Gaussian.of_features(_features(5, 100, 12))
    prompts = np.repeat([7, 3, 30, 4], [1, 25, 14, 10])
    found = frechet_jackknife(features, reference, prompts)
    left = [frechet_distance(Gaussian.of_features(features[prompts != p]), reference) for p in (3, 4, 7, 30)]
    assert found.without == pytest.approx(np.array(left), rel=1e-4)


@pytest.mark.parametrize(("n", "d"), [(50, 12), (16, 12), (10, 12)], ids=["n > d", "n > d, not without", "n < d"])
def test_prompts_of_very_many_images_take_no_more_memory(n: int, d: int, monkeypatch: pytest.MonkeyPatch) -> None:
    features, reference = _features(4, n, d), Gaussian.of_features(_features(5, 100, d))
    prompts = np.arange(n) % 2
    monkeypatch.setattr("metrics.frechet.deleted.BLOCK", 100)
    found = frechet_jackknife(features, reference, prompts)
    left = [frechet_distance(Gaussian.of_features(features[prompts != p]), reference) for p in (0, 1)]
    assert found.without == pytest.approx(np.array(left), rel=1e-9)


def test_the_first_order_is_the_gradient_by_finite_differences() -> None:
    """With many images, deleting one changes the distance by -1/n times the derivative along its own weight."""
    n, d, step = 40_000, 5, 1e-4
    random = np.random.default_rng(6)
    features, reference = random.gamma(2.0, size=(n, d)), Gaussian.of_features(random.normal(size=(400, d)) + 1)
    found = frechet_jackknife(features, reference)
    for image in (0, 17, int(np.argmax(features[:, 0]))):
        distances = []
        for change in (-step, step):
            weights = np.full(n, (1 - change) / n)
            weights[image] += change
            mean = weights @ features
            centred = features - mean
            covariance = (centred * weights[:, None]).T @ centred
            distances.append(frechet_distance(Gaussian(n, mean, covariance, None), reference))
        derivative = (distances[1] - distances[0]) / (2 * step)
        assert (found.value - found.without[image]) * n == pytest.approx(derivative, rel=1e-2, abs=1e-2)


def test_order_of_images_and_names_of_prompts_change_nothing() -> None:
    features, reference = _features(7, 60, 8), Gaussian.of_features(_features(8, 60, 8))
    prompts = np.arange(60) // 3
    shuffle = np.random.default_rng(9).permutation(60)
    ours = frechet_result(features, reference, prompts=prompts)
    theirs = frechet_result(features[shuffle], reference, prompts=500 - 2 * prompts[shuffle])
    assert ours.interval is not None
    assert theirs.interval is not None
    assert (ours.interval.low, ours.interval.high) == pytest.approx(
        (theirs.interval.low, theirs.interval.high), rel=1e-8
    )


@pytest.mark.parametrize("n", [4, 10, 100])
def test_the_point_lies_inside_its_interval(n: int) -> None:
    features = _features(10, n, 20)
    for reference in (Gaussian.of_features(_features(11, 50, 20)), Gaussian.of_features(features)):
        found = frechet_result(features, reference)
        assert found.interval is not None
        assert 0 <= found.interval.low <= found.value <= found.interval.high


def test_the_note_names_the_bias() -> None:
    reference = Gaussian.of_features(_features(12, 300, 20))
    many = frechet_result(_features(13, 200, 20), reference)
    both = frechet_result(_features(13, 200, 20), reference, references=_features(12, 300, 20))
    few = frechet_result(_features(13, 20, 20), reference)
    assert many.n == 200
    assert many.note.startswith("about ")
    without = "the images' finite-sample bias (jackknife; not subtracted; that of the references is not in it)"
    assert many.note.endswith(f"of it is {without}")
    words = r"about (\S+) of it is finite-sample bias, (\S+) of the images and (\S+) of the references, taken as indep"
    found = re.match(words, both.note)
    assert found is not None
    whole, images, references = (float(each) for each in found.groups())
    assert whole == pytest.approx(images + references, rel=0.01)
    assert many.note.startswith(f"about {found[2]} of it")
    assert (both.value, both.interval) == (many.value, many.interval)
    assert few.note == "mostly finite-sample bias, as n = 20 images is at most the dimension 20"
    assert many.interval is not None
    assert "references fixed" in many.interval.method


def test_one_prompt_and_hardly_any_images_have_no_interval() -> None:
    reference = Gaussian.of_features(_features(14, 30, 4))
    assert frechet_result(_features(15, 10, 4), reference, prompts=np.zeros(10, dtype=int)).interval is None
    assert frechet_result(_features(15, 2, 4), reference).interval is None


def test_equal_images_are_allowed() -> None:
    """Memorised images: half of the set is one image, so its covariance is singular although n > d."""
    features = np.concatenate([_features(16, 10, 16), np.tile(_features(17, 1, 16), (10, 1))])
    reference = Gaussian.of_features(_features(18, 64, 16))
    found = frechet_jackknife(features, reference)
    left = [frechet_distance(Gaussian.of_features(np.delete(features, i, axis=0)), reference) for i in range(20)]
    assert found.without == pytest.approx(np.array(left), rel=1e-4)


@pytest.mark.filterwarnings("ignore:both covariances are singular")
@pytest.mark.parametrize("n", [4, 40], ids=["n < d", "n > d"])
def test_sets_of_one_image_again_and_again_are_measured(n: int) -> None:
    """A collapsed model, or references that are all alike: the trace term is 0, only means and a variance count."""
    varied, same = _features(20, n, 16), np.tile(_features(21, 1, 16), (n, 1))
    for features, references in ((same, varied), (varied, same), (same, same)):
        reference = Gaussian.of_features(references)
        found = frechet_jackknife(features, reference)
        gap = features.mean(axis=0) - references.mean(axis=0)
        parts = [gap @ gap, features.var(axis=0, ddof=1).sum(), references.var(axis=0, ddof=1).sum()]
        assert found.value == pytest.approx(sum(parts), abs=1e-9)
        left = [frechet_distance(Gaussian.of_features(np.delete(features, i, axis=0)), reference) for i in range(n)]
        assert found.without == pytest.approx(np.array(left), rel=1e-6, abs=1e-9)
        assert frechet_result(features, reference).value == found.value


def test_the_note_never_says_that_more_is_bias_than_there_is() -> None:
    """Images that are among the references lie nearer to them than the jackknife, which holds those fixed, expects."""
    references = _features(22, 120, 20)
    note = frechet_result(references[:60], Gaussian.of_features(references)).note
    assert note.startswith("all of it may be the images' finite-sample bias (about ")
    note = frechet_result(references[:60], Gaussian.of_features(references), references=references).note
    assert note.startswith("all of it may be finite-sample bias (about ")


def test_wrong_input_is_refused() -> None:
    reference = Gaussian.of_features(_features(19, 30, 4))
    with pytest.raises(MetricInputError, match="one whole number for each"):
        frechet_result(_features(20, 10, 4), reference, prompts=np.arange(9))
    with pytest.raises(MetricInputError, match="at least 2 images"):
        frechet_result(_features(20, 1, 4), reference)
    with pytest.raises(MetricInputError, match="NaN"):
        frechet_result(np.full((5, 4), np.nan), reference)
    with pytest.raises(MetricInputError, match="another network"):
        frechet_result(_features(20, 10, 5), reference)


def test_the_interval_of_a_mean_is_students() -> None:
    """A mean's jackknife is the t interval itself."""
    values = np.array([1.0, 4.0, 2.0, 7.0, 3.5])
    found = jackknife_interval(float(values.mean()), (values.sum() - values) / 4, "t")
    half = 2.7764451051977987 * values.std(ddof=1) / np.sqrt(5)  # t table: 4 degrees of freedom, 97.5%
    assert isinstance(found, Interval)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))


def _coverage(world: World, prompts: int, studies: int) -> float:
    """The share of studies whose interval holds the distance that is expected at their n."""
    found = [frechet_result(x, world.reference, prompts=p) for x, p in world.studies(prompts, studies)]
    expected = np.mean([each.value for each in found])
    return float(
        np.mean([each.interval is not None and each.interval.low <= expected <= each.interval.high for each in found])
    )


def test_coverage_at_few_prompts() -> None:
    """The short version of the proof below; four standard errors of 150 studies wide."""
    assert _coverage(pool_like_world(24), 20, 150) >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 150)


@pytest.mark.proof
@pytest.mark.parametrize("make", [pool_like_world, flat_world])
@pytest.mark.parametrize("prompts", [6, 12, 24, 50, 200, 800])
def test_coverage_of_the_distance_expected_at_n(make: Callable[[int], World], prompts: int) -> None:
    """From n = d / 2 to 67 d: never below 93%, and at most somewhat wide."""
    covered = _coverage(make(48), prompts, 1000)
    assert 0.93 <= covered <= 0.995


def _excess(prompts: int, m: int, studies: int) -> tuple[float, float]:
    """What the note says and what is true of equal distributions, on average."""
    found = [
        frechet_jackknife(x, Gaussian.of_features(y), p, y)
        for x, p, y in flat_world(16, 1.0).pairs(prompts, m, studies)
    ]
    return float(np.mean([each.whole_bias for each in found])), float(np.mean([each.value for each in found]))


def test_the_bias_of_the_note_is_that_of_images_and_references() -> None:
    """The short version of the proof; few references make most of it."""
    told, true = _excess(100, 120, 40)
    assert told == pytest.approx(true, rel=0.05)


@pytest.mark.proof
@pytest.mark.parametrize("m", [500, 2000, 20_000])
def test_the_bias_of_the_note_takes_the_references_in(m: int) -> None:
    """500 images of 64 dimensions, equal distributions: all of the distance is bias."""
    found = []
    for x, p, y in flat_world(64, 1.0, samples=1, alike=0.0).pairs(500, m, 100):
        found.append(frechet_jackknife(x, Gaussian.of_features(y), p, y))
    true = np.mean([each.value for each in found])
    assert np.mean([each.whole_bias for each in found]) == pytest.approx(true, rel=0.03)


@pytest.mark.proof
def test_the_bias_of_the_note_is_the_true_one() -> None:
    """Where n is a few times d: the mean estimate is within 5% of the mean excess over the population's distance."""
    world = pool_like_world(48)
    for prompts in (50, 200):
        found = [frechet_jackknife(x, world.reference, p) for x, p in world.studies(prompts, 400)]
        excess = np.mean([each.value for each in found]) - world.limit
        assert np.mean([each.bias for each in found]) == pytest.approx(excess, rel=0.05)


def test_references_that_are_not_behind_the_statistics_are_refused() -> None:
    random = np.random.default_rng(3)
    features, behind = random.normal(size=(200, 8)), random.normal(size=(300, 8))
    reference = Gaussian.of_features(behind)
    frechet_result(features, reference, references=behind)
    frechet_result(features, reference, references=behind.astype(np.float32))
    spoilt = behind.copy()
    spoilt[3, 2] = np.nan
    for other in (5 * behind, behind + 0.1, behind[:6], behind[:, :4], spoilt, np.zeros((300, 8), np.uint8)):
        with pytest.raises(MetricInputError, match="references"):
            frechet_result(features, reference, references=other)
        with pytest.raises(MetricInputError, match="references"):
            frechet_infinity_result(features, reference, references=other)
