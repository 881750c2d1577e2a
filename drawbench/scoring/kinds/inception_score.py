"""Inception Score."""

from collections.abc import Mapping

from drawbench.scoring.kinds.kind import Measure, Needs, OverAllImages
from metrics.image_set import ImageSet
from metrics.inception_score import DEFINITION, inception_score_jackknife, inception_score_result
from metrics.statistics.jackknife import Jackknife
from metrics.statistics.result import MetricResult


class _InceptionScore(OverAllImages):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        return {self.name: inception_score_result(images.logits, prompts=images.prompts)}

    def jackknives(self, images: ImageSet) -> Mapping[str, Jackknife]:
        return {self.name: inception_score_jackknife(images.logits, images.prompts)}


INCEPTION_SCORE = _InceptionScore(
    "inception_score",
    (Measure("inception_score", "Inception Score", True, DEFINITION, least=1, column=50, required={}),),
    Needs(logits=True),
)
