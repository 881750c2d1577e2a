"""How much the images of one prompt differ."""

from collections.abc import Mapping

import numpy as np

from drawbench.scoring.kinds.kind import Measure, Needs, PromptMeans
from metrics.diversity import DEFINITIONS, diversities, diversity_results
from metrics.image_set import ImageSet
from metrics.sanity.rules import POORER, REPEATS
from metrics.statistics.result import MetricResult


class _Diversity(PromptMeans):
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        return diversity_results(images.features, images.prompts)

    def by_prompt(self, images: ImageSet) -> Mapping[str, np.ndarray]:
        return diversities(images.features, images.prompts)

    def definition(self, name: str, images: ImageSet) -> str:
        """With the number of samples, which bounds the Vendi score."""
        least, most = images.counts.min(), images.counts.max()
        count = f"{least}" if least == most else f"{least} to {most}"
        return f"{DEFINITIONS[name]}; {count} samples a prompt"


DIVERSITY = _Diversity(
    "diversity",
    (
        # modes that are near each other may be lost unseen
        Measure(
            "pairwise_distance", "pairwise distance", True, least=0, most=2, column=60, required={REPEATS: "worse"}
        ),
        Measure("vendi_score", "Vendi score", True, least=1, column=61, required=POORER),
    ),
    Needs(pairs=True),
)
