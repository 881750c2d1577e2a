"""The sanity suite: known degradations must move each metric in the known direction, further at each level.

A set of images is degraded step by step, and each metric is computed at each step. How far a metric moves by chance is
its range over eight undegraded sets; a movement counts when it is larger.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from metrics.features.extractor import Extractor
from metrics.frechet.gaussian import Gaussian
from metrics.image_set import ImageSet
from metrics.sanity.degradations import IMAGE_DEGRADATIONS, caption_shuffle, memorised, mode_dropping, repeated_images
from metrics.sanity.rules import DROPPING, MEMORISED, REPEATS, SHUFFLE, Requirement, SuiteMetric

Movement = Literal["worse", "better", "still", "mixed"]
Advance = Callable[[int], None]

CLEAN_SETS = 8
GROUP = 8  # images that metrics of diversity take for the samples of one prompt
BATCH = 32
FRACTIONS = (0.25, 0.5, 0.75)
UNITS = {
    **{degradation.name: degradation.unit for degradation in IMAGE_DEGRADATIONS},
    SHUFFLE: "part of the captions",
    DROPPING: "part of the modes",
    REPEATS: "part of the images",
    MEMORISED: "part of the images",
}


@dataclass(frozen=True)
class SuiteImages:
    """What the suite degrades. All images are uint8 (S, S, 3).

    references: n images. pool: 8n others of the same distribution; the first n are degraded. modes: (8n,), the mode
    (photograph, object, ...) of each image of the pool, every mode in turn.
    captioned, captions: 8m images with the caption of each; the first m are degraded.
    source, captioned_source: what they are, for a table.
    """

    source: str
    references: Sequence[np.ndarray]
    pool: Sequence[np.ndarray]
    modes: np.ndarray
    captioned_source: str
    captioned: Sequence[np.ndarray]
    captions: Sequence[str]

    @property
    def n(self) -> int:
        """Images in each set without captions."""
        return len(self.references)

    @property
    def n_captioned(self) -> int:
        """Images in each set with captions."""
        return len(self.captioned) // CLEAN_SETS

    def passes(self, reads_text: bool) -> int:
        """Images that go through an extractor."""
        degraded = sum(len(degradation.levels) for degradation in IMAGE_DEGRADATIONS)
        plain = (1 + CLEAN_SETS + degraded) * self.n
        return plain + (CLEAN_SETS + degraded) * self.n_captioned if reads_text else plain


@dataclass(frozen=True)
class Check:
    """One metric under one degradation.

    levels: of the degradation, without 0. values: undegraded first, then at each level. spread: the metric's range over
    eight undegraded sets. required: how it must move, or None where that is shown and not judged.
    higher_is_better: which way is better.
    """

    metric: str
    degradation: str
    levels: tuple[float, ...]
    values: tuple[float, ...]
    spread: float
    required: Requirement | None
    higher_is_better: bool

    @property
    def movement(self) -> Movement:
        """What the metric says of the degraded sets, compared with the undegraded one.

        Worse and better: the last level differs by more than chance, and no level steps back by more than chance.
        """
        steps, total = np.diff(self._quality), self._quality[-1] - self._quality[0]
        if total < -self.spread and (steps <= self.spread).all():
            return "worse"
        if total > self.spread and (steps >= -self.spread).all():
            return "better"
        return "still" if (np.abs(self._quality - self._quality[0]) <= self.spread).all() else "mixed"

    @property
    def passed(self) -> bool:
        """Whether it moved as required; true where nothing is."""
        if self.required == "not worse":
            return bool((self._quality - self._quality[0] >= -self.spread).all())
        return self.required is None or self.movement == self.required

    @property
    def _quality(self) -> np.ndarray:
        """The values, signed so that higher is better."""
        return np.array(self.values) * (1.0 if self.higher_is_better else -1.0)


def run_suite(
    extractor: Extractor,
    images: SuiteImages,
    metrics: Sequence[SuiteMetric],
    advance: Advance = lambda count: None,
) -> list[Check]:
    """All checks of one extractor. advance: told how many images went through it since the last call.

    Metrics without a rule are not computed: of shares, say, that no extractor gives. Metrics of captions are checked
    where the extractor reads texts, those of classes where it gives logits.
    Raises MetricInputError for sets that are too small for a metric.
    """
    has_logits = hasattr(extractor, "logits")
    ruled = [each for each in metrics if each.rules]
    alone = [each for each in ruled if not each.needs_texts and (has_logits or not each.needs_logits)]
    captioned = [each for each in ruled if each.needs_texts]
    checks = _distribution_checks(extractor, images, alone, advance)
    if captioned and hasattr(extractor, "encode_texts"):
        checks += _caption_checks(extractor, images, captioned, advance)
    return checks


def _distribution_checks(
    extractor: Extractor, images: SuiteImages, metrics: Sequence[SuiteMetric], advance: Advance
) -> list[Check]:
    n = images.n
    references = _features(extractor, images.references, advance)
    pool = _features(extractor, images.pool, advance)
    groups = np.arange(n) * (n // GROUP) // n  # of GROUP images or a few more

    moments = Gaussian.of_features(references)
    has_logits = any(metric.needs_logits for metric in metrics)

    def values(features: np.ndarray) -> dict[str, float]:
        single = ImageSet(features, np.arange(n), references=references, moments=moments)
        if has_logits:
            single = replace(single, logits=extractor.logits(features))  # type: ignore[attr-defined]
        return _values(metrics, single, replace(single, prompts=groups))

    clean = [values(pool[start : start + n]) for start in range(0, CLEAN_SETS * n, n)]
    steps = {
        name: (levels, [values(_features(extractor, step, advance)) for step in degraded])
        for name, levels, degraded in _degraded(images.pool[:n])
    }
    first = pool[:n]
    steps[DROPPING] = FRACTIONS, [values(pool[mode_dropping(images.modes, n, part)]) for part in FRACTIONS]
    steps[REPEATS] = FRACTIONS, [values(first[repeated_images(groups, part)]) for part in FRACTIONS]
    copied = [np.where(memorised(n, part)[:, None], references, first) for part in FRACTIONS]
    steps[MEMORISED] = FRACTIONS, [values(features) for features in copied]
    return _checks(metrics, clean, steps)


def _caption_checks(
    extractor: Extractor, images: SuiteImages, metrics: Sequence[SuiteMetric], advance: Advance
) -> list[Check]:
    m = images.n_captioned
    features = _features(extractor, images.captioned, advance)
    texts = extractor.encode_texts(images.captions)  # type: ignore[attr-defined]

    def values(features: np.ndarray, texts: np.ndarray, captions: Sequence[str]) -> dict[str, float]:
        found = ImageSet(features, np.arange(m), captions, texts)
        return _values(metrics, found, found)

    parts = [slice(start, start + m) for start in range(0, CLEAN_SETS * m, m)]
    clean = [values(features[part], texts[part], images.captions[part]) for part in parts]
    steps = {
        name: (
            levels,
            [values(_features(extractor, step, advance), texts[:m], images.captions[:m]) for step in degraded],
        )
        for name, levels, degraded in _degraded(images.captioned[:m])
    }
    shuffled = []
    for part in FRACTIONS:
        order = caption_shuffle(m, part)
        shuffled.append(values(features[:m], texts[order], [images.captions[i] for i in order]))
    steps[SHUFFLE] = FRACTIONS, shuffled
    return _checks(metrics, clean, steps)


def _degraded(
    images: Sequence[np.ndarray],
) -> Iterator[tuple[str, tuple[float, ...], Iterator[list[np.ndarray]]]]:
    """Each degradation of images with its levels and, level by level, the degraded images."""
    for degradation in IMAGE_DEGRADATIONS:
        apply, levels = degradation.apply, degradation.levels
        yield (
            degradation.name,
            levels,
            ([apply(image, level, seed) for seed, image in enumerate(images)] for level in levels),
        )


def _values(metrics: Sequence[SuiteMetric], single: ImageSet, grouped: ImageSet) -> dict[str, float]:
    """The numbers of all metrics. single, grouped: each image a prompt of its own, and in groups of a prompt."""
    found: dict[str, float] = {}
    for metric in metrics:
        found |= metric.values(grouped if metric.needs_groups else single)
    return found


def _checks(
    metrics: Sequence[SuiteMetric],
    clean: Sequence[Mapping[str, float]],
    steps: Mapping[str, tuple[tuple[float, ...], list[dict[str, float]]]],
) -> list[Check]:
    """One check for each metric that was computed and each degradation, metric by metric."""
    checks = []
    rules = {name: rule for metric in metrics for name, rule in metric.rules.items() if name in clean[0]}
    for metric, rule in rules.items():
        spread = max(values[metric] for values in clean) - min(values[metric] for values in clean)
        for degradation, (levels, values) in steps.items():
            traced = (clean[0][metric], *(each[metric] for each in values))
            required = rule.required.get(degradation)
            checks.append(Check(metric, degradation, levels, traced, spread, required, rule.higher_is_better))
    return checks


def _features(extractor: Extractor, images: Sequence[np.ndarray], advance: Advance) -> np.ndarray:
    """Features of all images, (n, D)."""
    parts = []
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        parts.append(extractor(batch))
        advance(len(batch))
    return np.concatenate(parts)
