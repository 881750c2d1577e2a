"""Precision, recall, density and coverage."""

import math
from collections.abc import Mapping

from drawbench.scoring.kinds.kind import Measure, Needs, OverAllImages
from metrics.image_set import ImageSet
from metrics.manifold import DEFINITIONS, LEAST_IMAGES, manifold_jackknives, manifold_results
from metrics.sanity.rules import DROPPING, PIXELS, POORER, Required
from metrics.statistics.jackknife import Jackknife
from metrics.statistics.result import MetricResult


class _Manifold(OverAllImages):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        return manifold_results(images.features, images.references, prompts=images.prompts)

    def jackknives(self, images: ImageSet) -> Mapping[str, Jackknife]:
        return manifold_jackknives(images.features, images.references, images.prompts)


def _measure(name: str, column: int, required: Required) -> Measure:
    most = math.inf if name == "density" else 1
    return Measure(name, name, True, DEFINITIONS[name], least=0, most=most, column=column, required=required)


MANIFOLD = _Manifold(
    "manifold",
    (
        _measure("precision", 40, {**PIXELS, DROPPING: "not worse"}),  # it asks of images that are there
        _measure("density", 42, PIXELS),  # a mean that differs by mode, and so moves with what is dropped
        # not monotone under a crop
        _measure("recall", 41, {name: how for name, how in {**PIXELS, **POORER}.items() if name != "crop"}),
        _measure("coverage", 43, {**PIXELS, **POORER}),
    ),
    Needs(references="features", images=LEAST_IMAGES),
)
