"""Kernel distances: KID and CMMD."""

from collections.abc import Mapping

import numpy as np

from drawbench.scoring.kinds.kind import Measure, MetricKind, Needs, usual_decimals
from metrics.image_set import ImageSet
from metrics.kernel import CMMD_DEFINITION, KID_DEFINITION, cmmd_jackknife, cmmd_result, kid_jackknife, kid_result
from metrics.sanity.rules import PIXELS, POORER
from metrics.statistics.paired import PairedResult, paired_jackknives
from metrics.statistics.result import MetricResult


class _Kid(MetricKind):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        return {self.name: kid_result(images.features, images.references, prompts=images.prompts)}

    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        ours, theirs = (kid_jackknife(each.features, each.references, each.prompts) for each in (a, b))
        return {self.name: paired_jackknives(ours, theirs)}


class _Cmmd(MetricKind):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        return {self.name: cmmd_result(images.features, images.references, prompts=images.prompts)}

    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        ours, theirs = (cmmd_jackknife(each.features, each.references, each.prompts) for each in (a, b))
        return {self.name: paired_jackknives(ours, theirs)}

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
    (Measure("cmmd", "CMMD", False, CMMD_DEFINITION, column=11, required={**PIXELS, **POORER}),),
    Needs(references="features"),
)
