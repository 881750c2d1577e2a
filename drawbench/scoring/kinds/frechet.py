"""Fréchet distances (FID, on Inception features): of the images there are, and extrapolated to infinitely many."""

import math
from collections.abc import Mapping

import numpy as np

from drawbench.scoring.kinds.kind import Measure, MetricKind, Needs
from metrics.frechet.difference import FrechetDifference, frechet_difference
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from metrics.frechet.infinity import frechet_infinity_definition, frechet_infinity_result, frechet_limit, too_few
from metrics.frechet.interval import FrechetJackknife, frechet_jackknife, frechet_result
from metrics.image_set import CannotMeasureError, ImageSet
from metrics.sanity.rules import DROPPING, PIXELS, POORER, Required
from metrics.statistics.paired import PairedResult
from metrics.statistics.result import MetricResult

FEW = "no more references than feature dimensions ({}): strongly biased upwards"
PUBLISHED = "{} images where published distances use {}: compare at equal n only"


class _Frechet(MetricKind):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        given = images.features, _moments(images)
        return {self.name: frechet_result(*given, prompts=images.prompts, jackknife=_jackknife(images))}

    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        return {self.name: _difference(a, b).at_this_n}

    def cautions(self, images: ImageSet, published_n: int) -> list[str]:
        (n, dimension), references = images.features.shape, _moments(images).n
        few = [FEW.format(dimension)] if 0 < references <= dimension else []
        return [*few, *([PUBLISHED.format(n, published_n)] if n < published_n else [])]

    def values(self, images: ImageSet) -> Mapping[str, float]:
        """Without the jackknife."""
        return {"frechet_distance": frechet_distance(Gaussian.of_features(images.features), _moments(images))}


class _FrechetInfinity(MetricKind):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        found, references = _jackknife(images), _features(images)
        _require(too_few(found, images.features.shape[1], references))
        given = images.features, _moments(images)
        return {
            self.name: frechet_infinity_result(*given, prompts=images.prompts, references=references, jackknife=found)
        }

    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        found = _difference(a, b)
        _require(found.unlimited)
        assert found.at_infinity is not None
        return {self.name: found.at_infinity}

    def definition(self, name: str, images: ImageSet) -> str:
        return frechet_infinity_definition(_features(images) is not None, together=_rows(images) is not None)

    def cautions(self, images: ImageSet, published_n: int) -> list[str]:
        dimension, references = images.features.shape[1], _moments(images).n
        return [f"{FEW.format(dimension)}, which no number of images takes away"] if 0 < references <= dimension else []

    def values(self, images: ImageSet) -> Mapping[str, float]:
        found, references = _jackknife(images), _features(images)
        if too_few(found, images.features.shape[1], references):
            return {}
        given = images.features, _moments(images), found
        limit = frechet_limit(*given, prompts=images.prompts, references=references).limit
        return {"frechet_distance_infinity": limit}


def _require(too_few: str) -> None:
    if too_few:
        raise CannotMeasureError(too_few)


def _moments(images: ImageSet) -> Gaussian:
    assert images.moments is not None, "distances are left out without references"
    return images.moments


def _features(images: ImageSet) -> np.ndarray | None:
    """Those of the references, where they are at hand."""
    return images.references if len(images.references) else None


def _rows(images: ImageSet) -> np.ndarray | None:
    """The reference of each prompt, where it is known, and where the references' features are at hand."""
    return images.prompt_references if len(images.prompt_references) and len(images.references) else None


def _jackknife(images: ImageSet) -> FrechetJackknife:
    """Shared by both distances of an extractor."""
    given = images.features, _moments(images), images.prompts, _features(images), _rows(images)
    return images.once("frechet", lambda: frechet_jackknife(*given))


def _difference(a: ImageSet, b: ImageSet) -> FrechetDifference:
    """Shared by both distances of an extractor."""
    given = a.features, b.features, _moments(a), a.prompts, _features(a), _rows(a)
    return a.once(("frechet", b), lambda: frechet_difference(*given))


def _fid(
    name: str, header: str, column: int, *, least: float = 0, ranks: bool = False, required: Required | None = None
) -> Measure:
    return Measure(name, header, False, least=least, column=column, ranks=ranks, required=required)


# The nearest to the published FID orders a table first.
FRECHET = _Frechet(
    "frechet",
    (
        _fid("fid_legacy_tensorflow", "FID (legacy_tensorflow)", 0, ranks=True),
        _fid("fid_clean", "FID (clean)", 1, ranks=True),
        _fid("fid_legacy_pytorch", "FID (legacy_pytorch)", 2),
        _fid("frechet_distance", "Fréchet distance", 4, ranks=True, required={**PIXELS, **POORER}),
        _fid("clip_fid", "CLIP-FID", 6),
        _fid("fd_dinov2", "FD-DINOv2", 7),
    ),
    Needs(references="moments"),
)
FRECHET_INFINITY = _FrechetInfinity(
    "frechet_infinity",
    (
        _fid("fid_infinity", "FID∞", 3, least=-math.inf),
        _fid(
            "frechet_distance_infinity", "Fréchet distance∞", 5, least=-math.inf, required={**PIXELS, DROPPING: "worse"}
        ),
    ),
    Needs(references="moments"),
)
