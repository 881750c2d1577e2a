"""Other people's CLIP scores, from raw cosines: for display columns. The benchmark's own value stays the raw cosine.

| convention | text | per image | mean |
|---|---|---|---|
| ours | the prompt | cosine | over samples, then prompts |
| torchmetrics `clip_score` | the prompt | 100 cosine | over images, then max(mean, 0) |
| Hessel et al. 2021, CLIPScore | `A photo depicts ` + prompt, ViT-B/32 | 2.5 max(cosine, 0) | over images |
"""

from collections.abc import Sequence

import numpy as np

from metrics.errors import MetricInputError

HESSEL_PREFIX = "A photo depicts "
HESSEL_SCALE = 2.5
HUNDRED = 100.0


def clip_score_100(cosines: np.ndarray | float) -> float:
    """torchmetrics' scale: max(100 x mean cosine, 0), in [0, 100].

    cosines: raw, of any shape, or their mean: only the mean matters, because it is the mean that is clamped.
    """
    return max(HUNDRED * float(_checked(cosines).mean()), 0.0)


def clipscore_hessel(cosines: np.ndarray | float) -> float:
    """CLIPScore: 2.5 x mean of max(cosine, 0), in [0, 2.5]; each image is clamped, so a mean of cosines will not do.

    cosines: raw, one an image, of CLIP ViT-B/32 with texts from `hessel_texts`; with another model or without the
    prefix it is not the published number.
    """
    return HESSEL_SCALE * float(np.maximum(_checked(cosines), 0.0).mean())


def hessel_texts(prompts: Sequence[str]) -> list[str]:
    """The texts that CLIPScore embeds. The prefix counts against the model's context."""
    return [HESSEL_PREFIX + prompt for prompt in prompts]


def _checked(cosines: np.ndarray | float) -> np.ndarray:
    values = np.asarray(cosines, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all() or (abs(values) > 1 + 1e-6).any():
        raise MetricInputError("a CLIP score's convention takes raw cosines, in [-1, 1]: give them before any scale")
    return values
