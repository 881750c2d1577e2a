"""R-precision: does an image find its own prompt among all prompts of the scope? After Xu et al. 2018 (AttnGAN), R = 1.

An image is a hit when no other caption has a higher cosine with it than its own. Theirs is one caption among 100, drawn
anew for each image; ours is exact, among all captions of the scope, and so depends on how many there are.
"""

from collections.abc import Sequence

import numpy as np

from metrics.errors import MetricInputError
from metrics.statistics.prompt_units import (
    PromptGroups,
    feature_table,
    mean_variance,
    proportion_interval,
    same_dimension,
)
from metrics.statistics.result import MetricResult
from metrics.statistics.vectors import unit

BLOCK = 2**22  # cosines held at once, 32 MB
TIE = 1e-9  # cosines closer than this are equal
DEFINITION = (
    "share of images whose own caption has the highest cosine among the {} different captions of the scope, "
    "ties shared; mean over the samples of a prompt, then over prompts"
)
METHOD = "Wilson with t over prompts; prompts independent, the captions to choose from fixed"


def r_precision_result(
    images: np.ndarray,
    prompt_of_image: Sequence[int] | np.ndarray,
    texts: Sequence[str],
    text_features: np.ndarray,
) -> MetricResult:
    """`r_precision` in [0, 1] of image embeddings (N, D) and caption embeddings (n, D), the same as for `clip_score`.

    Input as for `prompt_hits`. The note says what chance alone would give. Fewer than 3 prompts have no interval.
    """
    by_prompt = prompt_hits(images, prompt_of_image, texts, text_features)
    value = float(by_prompt.mean())
    variance = mean_variance(by_prompt, PromptGroups.of(None, len(by_prompt)))
    assert variance is not None  # two captions are two prompts
    interval = proportion_interval(value, variance, len(by_prompt), METHOD)
    return MetricResult(value, interval, len(by_prompt), f"chance gives {1 / len(set(texts)):.4g}")


def prompt_hits(
    images: np.ndarray, prompt_of_image: Sequence[int] | np.ndarray, texts: Sequence[str], text_features: np.ndarray
) -> np.ndarray:
    """The share of each prompt's images that find it, (n,), of image embeddings (N, D) and caption embeddings (n, D).

    prompt_of_image: (N,), the row of each image's prompt in `texts` and `text_features`; every prompt has an image.
    Equal captions are one; at least two must differ.
    """
    table, captions = feature_table(images, "images", 1), feature_table(text_features, "text features")
    same_dimension(table, captions)
    rows = np.asarray(prompt_of_image)
    if len(captions) != len(texts):
        raise MetricInputError(f"{len(texts)} texts and {len(captions)} text features were given: one each is needed")
    groups = PromptGroups.of(rows, len(table))
    if groups.count != len(texts) or rows.min() != 0 or rows.max() != len(texts) - 1:
        raise MetricInputError("a prompt has no image: R-precision is defined over prompts with at least one")
    _, first, caption = np.unique(np.asarray(texts), return_index=True, return_inverse=True)
    if len(first) < 2:
        raise MetricInputError("all prompts have the same caption: R-precision needs at least 2 different ones")
    hits = _hits(unit(table), caption[rows], unit(captions)[first])
    return np.bincount(rows, weights=hits) / groups.sizes


def _hits(images: np.ndarray, own: np.ndarray, captions: np.ndarray) -> np.ndarray:
    """1 for a hit, 1 / ties where t captions share the highest cosine with the own one, else 0; (N,)."""
    hits = np.empty(len(images))
    step = max(1, BLOCK // len(captions))
    for begin in range(0, len(images), step):
        rows = slice(begin, begin + step)
        cosines = images[rows] @ captions.T
        best = cosines >= cosines.max(axis=1, keepdims=True) - TIE
        hits[rows] = best[np.arange(len(cosines)), own[rows]] / best.sum(axis=1)
    return hits
