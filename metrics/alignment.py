"""CLIP score: the mean cosine of an image and its prompt, beside what the same images get for other captions.

Hessel et al. 2021 (CLIPScore) without their factor 2.5 and clamp: the raw cosine. The prompt is the unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metrics.errors import MetricInputError
from metrics.statistics.intervals import LEAST_UNITS, t_interval
from metrics.statistics.prompt_units import PromptGroups, feature_table, same_dimension
from metrics.statistics.result import MetricResult
from metrics.statistics.vectors import blocks, unit

NOT_MEASURABLE = "not measurable with this scorer"
CONVENTION = "mean raw cosine of image and prompt embeddings; mean over the samples of a prompt, then over prompts"
SHUFFLED = (
    "mean raw cosine of each image with every other prompt's caption of the scope: the exact expectation of shuffling"
)
DIFFERENCE = "paired difference per prompt: own caption minus shuffled captions"
BLOCK = 1024  # images that are copied to float64 at once
LINEARISED = "t over prompts, linearised"
HESSEL_PREFIX, HESSEL_SCALE = "A photo depicts ", 2.5


@dataclass(frozen=True)
class PromptScores:
    """Everything a scope needs, prompt by prompt.

    texts: the captions, to know which are equal. image: (n, D), per prompt the mean of its samples' unit vectors.
    text: (n, D), unit vectors. own: (n,), the mean cosine of the samples with their own prompt. All float64.
    """

    texts: tuple[str, ...]
    image: np.ndarray
    text: np.ndarray
    own: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.texts)
        if self.own.shape != (n,) or self.image.shape != self.text.shape or self.image.shape[:1] != (n,):
            shapes = f"{self.image.shape}, {self.text.shape} and {self.own.shape}"
            raise MetricInputError(f"scores of {n} prompts have arrays of shapes {shapes}, not twice (n, D) and (n,)")

    def subset(self, indices: Sequence[int]) -> "PromptScores":
        """The prompts of one scope."""
        chosen = np.asarray(indices)
        return PromptScores(
            tuple(self.texts[i] for i in indices), self.image[chosen], self.text[chosen], self.own[chosen]
        )


def sample_cosines(images: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Raw cosine of each image (n, D) with the text (n, D) of the same row, float64 (n,), in [-1, 1]."""
    if np.ndim(images) != 2 or np.shape(images) != np.shape(texts):
        raise MetricInputError(
            f"images of shape {np.shape(images)} and texts of shape {np.shape(texts)} are no pairs: both must be (n, D)"
        )
    cosines = np.empty(len(images))
    for rows in blocks(0, len(images), BLOCK):
        cosines[rows] = np.einsum("nd,nd->n", unit(images[rows]), unit(texts[rows]))
    return np.clip(cosines, -1.0, 1.0)


def prompt_scores(
    images: np.ndarray, prompt_of_image: Sequence[int], texts: Sequence[str], text_features: np.ndarray
) -> PromptScores:
    """Gather samples by prompt.

    images: (N, D). prompt_of_image: (N,), the row of each image's prompt in `texts` and `text_features` (n, D).
    Every prompt must have an image: leave out prompts without one before, and say so.
    """
    images, captions = feature_table(images, "images", 1), feature_table(text_features, "text features", 1)
    same_dimension(images, captions)
    if len(captions) != len(texts):
        raise MetricInputError(f"{len(texts)} texts and {len(captions)} text features were given: one each is needed")
    rows = np.asarray(prompt_of_image)
    PromptGroups.of(rows, len(images))  # one whole number for each image
    if rows.min() < 0:
        raise MetricInputError(f"an image has the prompt {rows.min()}: prompts are numbered from 0")
    counts = np.bincount(rows, minlength=len(texts))
    if len(counts) != len(texts) or (counts == 0).any():
        raise MetricInputError("a prompt has no image: a CLIP score is defined over prompts with at least one")
    mean = np.zeros((len(texts), images.shape[1]))
    for block in blocks(0, len(images), BLOCK):
        np.add.at(mean, rows[block], unit(images[block]))
    mean /= counts[:, None]
    text_units = unit(captions)
    return PromptScores(tuple(texts), mean, text_units, np.einsum("nd,nd->n", mean, text_units))


def clip_score_results(scores: PromptScores) -> dict[str, MetricResult]:
    """The three numbers of one scope: `clip_score`, `clip_score_shuffled`, `clip_score_difference`.

    The last two are absent when the scope has one caption only, which nothing can be shuffled with; the note says so.
    """
    influence = _shuffled(scores)
    if influence is None:
        note = f"{NOT_MEASURABLE}: one caption cannot be shuffled"
        return {"clip_score": _result(scores.own, note)}
    difference = scores.own - influence
    interval = t_interval(difference, LINEARISED)
    clear = interval is not None and interval.low > 0
    few = "" if interval is not None else f": fewer than {LEAST_UNITS} prompts"
    note = "" if clear else NOT_MEASURABLE + few
    return {
        "clip_score": _result(scores.own, note),
        "clip_score_shuffled": _result(influence, method=LINEARISED),
        "clip_score_difference": MetricResult(float(difference.mean()), interval, len(difference), note),
    }


def _shuffled(scores: PromptScores) -> np.ndarray | None:
    """Values (n,) whose mean is the shuffled score and whose spread is its sampling error; None for a single caption.

    The shuffled score is a mean over pairs (image i, caption j), so prompt i enters it twice, as image and as caption.
    Its influence is therefore row_i + column_i - mean; rows alone would leave the captions' common effect (a caption
    that is near to all images) in the difference's interval, although it cancels in the difference itself.
    Means are linear in the vectors, so no matrix of all pairs is needed.
    """
    _, group = np.unique(np.asarray(scores.texts), return_inverse=True)  # equal captions are not "other" captions
    others = len(group) - np.bincount(group)[group]
    if (others == 0).any():
        return None
    row = np.einsum("nd,nd->n", scores.image, _others_sum(scores.text, group)) / others
    column = np.einsum("nd,nd->n", scores.text, _others_sum(scores.image, group)) / others
    return row + column - column.mean()


def _others_sum(vectors: np.ndarray, group: np.ndarray) -> np.ndarray:
    """For each row, the sum of all rows of other groups, (n, D)."""
    sums = np.zeros((int(group.max()) + 1, vectors.shape[1]))
    np.add.at(sums, group, vectors)
    return vectors.sum(axis=0) - sums[group]


def _result(values: np.ndarray, note: str = "", method: str = "t over prompts") -> MetricResult:
    return MetricResult(float(values.mean()), t_interval(values, method), len(values), note)


def clip_score_100(cosines: np.ndarray | float) -> float:
    """torchmetrics' scale: max(100 x mean cosine, 0), in [0, 100].

    cosines: raw, of any shape, or their mean: only the mean matters, because it is the mean that is clamped.
    """
    return max(100 * float(_checked(cosines).mean()), 0.0)


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
