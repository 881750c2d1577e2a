"""Kernel distances: KID and CMMD."""

from collections.abc import Mapping

import numpy as np

from drawbench.scoring.kinds.kind import Measure, Needs, OverAllImages, usual_decimals
from metrics.image_set import ImageSet
from metrics.kernel import CMMD_DEFINITION, KID_DEFINITION, cmmd_jackknife, cmmd_result, kid_jackknife, kid_result
from metrics.sanity.rules import PIXELS, POORER
from metrics.statistics.jackknife import Jackknife
from metrics.statistics.result import MetricResult


class _Kid(OverAllImages):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        return {self.name: kid_result(images.features, images.references, prompts=images.prompts)}

    def jackknives(self, images: ImageSet) -> Mapping[str, Jackknife]:
        return {self.name: kid_jackknife(images.features, images.references, images.prompts)}


class _Cmmd(OverAllImages):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        return {self.name: cmmd_result(images.features, images.references, prompts=images.prompts)}

    def jackknives(self, images: ImageSet) -> Mapping[str, Jackknife]:
        return {self.name: cmmd_jackknife(images.features, images.references, images.prompts)}

    def values(self, images: ImageSet) -> Mapping[str, float]:
        """Of unit vectors alone, for which its kernel is made."""
        is_unit = np.allclose(np.linalg.norm(images.features, axis=1), 1.0, atol=1e-3)
        return super().values(images) if is_unit else {}


def _decimals(largest: float) -> int:
    return 6 if largest < 0.01 else usual_decimals(largest)


KID = _Kid(
    "kid",
    (Measure("kid", "KID", False, KID_DEFINITION, column=10, decimals=_decimals, required={**PIXELS, **POORER}),),
    Needs(references="features"),
)
CMMD = _Cmmd(
    "cmmd",
    (Measure("cmmd", "CMMD", False, CMMD_DEFINITION, least=0, column=11, required={**PIXELS, **POORER}),),
    Needs(references="features"),
)
