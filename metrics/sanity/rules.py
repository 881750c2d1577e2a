"""How the suite reads a metric: its values on a set, and how they must move under known degradations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from metrics.image_set import ImageSet
from metrics.sanity.degradations import IMAGE_DEGRADATIONS

Requirement = Literal["worse", "not worse"]
Required = Mapping[str, Requirement]

SHUFFLE, DROPPING, REPEATS, MEMORISED = "caption shuffle", "modes dropped", "repeats", "memorised"
PIXELS: Required = {degradation.name: "worse" for degradation in IMAGE_DEGRADATIONS}
POORER: Required = {DROPPING: "worse", REPEATS: "worse"}


@dataclass(frozen=True)
class Rule:
    """What is known of a number.

    required: per degradation, how it must move. What is not named is shown and not judged.
    """

    higher_is_better: bool
    required: Required


@dataclass(frozen=True)
class SuiteMetric:
    """A metric as the suite reads it.

    rules: by number. values: of a set, the numbers it has enough for. needs_texts: each image has a caption, and none
    has a reference. needs_logits: of networks that know classes. needs_groups: images are samples of prompts, else each
    image is its own.
    """

    rules: Mapping[str, Rule]
    values: Callable[[ImageSet], Mapping[str, float]]
    needs_texts: bool = False
    needs_logits: bool = False
    needs_groups: bool = False
