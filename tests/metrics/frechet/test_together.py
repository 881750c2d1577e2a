"""References that belong to prompts: deleted with the images of their prompts, so that what both share is known."""

from dataclasses import dataclass

import numpy as np
import pytest

from metrics.errors import MetricInputError
from metrics.frechet.deleted import changes_together, through
from metrics.frechet.difference import frechet_difference
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.infinity import frechet_infinity_definition, frechet_infinity_result
from metrics.frechet.interval import frechet_jackknife, frechet_result
from metrics.statistics.intervals import t_quantile
from metrics.statistics.jackknife import jackknife_interval
from tests.metrics.frechet.worlds import shared_sets

gaussian = Gaussian.of_features


def _set(n: int = 60, m: int = 50, d: int = 6, sharing: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return next(shared_sets(d, n, m, sharing, 1, gain=1.2))


@pytest.mark.filterwarnings("ignore:both covariances are singular")
@pytest.mark.parametrize(("n", "m", "d"), [(60, 50, 6), (40, 150, 16), (24, 20, 16)])
@pytest.mark.parametrize("kind", ["normal", "no mean at 0, unlike variances", "a constant feature"])
def test_deleting_both_adds_what_distances_of_the_sets_without_them_say(n: int, m: int, d: int, kind: str) -> None:
    images, references, rows = _set(n, m, d)
    if kind == "a constant feature":
        images[:, 0] = references[:, 0] = 3.0
    elif kind != "normal":
        images, references = (each * np.geomspace(1, 0.01, d) + 5 for each in (images, references))
    own = np.flatnonzero(rows >= 0)
    x, y = gaussian(images), gaussian(references)
    found = changes_together(images[own], references[rows[own]], through(images, x, y), x, y)
    whole, expected = frechet_distance(x, y), []
    for i in own:
        less = gaussian(np.delete(images, i, axis=0)), gaussian(np.delete(references, rows[i], axis=0))
        alone = frechet_distance(less[0], y) + frechet_distance(x, less[1])
        expected.append(frechet_distance(*less) - alone + whole)
    assert found == pytest.approx(np.array(expected), rel=1e-3, abs=1e-3 * np.std(expected))


def test_copies_of_the_references_have_no_bias() -> None:
    """All that is random is shared: the distance is 0 in every set, and the jackknife knows."""
    references = np.random.default_rng(1).normal(size=(80, 5))
    rows = np.random.default_rng(2).permutation(80)
    found = frechet_jackknife(references[rows], gaussian(references), None, references, rows)
    assert found.references is not None
    assert found.bias + found.references.bias > 0.1
    assert found.whole_bias == pytest.approx(0, abs=1e-5)
    known = {"references": references, "prompt_references": rows}
    assert frechet_infinity_result(references[rows], gaussian(references), **known).value == pytest.approx(0, abs=1e-4)


def test_the_images_of_a_prompt_share_its_reference() -> None:
    """Three images each, equal ones or not, in any order, under any numbers: as so many pairs."""
    images, references, rows = _set(40, 50)
    three = np.repeat(images, 3, axis=0) + 0.3 * np.random.default_rng(3).normal(size=(120, 6))
    shuffle = np.random.default_rng(4).permutation(120)
    prompts = np.repeat(np.arange(40) * 7 - 5, 3)
    x, y = gaussian(three), gaussian(references)
    found = frechet_jackknife(three[shuffle], y, prompts[shuffle], references, rows)
    added = changes_together(three, references[np.repeat(rows, 3)], through(three, x, y), x, y).sum()
    assert found.together == pytest.approx(added, rel=0.03)
    halves = [np.where((np.arange(40) < 20) == first, rows, -1) for first in (True, False)]
    fewer, others = (frechet_jackknife(three, y, prompts, references, half) for half in halves)
    assert fewer.together + others.together == pytest.approx(found.together, rel=0.02)
    assert (found.belonging, fewer.belonging) == (40, 20)


def test_without_pairs_all_is_as_for_independent_sets() -> None:
    images, references, _ = _set()
    y, none = gaussian(references), np.full(60, -1)
    for result in (frechet_result, frechet_infinity_result):
        assert result(images, y, references=references, prompt_references=none) == result(
            images, y, references=references
        )
    pair = images, images[::-1] * 1.1
    assert frechet_difference(*pair, y, None, references, none) == frechet_difference(*pair, y, None, references)


def test_values_stay_and_the_three_cases_are_told() -> None:
    images, references, rows = _set()
    y = gaussian(references)
    fixed, apart, both = (
        frechet_result(images, y, references=theirs, prompt_references=own)
        for theirs, own in ((None, None), (references, None), (references, rows))
    )
    assert (fixed.value, fixed.interval) == (apart.value, apart.interval) == (both.value, both.interval)
    assert fixed.note.endswith("that of the references is not in it)")
    assert apart.note.endswith("of the references, taken as independent of the prompts (jackknife; not subtracted)")
    assert both.note.endswith(" as 50 of them belong to prompts (jackknife; not subtracted)")
    limits = (
        frechet_infinity_result(images, y, references=theirs, prompt_references=own)
        for theirs, own in ((None, None), (references, None), (references, rows))
    )
    words = ("is not in it)", "50 references, taken as independent of the prompts", "50 of which belong to prompts")
    for limit, end in zip(limits, words, strict=True):
        assert limit.note.endswith(end)
    assert "references, those of a prompt together: to second" in frechet_infinity_definition(True, together=True)
    notes = [
        frechet_difference(images, images * 1.1, y, None, theirs, own).at_this_n.note
        for theirs, own in ((None, None), (references, None), (references, rows))
    ]
    for note, end in zip(notes, ("not in it)", "references taken as independent of the prompts)", "y)"), strict=True):
        assert note.endswith(end)


@pytest.mark.filterwarnings("ignore:both covariances are singular")
def test_sets_of_equal_images_are_measured() -> None:
    same = np.ones((20, 3))
    found = frechet_jackknife(same, gaussian(same), None, same, np.arange(20))
    assert (found.value, found.together, found.whole_bias) == (0, 0, 0)


def test_rows_that_are_none_are_refused() -> None:
    images, references, rows = _set()
    y = gaussian(references)
    for wrong in (rows[:-1], rows + 1, rows - 1, rows.astype(float), rows[:, None]):
        with pytest.raises(MetricInputError, match="one row of the 50 references, or -1, for each of the 60 prompts"):
            frechet_jackknife(images, y, None, references, wrong)
    with pytest.raises(MetricInputError, match="one row of the 0 references"):
        frechet_jackknife(images, y, None, None, rows)


def test_the_interval_of_a_difference_of_means_of_pairs_is_students() -> None:
    random = np.random.default_rng(5)
    x = random.normal(size=40)
    pairs, y = random.permutation(40), np.empty(40)
    y[pairs] = x + 0.3 * random.normal(size=40)
    less_x, less_y = (x.sum() - x) / 39 - y.mean(), x.mean() - (y.sum() - y) / 39
    value = x.mean() - y.mean()
    found = jackknife_interval(value, less_x, "", beside=less_y, pairs=pairs)
    assert found is not None
    half = (found.high - found.low) / 2
    error = np.std(x - y[pairs], ddof=1) / np.sqrt(40)
    assert half == pytest.approx(t_quantile(40) * error)


@dataclass(frozen=True)
class Figures:
    """Means over sets: what the bias is, and what the note says; the limit less the truth; the share of intervals that
    hold the truth, and of sets that have one."""

    true: float
    bias: float
    limit: float
    covered: float
    told: float


def figures(d: int, n: int, m: int, sharing: float, count: int, *, together: bool = True, gain: float = 1.0) -> Figures:
    """Of `shared_sets`, jackknifed together or as independent ones."""
    truth, rows = d * (gain - 1) ** 2, []
    for images, references, own in shared_sets(d, n, m, sharing, count, gain):
        y, own_or_none = gaussian(references), own if together else None
        found = frechet_jackknife(images, y, None, references, own_or_none)
        limit = frechet_infinity_result(images, y, references=references, jackknife=found)
        inside = limit.interval is not None and limit.interval.low <= truth <= limit.interval.high
        rows.append((found.value - truth, found.whole_bias, limit.value - truth, inside, limit.interval is not None))
    true, bias, error, inside, told = np.mean(rows, axis=0)
    return Figures(true, bias, error, inside / told, told)


def test_bias_and_limit_are_right_where_sets_share_and_were_wrong() -> None:
    """The short version of the proof: half of each image's variance is that of its reference."""
    apart, both = (figures(16, 96, 128, 0.5, 60, together=together) for together in (False, True))
    assert both.bias == pytest.approx(both.true, rel=0.05)
    assert abs(both.limit) < 0.05
    assert both.covered >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 60)
    assert both.told == 1
    assert apart.bias > 1.25 * both.true
    assert apart.limit < -0.2
    assert apart.covered < 0.8


def test_a_model_that_shares_more_with_the_references_is_not_told_to_be_better() -> None:
    """Both draw from the references' own distribution, but one knows the photographs of its prompts."""
    apart, both = [], []
    for (a, references, rows), (b, _, _) in zip(
        shared_sets(8, 96, 96, 0.7, 40), shared_sets(8, 96, 96, 0.0, 40), strict=True
    ):
        y = gaussian(references)
        apart.append(frechet_difference(a, b, y, None, references))
        both.append(frechet_difference(a, b, y, None, references, rows))
    differences = [each.difference for each in both]
    assert np.mean(differences) < -0.2
    for found, right in ((apart, False), (both, True)):
        biases = [each.bias[0] - each.bias[1] for each in found if each.bias]
        limits = [each.at_infinity for each in found if each.at_infinity]
        held = [each.interval is not None and each.interval.low <= 0 <= each.interval.high for each in limits]
        assert len(biases) == len(limits) == 40
        assert (np.mean(biases) == pytest.approx(np.mean(differences), rel=0.1)) == right
        assert (np.mean(held) > 0.8) == right


@pytest.mark.proof
@pytest.mark.parametrize("gain", [1.0, 1.1], ids=["equal", "different"])
@pytest.mark.parametrize("sharing", [0.0, 0.5, 0.7, 0.9])
@pytest.mark.parametrize(("n", "m"), [(192, 192), (512, 512), (512, 2048), (1920, 2560)])
def test_coverage_where_references_belong_to_prompts(n: int, m: int, sharing: float, gain: float) -> None:
    """64 dimensions; the first n references belong to prompts."""
    found = figures(64, n, m, sharing, 60, gain=gain)
    assert found.bias == pytest.approx(found.true, rel=0.03)
    assert abs(found.limit) < 0.03 * found.true
    assert found.covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 60)
    assert found.told == 1
    if sharing > 0:
        apart = figures(64, n, m, sharing, 60, together=False, gain=gain)
        assert apart.bias > 1.1 * found.true
        assert apart.covered < found.covered
