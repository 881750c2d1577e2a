"""Images by prompt, in the features of one network: what a metric reads."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from metrics.frechet.gaussian import Gaussian

Made = TypeVar("Made")


def nothing() -> np.ndarray:
    """In place of what no metric asks for."""
    return np.zeros((0, 0), dtype=np.float32)


def no_rows() -> np.ndarray:
    """Where nothing tells which references belong to prompts."""
    return np.zeros(0, dtype=np.int64)


class CannotMeasureError(Exception):
    """A set lacks what a metric is defined by. The message says what, as words that follow `no kid, `."""


class NoSuchPromptError(CannotMeasureError):
    """A set has none of the prompts that a metric is about."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """N images of n prompts. What a metric does not ask for may be absent, which is an empty array.

    features: (N, D). prompts: int (N,), the row of each image's prompt, 0 to n - 1, each with one image or more.
    captions: of the n prompts. texts: (n, D), their embeddings. logits: (N, C), the images' class logits.
    references: (M, D), features of the reference images. moments: theirs. prompt_references: int (n,), the row of the
    reference that each prompt was written for, -1 for none; empty where they are taken as independent of the prompts.
    hashes: of each image's pixels, (N,); empty where they are not known.
    """

    features: np.ndarray
    prompts: np.ndarray
    captions: Sequence[str] = ()
    texts: np.ndarray = field(default_factory=nothing)
    logits: np.ndarray = field(default_factory=nothing)
    references: np.ndarray = field(default_factory=nothing)
    moments: Gaussian | None = None
    prompt_references: np.ndarray = field(default_factory=no_rows)
    hashes: Sequence[str] = ()
    _made: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def counts(self) -> np.ndarray:
        """Images of each prompt, (n,)."""
        return np.bincount(self.prompts)

    def of_prompts(self, chosen: Sequence[int]) -> ImageSet:
        """The images of some prompts, given by their rows in ascending order; the set itself when these are all."""
        n = int(self.prompts.max()) + 1
        if len(chosen) == n:
            return self
        place = np.full(n, -1)
        place[chosen] = np.arange(len(chosen))
        rows = np.flatnonzero(place[self.prompts] >= 0)
        return replace(
            self,
            features=self.features[rows],
            prompts=place[self.prompts[rows]],
            captions=[self.captions[i] for i in chosen] if self.captions else (),
            texts=self.texts[chosen] if len(self.texts) else nothing(),
            logits=self.logits[rows] if len(self.logits) else nothing(),
            prompt_references=self.prompt_references[chosen] if len(self.prompt_references) else no_rows(),
            hashes=[self.hashes[row] for row in rows.tolist()] if self.hashes else (),
        )

    def same_images(self, other: ImageSet) -> bool:
        """Whether both sets are known to be the same images, row by row."""
        return bool(self.hashes) and list(self.hashes) == list(other.hashes)

    def once(self, what: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gives, computed once for this set: for metrics that begin with the same work."""
        if what not in self._made:
            self._made[what] = make()
        return self._made[what]
