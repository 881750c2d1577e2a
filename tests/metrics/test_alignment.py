"""CLIP score: raw cosines, prompts as the unit, and an honest comparison with shuffled captions."""

from dataclasses import replace

import numpy as np
import pytest

from metrics.alignment import NOT_MEASURABLE, PromptScores, clip_score_results, prompt_scores, sample_cosines
from metrics.errors import MetricInputError
from metrics.statistics.result import MetricResult
from metrics.statistics.vectors import unit


def _results(scores: PromptScores) -> dict[str, MetricResult]:
    return clip_score_results(scores)


def _random(seed: int, n: int, samples: int = 1, signal: float = 0.0, hub: float = 0.0) -> PromptScores:
    """Images and captions in 16 dimensions; `hub` gives some captions and images a common direction."""
    random = np.random.default_rng(seed)
    common = random.normal(size=16)
    texts = random.normal(size=(n, 16)) + hub * random.normal(size=(n, 1)) * common
    rows = np.repeat(np.arange(n), samples)
    images = random.normal(size=(n * samples, 16)) + signal * texts[rows] + hub * common
    return prompt_scores(images, rows, [f"caption {i}" for i in range(n)], texts)


def test_cosines_are_raw_and_not_clamped_at_zero() -> None:
    images = np.array([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]])
    texts = np.array([[5.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(sample_cosines(images, texts), [1.0, np.sqrt(0.5), -1.0])


def test_prompts_are_the_unit_however_many_samples_each_has() -> None:
    texts = np.eye(2)
    images = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    result = _results(prompt_scores(images, [0, 1, 1, 1], ["a", "b"], texts))["clip_score"]
    assert result.value == pytest.approx(1.0)
    assert result.n == 2
    mixed = _results(prompt_scores(images, [0, 0, 0, 1], ["a", "b"], texts))["clip_score"]
    assert mixed.value == pytest.approx((1 / 3 + 1) / 2)


def test_shuffled_score_is_the_mean_over_all_other_captions() -> None:
    scores = _random(0, 9, samples=3)
    matrix = scores.image @ scores.text.T
    others = matrix[~np.eye(9, dtype=bool)].reshape(9, 8).mean(axis=1)
    results = _results(scores)
    assert results["clip_score_shuffled"].value == pytest.approx(others.mean(), abs=1e-12)
    assert results["clip_score_difference"].value == pytest.approx((np.diag(matrix) - others).mean(), abs=1e-12)


def test_a_repeated_caption_is_not_another_caption() -> None:
    texts = unit(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    scores = PromptScores(("a", "a", "b"), texts, texts, np.ones(3))
    assert _results(scores)["clip_score_shuffled"].value == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(5))
def test_point_estimates_lie_inside_their_intervals(seed: int) -> None:
    for result in _results(_random(seed, 7, samples=2, signal=0.3, hub=0.5)).values():
        assert result.interval is not None
        assert result.interval.low <= result.value <= result.interval.high


def test_a_scope_is_marked_exactly_when_it_is_not_above_its_shuffled_captions() -> None:
    clear, noise = _results(_random(1, 30, signal=2.0)), _results(_random(2, 30))
    for results, marked in ((clear, False), (noise, True)):
        difference = results["clip_score_difference"]
        assert difference.interval is not None
        assert (difference.interval.low <= 0) is marked
        assert (NOT_MEASURABLE in results["clip_score"].note) is marked
        assert (NOT_MEASURABLE in difference.note) is marked


@pytest.mark.parametrize("hub", [0.0, 1.0])
def test_the_difference_covers_zero_for_images_that_ignore_their_captions(hub: float) -> None:
    """Also when some captions are near to every image: that must not change the interval of the difference."""
    trials, covered = 600, 0
    for seed in range(trials):
        interval = _results(_random(seed, 20, hub=hub))["clip_score_difference"].interval
        assert interval is not None
        covered += interval.low <= 0 <= interval.high
    assert covered / trials == pytest.approx(0.95, abs=0.036)  # 4 standard errors


def test_one_caption_cannot_be_shuffled_and_the_note_says_so() -> None:
    results = _results(_random(3, 1, samples=4))
    assert set(results) == {"clip_score"}
    assert results["clip_score"].interval is None
    assert NOT_MEASURABLE in results["clip_score"].note


def test_two_prompts_are_too_few_to_tell_and_the_note_says_so() -> None:
    both = clip_score_results(prompt_scores(np.eye(2), [0, 1], ["a cat", "a dog"], np.eye(2)))
    assert both["clip_score"].note == f"{NOT_MEASURABLE}: fewer than 3 prompts"


def test_embeddings_that_have_no_direction_are_refused() -> None:
    for bad in (0.0, np.nan):
        with pytest.raises(MetricInputError, match="zero, NaN or infinite"):
            unit(np.full((1, 3), bad))


def test_a_prompt_without_images_is_refused() -> None:
    with pytest.raises(MetricInputError, match="no image"):
        prompt_scores(np.ones((1, 2)), [0], ["a", "b"], np.ones((2, 2)))


def test_features_that_are_no_pairs_are_refused_and_never_broadcast() -> None:
    images, texts = np.eye(3), np.eye(3)
    for given in (texts[:1], texts[:2]):
        with pytest.raises(MetricInputError, match=rf"3 texts and {len(given)} text features"):
            prompt_scores(images, [0, 1, 2], ["a", "b", "c"], given)
    for given, message in ((texts[:, :1], "dimensions"), (texts[0], "table"), (texts.astype(complex), "complex128")):
        with pytest.raises(MetricInputError, match=message):
            prompt_scores(images, [0, 1, 2], ["a", "b", "c"], given)
    rows: list[list[float]] = [[0, 1, 2, 2], [0.0, 1.0, 2.0], [-1, 0, 1]]
    for row in rows:
        with pytest.raises(MetricInputError):
            prompt_scores(images, row, ["a", "b", "c"], texts)  # type: ignore[arg-type]
    for given in (texts[:1], texts[:, :1], texts[0]):
        with pytest.raises(MetricInputError, match="no pairs"):
            sample_cosines(images, given)
    scores = prompt_scores(images, [0, 1, 2], ["a", "b", "c"], texts)
    with pytest.raises(MetricInputError, match="scores of 3 prompts have arrays of shapes"):
        replace(scores, text=scores.text[:1])
