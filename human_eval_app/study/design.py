"""The design of a study: one readable file that fixes, before launch, everything that raters will see.

A study has panels, a panel has seats, a seat is one rater's ordered list of trials. The paper's DrawBench study
(Imagen, app. C) is one panel per category, each with 25 seats for raters of its own.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from drawbench.errors import UserError
from drawbench.files import write_text_atomically
from drawbench.interface import ModelCard
from drawbench.records import Record, first_problem
from drawbench.results.scores import PromptSetRef

StudyType = Literal["drawbench", "coco-photorealism", "coco-alignment"]
TrialKind = Literal["training", "main", "gold", "mirror"]
# As a rater gives them: by the side seen on the screen in a paired trial, or about the one image of a single trial.
Answer = Literal["left", "indifferent", "right", "yes", "somewhat", "no"]
ORIGINAL = "original"  # the label of a prompt's own photograph, where it takes a model's place

DESIGN_FILE = "design.json"
IMAGES = "images"
SECRET_FILE = "secret.key"
SETTINGS_FILE = "settings.toml"
INSTRUCTIONS_VERSION = "3"  # raised whenever a sentence that could move an answer changes; recorded with every vote


class Question(Record):
    """One question of every trial. `text` is the paper's English wording; `{caption}` stands for the prompt."""

    id: Literal["fidelity", "alignment", "photorealism", "caption"]
    text: str
    answers: tuple[Answer, ...]


class StudyModel(Record):
    """One of the compared models: the name used in tables, and the run its images come from (None: photographs)."""

    label: str
    card: ModelCard | None
    plan_sha256: str | None
    pixels_sha256: str | None


class TrialImages(Record):
    """What is shown on one side of a trial: a model's images for a prompt, as opaque tokens.

    `altered` says what was done to the images on purpose, in gold and training trials; empty: nothing.
    """

    model: str
    prompt_id: str
    images: tuple[str, ...]
    altered: str = ""


class Trial(Record):
    """One screen. `right` is None where a single image is judged.

    left, right: keys of `Design.sets`. prompt_id: whose caption is shown. expected: the right answers by question,
    of gold and training trials. mirror_of: the index, in the panel's trials, of the trial that this one repeats with
    its sides exchanged.
    """

    prompt_id: str
    kind: TrialKind
    left: str
    right: str | None = None
    expected: dict[str, Answer] = Field(default_factory=dict)
    mirror_of: int | None = None


class Seat(Record):
    """One rater's trials: indices into the panel's trials, in the order in which they are shown."""

    id: str
    order: tuple[int, ...]


class Panel(Record):
    """Raters who judge the same trials. `models` are two labels in a paired study (first: A), one in a single one."""

    id: str
    category: str
    models: tuple[str, ...]
    trials: tuple[Trial, ...]
    seats: tuple[Seat, ...]


class Controls(Record):
    """How attention is checked. The paper's DrawBench study has no controls; its COCO studies keep raters at >= 80%."""

    gold_per_seat: int = 0
    mirrored_per_seat: int = 0
    minimum_gold_correct: float | None = None  # raters below it are screened out; None: nobody is


class Exclusion(Record):
    """A rule, fixed before launch, that leaves votes out of the second version of every number.

    rule: `gold` (share of right gold answers below `threshold`), `too_fast` (median milliseconds from all images
    loaded to the answer below `threshold`), `straight_lining` (share of one answer above `threshold`).
    """

    rule: Literal["gold", "too_fast", "straight_lining"]
    threshold: float


class Stopping(Record):
    """The study may stop at an anytime-valid decision on every question of every pair of models; see `stopping`.

    at_decision: whether the study then closes itself, or whoever runs it is advised to. pause_minutes: a sitting with
    a longer time between two answers is left out of the decision.
    """

    at_decision: Literal["close", "advise"]
    pause_minutes: int


class Design(Record):
    """A study as it will be run. Equal designs have equal hashes."""

    schema_version: Literal[1] = 1
    name: str
    type: StudyType
    raters: Literal["human", "simulated"]
    seed: int
    samples: int  # images on a side
    image_size: int  # pixels, the side of every image as raters see it at full size
    encoder: str  # how every image was re-encoded
    prompt_set: PromptSetRef
    captions: dict[str, str]  # prompt id -> text shown
    models: tuple[StudyModel, ...]
    questions: tuple[Question, ...]
    instructions_version: str
    training: tuple[Trial, ...]
    controls: Controls
    exclusions: tuple[Exclusion, ...]
    departures: tuple[str, ...]  # from the paper's protocol, each one sentence
    sets: dict[str, TrialImages]
    panels: tuple[Panel, ...]
    # How control and training trials were drawn. 1: the right answer is the first model's, and training may show judged
    # prompts; 2: of all models in turn, and training of prompts that nobody judges.
    known_trials: Literal[1, 2] = 1
    stopping: Stopping | None = None  # None: when every seat is filled

    @model_validator(mode="after")
    def _refers_to_what_it_holds(self) -> Self:
        labels = {model.label for model in self.models}
        panels, seats = [p.id for p in self.panels], [s.id for p in self.panels for s in p.seats]
        if len(set(panels)) < len(panels) or len(set(seats)) < len(seats):
            raise ValueError("two panels or two seats have one id")
        for panel in self.panels:
            if any(label not in labels for label in panel.models):
                raise ValueError(f"panel {panel.id} names a model that the design does not hold")
            if any(not 0 <= index < len(panel.trials) for seat in panel.seats for index in seat.order):
                raise ValueError(f"a seat of panel {panel.id} names a trial that the panel does not hold")
        for trial in [*self.training, *(trial for panel in self.panels for trial in panel.trials)]:
            sides = [trial.left] if trial.right is None else [trial.left, trial.right]
            if trial.prompt_id not in self.captions or any(side not in self.sets for side in sides):
                raise ValueError(f"a trial of {trial.prompt_id} names a caption or a set that the design does not hold")
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A changed copy. What was computed from the fields, the hash above all, is computed anew for it."""
        copied = super().model_copy(update=update, deep=deep)
        for name in ("sha256", "panel_by_id", "panel_of_seat", "trials_of_seat"):
            copied.__dict__.pop(name, None)
        return copied

    @cached_property
    def sha256(self) -> str:
        """The design's hash, 64 hexadecimal digits: over its canonical JSON."""
        return hashlib.sha256(_canonical(self)).hexdigest()

    @property
    def paired(self) -> bool:
        """Whether a trial compares two sides."""
        return self.type != "coco-alignment"

    @cached_property
    def panel_by_id(self) -> dict[str, Panel]:
        """The panels by their ids."""
        return {panel.id: panel for panel in self.panels}

    @cached_property
    def panel_of_seat(self) -> dict[str, Panel]:
        """The panel of each seat, by the seat's id."""
        return {seat.id: panel for panel in self.panels for seat in panel.seats}

    @cached_property
    def trials_of_seat(self) -> dict[str, tuple[Trial, ...]]:
        """Each seat's trials in the order in which they are shown, by the seat's id; training trials are not among."""
        return {
            seat.id: tuple(panel.trials[index] for index in seat.order) for panel in self.panels for seat in panel.seats
        }


def write_design(design: Design, folder: Path) -> Path:
    """Write design.json with its hash into `folder`, atomically, and return its path."""
    path = folder / DESIGN_FILE
    content = {"sha256": design.sha256, "design": design.model_dump(mode="json")}
    write_text_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def read_design(folder: Path) -> Design:
    """The design of the study in `folder`. Raises UserError when there is none, or one that was changed by hand."""
    path = folder / DESIGN_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        design = Design.model_validate(content["design"])
        recorded = content["sha256"]
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder} holds no study: it has no {DESIGN_FILE}; make one with study create.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); make it readable.") from None
    except ValidationError as error:
        raise UserError(
            f"{path} is not a study design of schema version 1 ({first_problem(error)}); restore it."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not a study design; restore it, or create the study anew.") from None
    if recorded != design.sha256:
        raise UserError(f"{path} was changed after it was made: its hash is not the recorded one; restore it.")
    return design


def _canonical(design: Design) -> bytes:
    cards = {number: model.card for number, model in enumerate(design.models)}
    unhashed = {number: {"card": card.unhashed()} for number, card in cards.items() if card is not None}
    content = design.model_dump(mode="json", exclude={"models": unhashed})
    if design.stopping is None:
        del content["stopping"]  # designs that were made before there was a choice keep their hash
    if design.known_trials == 1:
        del content["known_trials"]
    return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
