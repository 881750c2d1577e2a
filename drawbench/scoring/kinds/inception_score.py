"""Inception Score."""

from collections.abc import Mapping

from drawbench.scoring.kinds.kind import Measure, MetricKind, Needs
from metrics.image_set import ImageSet
from metrics.inception_score import DEFINITION, inception_score_jackknife, inception_score_result
from metrics.statistics.jackknife import PAIRED
from metrics.statistics.paired import PairedResult, paired_jackknives
from metrics.statistics.result import MetricResult


class _InceptionScore(MetricKind):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        return {self.name: inception_score_result(images.logits, prompts=images.prompts)}

    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        ours, theirs = (inception_score_jackknife(each.logits, each.prompts) for each in (a, b))
        return {self.name: paired_jackknives(ours, theirs, PAIRED)}


INCEPTION_SCORE = _InceptionScore(
    "inception_score",
    (Measure("inception_score", "Inception Score", True, DEFINITION, column=50, required={}),),
    Needs(logits=True),
)
