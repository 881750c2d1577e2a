"""R-precision: an image chooses among the captions of its scope."""

from collections.abc import Mapping

import numpy as np

from drawbench.scoring.kinds.kind import Measure, Needs, PromptMeans
from metrics.image_set import CannotMeasureError, ImageSet
from metrics.retrieval import DEFINITION, prompt_hits, r_precision_result
from metrics.sanity.rules import PIXELS, SHUFFLE
from metrics.statistics.paired import PairedResult, paired_shares
from metrics.statistics.result import MetricResult


class _RPrecision(PromptMeans):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        return {self.name: r_precision_result(*_choice(images))}

    def by_prompt(self, images: ImageSet) -> Mapping[str, np.ndarray]:
        return {self.name: prompt_hits(*_choice(images))}

    def paired(self, a: np.ndarray, b: np.ndarray, images: ImageSet) -> PairedResult:
        return paired_shares(a, b)

    def definition(self, name: str, images: ImageSet) -> str:
        return DEFINITION.format(len(set(images.captions)))


def _choice(images: ImageSet) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    if len(set(images.captions)) < 2:
        raise CannotMeasureError("which needs two different captions to choose from")
    return images.features, images.prompts, list(images.captions), images.texts


R_PRECISION = _RPrecision(
    "r_precision",
    (Measure("r_precision", "R-precision", True, least=0, most=1, column=30, required={**PIXELS, SHUFFLE: "worse"}),),
    Needs(texts=True),
)
