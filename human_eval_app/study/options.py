"""What a user may choose about a study, checked, with the paper's protocol for what they leave open."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from drawbench.errors import UserError
from human_eval_app.study.design import Exclusion, Stopping, StudyType
from human_eval_app.study.images import Encoder
from human_eval_app.study.study_types import PROTOCOLS, StudyProtocol

SMALLEST = 32  # pixels: below, a mosaic of 16 x 16 tiles would be nearly the image


@dataclass(frozen=True)
class Options:
    """The options of `drawbench study create`; None: as in the paper, or as the runs are.

    model_names: what tables call the models of some runs, by their paths. raters: of each trial. limit: the first
    prompts of each category, or in a COCO study how many prompts at random. gold, mirrored, training: trials per rater.
    size: pixels shown. references: the photographs of a COCO study.
    """

    type: StudyType
    name: str = ""
    model_names: Mapping[Path, str] = field(default_factory=dict)
    seed: int = 0
    raters: int | None = None
    samples: int | None = None
    limit: int | None = None
    gold: int | None = None
    gold_file: Path | None = None
    mirrored: int = 0
    minimum_gold_correct: float | None = None
    training: int | None = None
    exclusions: tuple[Exclusion, ...] = ()
    simulated: bool = False
    encoder: Encoder = field(default_factory=lambda: Encoder(None))
    size: int | None = None
    references: Path | None = None
    leave_out_refused: bool = False
    stopping: Stopping | None = None

    def __post_init__(self) -> None:
        """Raises UserError naming the option that is out of range, or contradicts another."""
        least = {"raters": 1, "samples": 1, "limit": 1, "gold": 0, "mirrored": 0, "training": 0, "size": SMALLEST}
        for name, minimum in least.items():
            value = getattr(self, name)
            if value is not None and value < minimum:
                raise UserError(f"--{name} {value} makes no study: give a whole number of at least {minimum}.")
        if self.minimum_gold_correct is not None:
            if not 0 < self.minimum_gold_correct <= 1:
                raise UserError(
                    f"--minimum-gold-correct {self.minimum_gold_correct:g} is no share: give more than 0 and at most 1."
                )
            if self.gold == 0 or (self.gold is None and self.gold_file is None and self.protocol.gold == 0):
                raise UserError("--minimum-gold-correct needs control trials: give --gold as well.")
        if self.protocol.photographs and self.samples not in (None, 1):
            raise UserError(f"--samples {self.samples}: a {self.type} study shows one image on a side; leave it out.")
        if self.type == "coco-alignment" and self.mirrored:
            raise UserError("--mirrored exchanges sides, and a coco-alignment trial has one image: leave it out.")
        if self.stopping is not None:
            if self.type == "coco-alignment":
                raise UserError("--stop decides which of two models is preferred; a coco-alignment study has no pairs.")
            if self.stopping.pause_minutes < 1:
                raise UserError(f"--pause-minutes {self.stopping.pause_minutes} is too short: give 1 or more.")
        if self.references is not None and not self.protocol.photographs:
            raise UserError(f"--references is for COCO studies: a {self.type} study shows no photographs.")

    @property
    def protocol(self) -> StudyProtocol:
        """The paper's protocol of this type of study."""
        return PROTOCOLS[self.type]

    @property
    def raters_per_trial(self) -> int:
        """As chosen, or as in the paper."""
        return self.protocol.raters if self.raters is None else self.raters

    @property
    def images_per_side(self) -> int:
        """As chosen, or as in the paper."""
        return self.protocol.samples if self.samples is None else self.samples

    def required_gold_share(self, gold: int) -> float | None:
        """The share of right controls below which raters are screened out, when they meet `gold` of them."""
        if gold == 0:
            return None
        chosen = self.minimum_gold_correct
        return self.protocol.minimum_gold_correct if chosen is None else chosen


def parse_names(texts: Sequence[str], runs: Sequence[Path]) -> tuple[str, dict[Path, str]]:
    """`NAME` as the study's name, and `RUN=NAME` as those of models. Raises UserError for what is neither, or twice."""
    names: dict[Path | None, str] = {}  # None: the study's
    for text in texts:
        start, is_pair, rest = text.partition("=")
        run = next((run for run in runs if text.startswith(f"{run}=")), None)
        if run is None and is_pair and start and Path(start) in runs:  # such as a slash at its end
            run, text = Path(start), f"{Path(start)}={rest}"
        if run is None and "=" in text:
            told = ", ".join(str(each) for each in runs)
            raise UserError(f"--name {text} is for none of the runs: write RUN=NAME, where RUN is one of {told}.")
        if run in names:
            raise UserError(f"--name {text} gives a second name to one thing: keep one of them.")
        names[run] = text.removeprefix(f"{run}=").strip()
    return names.pop(None, ""), {run: name for run, name in names.items() if run is not None}


def parse_exclusions(texts: Sequence[str]) -> tuple[Exclusion, ...]:
    """`gold=0.8`, `too_fast=1500`, `straight_lining=0.95` as rules. Raises UserError for others."""
    found: dict[str, Exclusion] = {}
    for text in texts:
        rule, _, threshold = text.partition("=")
        try:
            exclusion = Exclusion.model_validate({"rule": rule, "threshold": threshold})
        except ValidationError:
            exclusion = None
        largest = math.inf if rule == "too_fast" else 1
        if exclusion is None or not 0 < exclusion.threshold <= largest or math.isinf(exclusion.threshold):
            raise UserError(
                f"--exclude {text} is no rule: write gold=SHARE, straight_lining=SHARE (more than 0, at most 1) "
                "or too_fast=MILLISECONDS."
            )
        if rule in found:
            raise UserError(f"--exclude {rule} is given twice: keep one of them.")
        found[rule] = exclusion
    return tuple(found.values())
