"""How often the 95% intervals hold the true value: simulated, and published in metrics_in_depth.md whatever it is."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from metrics.alignment import clip_score_results, prompt_scores
from metrics.diversity import diversity_results
from metrics.inception_score import inception_score_result
from metrics.kernel import cmmd_result, kid_result
from metrics.manifold import manifold_results
from metrics.retrieval import r_precision_result
from metrics.statistics.result import MetricResult
from tests.metrics.populations import Captioned, Population, cubic, gaussian

DOCS = Path(__file__).parents[2] / "docs" / "metrics_in_depth.md"
CLIP_PROMPTS = (7, 10, 38, 200)
# Sets that differ, by little and by much, with common and with long-tailed features
DIFFERENT = ("factors 0.3", "factors 1", "heavy 0.3", "heavy 1")
EQUAL = ("factors 0", "heavy 0")
OTHERS = {
    "manifold": ("precision", "recall", "density", "coverage"),
    "inception": ("inception_score",),
    "retrieval": ("r_precision",),
    "diversity": ("pairwise_distance", "vendi_score"),
}


@cache
def _population(name: str) -> Population:
    kind, shift = name.split()
    return {"factors": Population.of, "heavy": Population.heavy}[kind](float(shift))


@cache
def _captioned() -> Captioned:
    return Captioned.of()


def _share(results: list[MetricResult], truth: float) -> float:
    """The share of intervals that hold the truth; a missing one does not."""
    intervals = [result.interval for result in results]
    return float(np.mean([i is not None and i.low <= truth <= i.high for i in intervals]))


def kid_coverage(name: str, prompts: int, samples: int, trials: int) -> float:
    """Of the expectation at this number of images, which is exact; references fixed."""
    population, random = _population(name), np.random.default_rng(prompts + 7 * samples)
    truth = population.discrepancy(cubic, prompts, samples, biased=False)
    draws = [population.draw(random, prompts, samples) for _ in range(trials)]
    return _share([kid_result(x, population.references, prompts=p) for x, p in draws], truth)


def cmmd_coverage(name: str, prompts: int, samples: int, trials: int) -> float:
    """As `kid_coverage`; the finite-sample bias is part of what CMMD is expected to be."""
    population, random = _population(name), np.random.default_rng(prompts + 7 * samples)
    truth = 1000 * population.discrepancy(gaussian, prompts, samples, biased=True)
    draws = [population.draw(random, prompts, samples) for _ in range(trials)]
    return _share([cmmd_result(x, population.references, prompts=p) for x, p in draws], truth)


def clip_coverage(prompts: int, trials: int) -> tuple[float, float]:
    """Of the CLIP score and of its difference from shuffled captions, 4 samples a prompt."""
    population, random = _captioned(), np.random.default_rng(prompts)
    draws = [population.draw(random, prompts, 4) for _ in range(trials)]
    results = [clip_score_results(prompt_scores(*draw)) for draw in draws]
    return (
        _share([result["clip_score"] for result in results], population.score),
        _share([result["clip_score_difference"] for result in results], population.difference),
    )


def other_coverage(family: str, prompts: int, trials: int) -> dict[str, float]:
    """Of each metric's expectation at this number of prompts, 4 samples each, known as the mean over all trials."""
    random = np.random.default_rng(prompts)
    found = [_others(family, random, prompts) for _ in range(trials)]
    shares = {}
    for metric in OTHERS[family]:
        results = [result[metric] for result in found]
        shares[metric] = _share(results, float(np.mean([result.value for result in results])))
    return shares


def _others(family: str, random: np.random.Generator, prompts: int) -> dict[str, MetricResult]:
    if family == "retrieval":
        return {"r_precision": r_precision_result(*_captioned().draw(random, prompts, 4))}
    population = _population("factors 0.3")
    x, p = population.draw(random, prompts, 4)
    if family == "inception":
        return {"inception_score": inception_score_result(4 * (x[:, :20] - 1), prompts=p)}
    if family == "diversity":
        return diversity_results(x, p)
    return manifold_results(x, population.references, prompts=p)


def _published(name: str) -> list[float]:
    """The percentages of one row of the table."""
    row = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", DOCS.read_text(), flags=re.MULTILINE)
    assert row is not None, f"docs/metrics_in_depth.md has no row {name}"
    return [float(cell) for cell in row[1].replace("%", "").split("|")]


def _agrees(name: str, shares: list[float]) -> None:
    """Seeds are fixed, so only rounding differs between machines."""
    assert [100 * share for share in shares] == pytest.approx(_published(name), abs=0.35)


@pytest.mark.parametrize("prompts", CLIP_PROMPTS)
def test_clip_scores_interval_covers_about_as_often_as_it_says(prompts: int) -> None:
    trials = 400
    noise = 3 * np.sqrt(0.05 * 0.95 / trials)
    for share in clip_coverage(prompts, trials):
        assert 0.93 - noise <= share <= 0.97 + noise


@pytest.mark.parametrize("name", ["factors 0.3", "heavy 1"])
def test_kids_interval_covers_about_as_often_as_it_says(name: str) -> None:
    trials = 250
    noise = 3 * np.sqrt(0.05 * 0.95 / trials)
    assert 0.93 - noise <= kid_coverage(name, 200, 1, trials) <= 0.97 + noise


@pytest.mark.proof
@pytest.mark.parametrize("prompts", CLIP_PROMPTS)
def test_clip_scores_interval_covers_93_to_97_percent(prompts: int) -> None:
    shares = clip_coverage(prompts, 4000)
    assert all(0.93 <= share <= 0.97 for share in shares)
    _agrees(f"CLIP score and difference, {prompts} prompts", list(shares))


@pytest.mark.proof
@pytest.mark.parametrize("name", DIFFERENT)
def test_kids_interval_covers_93_to_97_percent_of_sets_that_differ(name: str) -> None:
    shares = [kid_coverage(name, *size, 1000) for size in ((50, 1), (200, 1), (200, 4))]
    assert all(0.93 <= share <= 0.97 for share in shares[1:])
    _agrees(f"KID, {name}", shares)


@pytest.mark.proof
@pytest.mark.parametrize("name", EQUAL)
def test_kids_interval_is_wider_than_it_need_be_for_equal_sets(name: str) -> None:
    shares = [kid_coverage(name, *size, 1000) for size in ((50, 1), (200, 1), (200, 4))]
    assert all(share >= 0.93 for share in shares)
    _agrees(f"KID, {name}", shares)


@pytest.mark.proof
@pytest.mark.parametrize("name", ["factors 0.3", "factors 1", *EQUAL])  # the shifts of `heavy` change no direction
def test_cmmds_coverage_is_the_one_published(name: str) -> None:
    _agrees(f"CMMD, {name}", [cmmd_coverage(name, *size, 500) for size in ((50, 1), (200, 1), (200, 4))])


@pytest.mark.proof
@pytest.mark.parametrize("family", OTHERS)
def test_other_coverages_are_those_published(family: str) -> None:
    found = [other_coverage(family, prompts, 500) for prompts in (10, 50, 200)]
    for metric in OTHERS[family]:
        _agrees(f"interval of {metric}", [shares[metric] for shares in found])
