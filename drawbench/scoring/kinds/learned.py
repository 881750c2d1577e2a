"""Scorers that were trained on people's choices or ratings: a mean over the samples of a prompt, then over prompts."""

from dataclasses import replace

import numpy as np

from drawbench.scoring.kinds.asked import MEANS, Row
from drawbench.scoring.kinds.clip_score import ClipScore
from drawbench.scoring.kinds.kind import Measure, Needs
from metrics.alignment import PromptScores
from metrics.image_set import ImageSet
from metrics.statistics.vectors import unit

SHUFFLED = "the same of each image with every other prompt's caption of the scope: the exact expectation of shuffling"
DIFFERENCE = "paired difference per prompt: own caption minus shuffled captions"


class _Product(ClipScore):
    """The product of an image's unit vector and its caption's vector, whose length is the scorer's own scale."""

    def per_image(self, images: ImageSet) -> np.ndarray:
        texts = np.asarray(images.texts, dtype=np.float64)
        return np.einsum("nd,nd->n", unit(images.features), texts[images.prompts])

    def scores(self, images: ImageSet) -> PromptScores:
        """With texts as long as they are."""
        cosines, texts = super().scores(images), np.asarray(images.texts, dtype=np.float64)
        return replace(cosines, text=texts, own=np.einsum("nd,nd->n", cosines.image, texts))


def _product(name: str, header: str, column: int) -> _Product:
    return _Product(
        name,
        (
            Measure(name, header, True, MEANS, column=column),
            Measure(f"{name}_shuffled", "shuffled captions", None, SHUFFLED, column=column + 1),
            Measure(f"{name}_difference", "difference", True, DIFFERENCE, column=column + 2),
        ),
        Needs(texts=True),
    )


PICK_SCORE = _product("pick_score", "PickScore", 80)
HPS_V2_1 = _product("hps_v2_1", "HPS v2.1", 83)
IMAGE_REWARD = Row("image_reward", (Measure("image_reward", "ImageReward", True, MEANS, column=86),))
AESTHETIC = Row("aesthetic", (Measure("aesthetic", "LAION aesthetic", True, MEANS, column=87),))
