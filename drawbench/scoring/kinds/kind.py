"""One metric, one object: what it is called, what it needs, how it scores a run, how two runs differ."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from metrics.image_set import CannotMeasureError, ImageSet
from metrics.sanity.rules import Required, Rule, SuiteMetric
from metrics.statistics.intervals import LEAST_UNITS, t_interval
from metrics.statistics.jackknife import PAIRED, PAIRED_TO_REFERENCES, Jackknife
from metrics.statistics.paired import T_PAIRED, PairedResult, paired_jackknives, paired_means, zero_difference
from metrics.statistics.prompt_units import uneven_note
from metrics.statistics.result import Interval, MetricResult

LAST_COLUMN = 1000
UNVERIFIED = "unverified: not compared with its published code, so no rank"
ARROWS = {True: " ↑", False: " ↓", None: ""}


def usual_decimals(largest: float) -> int:
    """Four for cosines and small distances, two for the usual FID. largest: absolute value in a column."""
    return 2 if largest >= 10 else 4


@dataclass(frozen=True)
class Measure:
    """One number of a metric, as it stands in score files and tables.

    name: in files. header: in tables. higher_is_better: None where neither is better.
    definition: what it is, beyond the words of the protocol. unit: shown behind the header.
    least, most: between which it lies, whatever the images; no interval goes beyond.
    column: its place in tables, from the left. decimals: from the largest absolute value in the column.
    ranks: whether the rows of a table are ordered by it where all have it, the first such column before others.
    required: how it must move in the sanity suite, by degradation; None where the suite does not read it.
    """

    name: str
    header: str
    higher_is_better: bool | None
    definition: str = ""
    unit: str = ""
    least: float = -math.inf
    most: float = math.inf
    column: int = LAST_COLUMN
    decimals: Callable[[float], int] = usual_decimals
    ranks: bool = False
    required: Required | None = None

    @property
    def title(self) -> str:
        """Header and unit."""
        return f"{self.header}, {self.unit}" if self.unit else self.header

    def interval(self, found: Interval | None) -> Interval | None:
        """As far as the number can be so."""
        return found and found.within(self.least, self.most)

    def interval_of_difference(self, found: Interval | None) -> Interval | None:
        """As far as two such numbers can differ so."""
        return found and found.within(self.least - self.most, self.most - self.least)

    @property
    def arrowed(self) -> str:
        """The title with an arrow that says which way is better."""
        return self.title + ARROWS[self.higher_is_better]


@dataclass(frozen=True)
class Needs:
    """What a metric looks at beside the features of the images.

    references: of the reference images, `moments` (which a file of statistics has) or all `features`.
    pairs: prompts with two images or more; others are left out. images: the least number, of images and of references.
    """

    references: Literal["", "moments", "features"] = ""
    texts: bool = False
    logits: bool = False
    pairs: bool = False
    images: int = 0


@dataclass(frozen=True, eq=False)
class MetricKind(ABC):
    """A metric, whatever its features come from.

    name: as protocols fingerprint it. measures: the numbers that it gives. A number of the kind's own name takes the
    name that the protocol has for it. by_category: whether it is measured on each category too. unverified: whether
    nothing says that its numbers are those of its published code. weighted: whether some prompts count more than
    others.
    """

    name: str
    measures: tuple[Measure, ...] = field(repr=False)
    needs: Needs = Needs()
    by_category: bool = False
    unverified: bool = False
    weighted: bool = False

    @abstractmethod
    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        """The numbers of a set, by name. Raises CannotMeasureError for a set that has not what they need."""

    @abstractmethod
    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        """The numbers of two sets of the same prompts and their differences. Raises as `results`."""

    def measure(self, name: str) -> Measure:
        """The number of that name; where a protocol has its own name for it, the first."""
        return next((each for each in self.measures if each.name == name), self.measures[0])

    def definition(self, name: str, images: ImageSet) -> str:
        """What a number of this set is, beyond the words of the protocol."""
        return self.measure(name).definition

    def cautions(self, images: ImageSet, published_n: int) -> list[str]:
        """What must be known before all else. published_n: images behind published numbers, 0 for none."""
        return [UNVERIFIED] if self.unverified else []

    def interval_note(self, images: ImageSet) -> str:
        """What makes the intervals say less than they should; empty for nothing."""
        return uneven_note(images.counts)

    def per_image(self, images: ImageSet) -> np.ndarray | None:
        """A value for each image, (N,), for the table of samples; None where there is none."""
        return None

    def values(self, images: ImageSet) -> Mapping[str, float]:
        """The numbers alone, as the sanity suite names them; none of a set that has not what they need."""
        try:
            return {name: result.value for name, result in self.results(images).items()}
        except CannotMeasureError:
            return {}

    @property
    def suite_metric(self) -> SuiteMetric:
        """How the sanity suite reads it."""
        rules = {
            each.name: Rule(bool(each.higher_is_better), each.required)
            for each in self.measures
            if each.required is not None
        }
        return SuiteMetric(rules, self.values, self.needs.texts, self.needs.logits, self.needs.pairs)


def joined(*notes: str) -> str:
    """What must be known of a number, as one text."""
    return "; ".join(note for note in notes if note)


def _are_same(a: ImageSet, b: ImageSet) -> bool:
    """Whether both are the same images, of enough prompts for an interval."""
    return len(a.counts) >= LEAST_UNITS and a.same_images(b)


class OverAllImages(MetricKind):
    """Numbers of the whole set: differences are paired by leaving a prompt out of both sets at once."""

    @abstractmethod
    def jackknives(self, images: ImageSet) -> Mapping[str, Jackknife]:
        """The numbers, and without each prompt. Raises as `results`."""

    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        """The numbers, with the jackknife's intervals."""
        theirs, method = self.jackknives(b), PAIRED_TO_REFERENCES if self.needs.references else PAIRED
        pairs = {name: paired_jackknives(found, theirs[name], method) for name, found in self.jackknives(a).items()}
        if _are_same(a, b):
            return {name: zero_difference(found, method.format(units="prompts")) for name, found in pairs.items()}
        return pairs


@dataclass(frozen=True, eq=False)
class PromptMeans(MetricKind):
    """A mean over prompts: overall and for each category with t intervals, differences paired by prompt.

    A kind of one number gives `per_image` alone.
    """

    by_category: bool = True

    def interval_note(self, images: ImageSet) -> str:
        """None: each prompt counts the same, whatever its number of images."""
        return ""

    def by_prompt(self, images: ImageSet) -> Mapping[str, np.ndarray]:
        """The values of each prompt, (n,), by number; here the mean of its images' values."""
        values = self.per_image(images)
        assert values is not None, f"{self.name} gives values by image or by prompt"
        return {self.name: np.bincount(images.prompts, weights=values) / images.counts}

    def result(self, values: np.ndarray, images: ImageSet) -> MetricResult:
        """The mean of the prompts' values, (n,), with its interval."""
        return MetricResult(float(values.mean()), t_interval(values), len(values))

    def paired(self, a: np.ndarray, b: np.ndarray, images: ImageSet) -> PairedResult:
        """The means of two sets, of the prompts' values in each, (n,), and the interval of their difference."""
        return paired_means(a, b)

    def results(self, images: ImageSet) -> Mapping[str, MetricResult]:
        """The means, with their intervals."""
        return {name: self.result(values, images) for name, values in self.by_prompt(images).items()}

    def differences(self, a: ImageSet, b: ImageSet) -> Mapping[str, PairedResult]:
        """The means and the intervals of the paired values; of the same images it is 0 for certain."""
        theirs = self.by_prompt(b)
        pairs = {name: self.paired(values, theirs[name], a) for name, values in self.by_prompt(a).items()}
        if _are_same(a, b):
            return {name: zero_difference(found, T_PAIRED) for name, found in pairs.items()}
        return pairs
