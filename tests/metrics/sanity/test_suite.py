"""The sanity suite: what counts as a movement, and that metrics of a blind or broken network do not pass."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from drawbench.scoring.kinds import kinds
from metrics.errors import MetricInputError
from metrics.image_set import ImageSet
from metrics.sanity.degradations import IMAGE_DEGRADATIONS
from metrics.sanity.rules import Requirement, SuiteMetric
from metrics.sanity.suite import CLEAN_SETS, MEMORISED, UNITS, Check, Movement, SuiteImages, run_suite

N, MODES, SIDE = 48, 6, 32
METRICS = [kind.suite_metric for kind in kinds()]
RULES = {name: rule for metric in METRICS for name, rule in metric.rules.items()}


def _check(metric: str, values: Sequence[float], spread: float, required: Requirement | None = "worse") -> Check:
    return Check(metric, "blur", (1.0, 2.0, 3.0), tuple(values), spread, required, RULES[metric].higher_is_better)


@pytest.mark.parametrize(
    ("values", "movement"),
    [
        ((1.0, 2.0, 3.0, 4.0), "worse"),
        ((1.0, 0.9, 3.0, 4.0), "worse"),  # a step back that is chance
        ((1.0, 3.0, 2.0, 4.0), "mixed"),  # one that is not
        ((1.0, 1.0, 1.0, 1.4), "still"),
        ((4.0, 3.0, 2.0, 1.0), "better"),
        ((1.0, 3.0, 3.0, 1.2), "mixed"),
    ],
)
def test_movements_of_a_distance_and_mirrored_of_a_score(values: tuple[float, ...], movement: Movement) -> None:
    assert _check("kid", values, 0.5).movement == movement
    assert _check("recall", [-value for value in values], 0.5).movement == movement


def test_what_passes() -> None:
    rising, flat, falling = (1.0, 2.0, 3.0, 4.0), (1.0, 1.1, 0.9, 1.0), (4.0, 3.0, 2.0, 1.0)
    assert _check("kid", rising, 0.5).passed
    assert not _check("kid", flat, 0.5).passed
    assert not _check("kid", falling, 0.5).passed
    assert _check("kid", flat, 0.5, None).passed
    for values, passed in ((rising, True), (flat, True), (falling, False)):
        assert _check("precision", values, 0.5, "not worse").passed is passed


class _Colours:
    """Features that a test can predict: means of the image's channels and of its horizontal and vertical steps."""

    fingerprint, dimension = "colours", 27

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([self._features(image / 255) for image in images]).astype(np.float32)

    def _features(self, image: np.ndarray) -> np.ndarray:
        thirds = [part.mean(axis=(0, 1)) for row in np.array_split(image, 3) for part in np.array_split(row, 2, axis=1)]
        steps = [np.abs(np.diff(image, axis=axis)).mean(axis=(0, 1)) for axis in (0, 1)]
        return np.concatenate([*thirds, *steps, image.std(axis=(0, 1))])


class _ColourBlind(_Colours):
    """Sees green alone, which a warm cast leaves as it is."""

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        green = [np.repeat(image[:, :, 1:2], 3, axis=2) for image in images]
        return super().__call__(green)[:, ::3]


class _Dice(_Colours):
    """Sees nothing."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return self._random.standard_normal((len(images), self.dimension)).astype(np.float32)


def _pictures(count: int, seed: int) -> list[np.ndarray]:
    """Waves, every mode of its own colour and direction in turn; away from the ends of the range."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    images = []
    for number in range(count):
        angle = np.pi * (number % MODES) / MODES
        wave = np.sin(14 * (x * np.cos(angle) + y * np.sin(angle)) + random.uniform(0, 6))
        colour = 110 + 30 * np.array([np.cos(2 * angle), np.sin(2 * angle), np.cos(4 * angle)])
        images.append(
            (colour + (25 + random.uniform(-5, 5)) * wave[..., None] + random.normal(0, 3, 3)).astype(np.uint8)
        )
    return images


@pytest.fixture(scope="module")
def images() -> SuiteImages:
    pool = CLEAN_SETS * N
    return SuiteImages("waves", _pictures(N, 0), _pictures(pool, 1), np.arange(pool) % MODES, "none", [], [])


def _failures(extractor: Callable, images: SuiteImages) -> dict[str, set[str]]:
    failed: dict[str, set[str]] = {}
    for check in run_suite(extractor, images, METRICS):  # type: ignore[arg-type]
        if not check.passed:
            failed.setdefault(check.degradation, set()).add(check.metric)
    return failed


def test_every_metric_without_captions_meets_every_degradation(images: SuiteImages) -> None:
    checks = run_suite(_Colours(), images, METRICS)
    without = {"clip_score", "r_precision", "inception_score", "cmmd"}  # no texts, logits, unit vectors
    expected = set(RULES) - without - {"frechet_distance_infinity"}  # too few images for 27 dimensions
    assert {check.metric for check in checks} == expected
    for metric in expected:
        assert {c.degradation for c in checks if c.metric == metric} == set(UNITS) - {"caption shuffle"}


def test_numbers_without_a_rule_are_not_computed(images: SuiteImages) -> None:
    """Their readers give rows of shares, which an extractor's features are not."""

    def refused(images: ImageSet) -> dict[str, float]:
        raise AssertionError("no share can be made of features")

    assert run_suite(_Colours(), images, [SuiteMetric({}, refused)]) == []


def test_the_distance_of_a_seeing_network_passes(images: SuiteImages) -> None:
    assert "frechet_distance" not in set().union(*_failures(_Colours(), images).values())


def test_a_colour_blind_network_is_found_out_by_the_colour_shift(images: SuiteImages) -> None:
    distances = {"frechet_distance", "kid"}
    seeing, blind = _failures(_Colours(), images), _failures(_ColourBlind(), images)
    assert not distances & seeing.get("colour shift", set())
    assert blind["colour shift"] >= distances
    assert not distances & blind.get("blur", set())


def test_a_network_that_sees_nothing_fails(images: SuiteImages) -> None:
    pixels = {degradation.name for degradation in IMAGE_DEGRADATIONS}
    judged = [check for check in run_suite(_Dice(), images, METRICS) if check.degradation in pixels and check.required]
    assert {check.metric for check in judged} >= {"frechet_distance", "kid", "precision", "recall", "coverage"}
    assert sum(check.passed for check in judged) <= len(judged) / 5  # chance


def test_memorised_references_fool_distances_and_precision(images: SuiteImages) -> None:
    """A known failure of all of them: no metric of this package tells copies from new images."""
    seen = {c.metric: c for c in run_suite(_Colours(), images, METRICS) if c.degradation == MEMORISED}
    assert not any(check.required for check in seen.values())
    for metric in ("frechet_distance", "precision", "density"):
        assert seen[metric].movement != "worse"
    assert seen["frechet_distance"].values[-1] < seen["frechet_distance"].values[0]


def test_progress_counts_every_image(images: SuiteImages) -> None:
    counts: list[int] = []
    run_suite(_Colours(), images, METRICS, counts.append)
    assert sum(counts) == images.passes(reads_text=False) == (1 + CLEAN_SETS + 15) * N


def test_the_same_images_give_the_same_checks(images: SuiteImages) -> None:
    assert run_suite(_Colours(), images, METRICS) == run_suite(_Colours(), images, METRICS)


def test_too_few_images_are_refused_by_the_metrics() -> None:
    few = SuiteImages("waves", _pictures(4, 0), _pictures(16, 1), np.arange(16) % 4, "none", [], [])
    with pytest.raises(MetricInputError):
        run_suite(_Colours(), few, METRICS)
