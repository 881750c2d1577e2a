"""What a reader says of an image and its prompt: VQAScore, faithfulness by questions, GenEval's rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from drawbench.scoring.kinds.kind import Measure, PromptMeans, joined
from metrics.image_set import ImageSet, NoSuchPromptError
from metrics.statistics.groups import grouped_share, paired_grouped_shares
from metrics.statistics.paired import PairedResult, paired_shares
from metrics.statistics.prompt_units import proportion_interval
from metrics.statistics.result import MetricResult

MEANS = "mean over the samples of a prompt, then over prompts"


class Row(PromptMeans):
    """The first number of an image's row."""

    def per_image(self, images: ImageSet) -> np.ndarray:
        return images.features[:, 0].astype(np.float64)


@dataclass(frozen=True, eq=False)
class OfSomePrompts(PromptMeans):
    """A share, of the prompts that it is about: whose images' rows do not begin with 0. Others are left out.

    what: that such a prompt has. none: why a set has no such prompt.
    """

    what: str = field(kw_only=True)
    none: str = field(default="the protocol's file has none for any prompt here", kw_only=True)

    @property
    def reason(self) -> str:
        """Why a set that has no such prompt is not measured."""
        return f"needs {self.what}, and {self.none}"

    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        part = self._known(images)
        note = self._note(len(images.counts) - len(part.counts))
        return {name: replace(found, note=joined(note, found.note)) for name, found in super().results(part).items()}

    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        ours, theirs = self._known(a), self._known(b)
        note = self._note(len(a.counts) - len(ours.counts))
        pairs = super().differences(ours, theirs)
        return {name: replace(found, note=joined(note, found.note)) for name, found in pairs.items()}

    def result(self, values: np.ndarray, images: ImageSet) -> MetricResult:
        """Of a share, whose interval has a width where all prompts have 0 or 1."""
        value, variance = float(values.mean()), float(values.var()) / max(1, len(values) - 1)
        interval = proportion_interval(value, variance, len(values), "Wilson with t over prompts")
        return MetricResult(value, interval, len(values))

    def paired(self, a: np.ndarray, b: np.ndarray, images: ImageSet) -> PairedResult:
        """Of two shares, as above."""
        return paired_shares(a, b)

    def per_image(self, images: ImageSet) -> np.ndarray:
        """NaN for images of prompts that it is not about."""
        return np.where(images.features[:, 0] > 0, self.values_of(images), np.nan)

    def values_of(self, images: ImageSet) -> np.ndarray:
        """The last number of an image's row, float64 (N,)."""
        return images.features[:, -1].astype(np.float64)

    def _known(self, images: ImageSet) -> ImageSet:
        chosen = np.unique(images.prompts[images.features[:, 0] > 0]).tolist()
        if not chosen:
            raise NoSuchPromptError(f"which {self.reason}")
        return images.of_prompts(chosen)

    def _note(self, others: int) -> str:
        if not others:
            return ""
        what = self.what.removeprefix("a ")
        if others == 1:
            return f"1 prompt has no {what} and is left out"
        return f"{others} prompts have no {what} and are left out"


@dataclass(frozen=True, eq=False)
class _TaskMeans(OfSomePrompts):
    """A mean over tasks, of which rows begin with the number."""

    weighted: bool = True

    def result(self, values: np.ndarray, images: ImageSet) -> MetricResult:
        """With tasks fixed: how far they lie apart is no part of the spread."""
        return grouped_share(values, self._tasks(images))

    def paired(self, a: np.ndarray, b: np.ndarray, images: ImageSet) -> PairedResult:
        """Of two such means, as above."""
        return paired_grouped_shares(a, b, self._tasks(images))

    def _tasks(self, images: ImageSet) -> np.ndarray:
        """Of each prompt, (n,)."""
        tasks = np.zeros(len(images.counts), dtype=int)
        tasks[images.prompts] = images.features[:, 0]
        return tasks


def _share(name: str, header: str, words: str, column: int) -> tuple[Measure, ...]:
    return (Measure(name, header, True, words, least=0, most=1, column=column),)


# None is read by the sanity suite: its features are those of images alone.
VQA_SCORE = Row("vqa_score", _share("vqa_score", "VQAScore", MEANS, 90))
QA_SCORE = OfSomePrompts(
    "qa_score",
    _share(
        "qa_score",
        "questions right",
        f"share of a prompt's questions answered rightly, wrong where one that it depends on is; {MEANS}; answers are "
        "chosen, not written, so it compares with no published TIFA or DSG score",
        91,
    ),
    unverified=True,
    what="questions",
)
GENEVAL = _TaskMeans(
    "geneval",
    _share(
        "geneval",
        "GenEval",
        "share of images that obey their prompt's rule; mean over the samples of a prompt, over the prompts of a task, "
        "then over tasks; by another detector than GenEval's own, so it compares with no published GenEval score",
        92,
    ),
    unverified=True,
    what="a rule",
)
