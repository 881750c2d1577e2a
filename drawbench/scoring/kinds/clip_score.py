"""CLIP score and ConSE score, beside the score of the same images with shuffled captions."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from drawbench.scoring.kinds.kind import Measure, Needs, PromptMeans
from metrics.alignment import (
    CONVENTION,
    DIFFERENCE,
    NOT_MEASURABLE,
    SHUFFLED,
    PromptScores,
    clip_score_results,
    prompt_scores,
    sample_cosines,
)
from metrics.image_set import ImageSet
from metrics.sanity.rules import PIXELS, SHUFFLE
from metrics.statistics.paired import PairedResult
from metrics.statistics.result import MetricResult


class ClipScore(PromptMeans):
    """The mean cosine of images and captions, by whatever embeds both; its companions are named after it."""

    def per_image(self, images: ImageSet) -> np.ndarray:
        return sample_cosines(images.features, images.texts[images.prompts])

    def scores(self, images: ImageSet) -> PromptScores:
        """Of each prompt, with the vectors that shuffling needs."""

        def make() -> PromptScores:
            return prompt_scores(images.features, images.prompts.tolist(), images.captions, images.texts)

        return images.once(prompt_scores, make)

    def by_prompt(self, images: ImageSet) -> Mapping[str, np.ndarray]:
        return {self.name: self.scores(images).own}

    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        found = clip_score_results(self.scores(images))
        return {self.name + name.removeprefix("clip_score"): result for name, result in found.items()}

    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        """Marked where the scorer cannot tell either run's captions from shuffled ones."""
        unclear = all(NOT_MEASURABLE in self.results(images)[self.name].note for images in (a, b))
        note = NOT_MEASURABLE if unclear else ""
        return {name: replace(found, note=note) for name, found in super().differences(a, b).items()}


CLIP_SCORE = ClipScore(
    "clip_score",
    (
        Measure(
            "clip_score",
            "CLIP score",
            True,
            CONVENTION,
            least=-1,
            most=1,
            column=20,
            required={**PIXELS, SHUFFLE: "worse"},
        ),
        Measure("clip_score_shuffled", "shuffled captions", None, SHUFFLED, least=-1, most=1, column=21),
        Measure("clip_score_difference", "difference", True, DIFFERENCE, least=-2, most=2, column=22),
    ),
    Needs(texts=True),
)
# Not read by the sanity suite: what it does to drawings of a procedural world is no matter of ImageNet's classes.
CONSE_SCORE = ClipScore(
    "conse_score",
    (
        Measure("conse_score", "ConSE score", True, CONVENTION, least=-1, most=1, column=23),
        Measure("conse_score_shuffled", "shuffled captions", None, SHUFFLED, least=-1, most=1, column=24),
        Measure("conse_score_difference", "difference", True, DIFFERENCE, least=-2, most=2, column=25),
    ),
    Needs(texts=True),
)
