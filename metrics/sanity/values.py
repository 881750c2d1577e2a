"""What the sanity suite computes, and how each metric must move under each known degradation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from metrics.clip_score import clip_score_results, prompt_scores
from metrics.diversity import diversity_results
from metrics.features.extractor import Extractor
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.infinity import enough_images, frechet_infinity_result
from metrics.inception_score import inception_score_result
from metrics.kernel import cmmd_result, kid_result
from metrics.manifold import manifold_results
from metrics.retrieval import r_precision_result
from metrics.sanity.degradations import IMAGE_DEGRADATIONS
from metrics.statistics.result import MetricResult

Requirement = Literal["worse", "not worse"]
_PIXELS: dict[str, Requirement] = {degradation.name: "worse" for degradation in IMAGE_DEGRADATIONS}


@dataclass(frozen=True)
class MetricRule:
    """What is known of a metric.

    required: per degradation, how the metric must move. What is not named is shown and not judged.
    """

    higher_is_better: bool
    required: Mapping[str, Requirement] = field(default_factory=dict)


_POORER: dict[str, Requirement] = {"modes dropped": "worse", "repeats": "worse"}
_DISTANCE = MetricRule(False, {**_PIXELS, **_POORER})
_VARIETY: dict[str, Requirement] = {**_PIXELS, **_POORER}
_CAPTIONS = MetricRule(True, {**_PIXELS, "caption shuffle": "worse"})

RULES: dict[str, MetricRule] = {
    "frechet_distance": _DISTANCE,
    "frechet_distance_infinity": MetricRule(False, {**_PIXELS, "modes dropped": "worse"}),
    "kid": _DISTANCE,
    "cmmd": _DISTANCE,
    "precision": MetricRule(True, {**_PIXELS, "modes dropped": "not worse"}),  # it asks of images that are there
    "density": MetricRule(True, _PIXELS),  # a mean that differs by mode, and so moves with what is dropped
    "recall": MetricRule(True, {name: how for name, how in _VARIETY.items() if name != "crop"}),  # not monotone there
    "coverage": MetricRule(True, _VARIETY),
    "inception_score": MetricRule(True),
    "pairwise_distance": MetricRule(True, {"repeats": "worse"}),  # modes that are near each other may be lost unseen
    "vendi_score": MetricRule(True, _POORER),
    "clip_score": _CAPTIONS,
    "r_precision": _CAPTIONS,
}
CAPTION = ("clip_score", "r_precision")
DISTRIBUTION = tuple(metric for metric in RULES if metric not in CAPTION)


def distribution_values(
    extractor: Extractor, features: np.ndarray, references: np.ndarray, groups: np.ndarray
) -> dict[str, float]:
    """Metrics of a set of features (n, D) that need no captions, by name.

    groups: (n,), which images are samples of one prompt. CMMD is left to unit vectors, for which its kernel is made,
    the Inception Score to extractors that give logits, and the distance at infinity to sets of enough images.
    """
    named = ("", "")
    found = [kid_result(features, references, *named), *manifold_results(features, references, *named)]
    found += diversity_results(features, groups, *named)
    if np.allclose(np.linalg.norm(features, axis=1), 1.0, atol=1e-3):
        found.append(cmmd_result(features, references, *named))
    if hasattr(extractor, "logits"):
        found.append(inception_score_result(extractor.logits(features), *named))
    reference = Gaussian.of_features(references)
    if enough_images(*features.shape):
        found.append(frechet_infinity_result(features, reference, "frechet_distance_infinity", *named))
    return {"frechet_distance": frechet_distance(Gaussian.of_features(features), reference), **_by_name(found)}


def caption_values(images: np.ndarray, texts: np.ndarray, captions: Sequence[str]) -> dict[str, float]:
    """Metrics of n images, each with a caption of its own: features (n, D) of both."""
    rows, named = range(len(captions)), ("", "")
    found = clip_score_results(prompt_scores(images, rows, captions, texts), *named)
    found.append(r_precision_result(images, rows, captions, texts, *named))
    return {name: value for name, value in _by_name(found).items() if name in CAPTION}


def _by_name(results: Sequence[MetricResult]) -> dict[str, float]:
    return {result.metric: result.value for result in results}
