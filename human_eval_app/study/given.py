"""Gold and training trials that a user gives in a file: JSON lines, with images named relative to the file.

A pair:   {"caption": "...", "better": ["a0.png", ...], "worse": ["b0.png", ...], "questions": ["fidelity"]}
A single: {"caption": "...", "image": "a.png", "answer": "no"}
Either may have "kind": "training" (default: "gold"), and a pair leaves out "questions" where the better side is the
answer to all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import ValidationError

from drawbench.errors import UserError
from drawbench.records import Record, first_problem
from human_eval_app.study.assign import Known
from human_eval_app.study.design import StudyType
from human_eval_app.study.study_types import QUESTIONS, QuestionId
from metrics.errors import MetricInputError
from metrics.images.decode import read_image

# No prompt's id begins with an underscore, so these never meet one.
PREFIX = "_given"


class PairRow(Record):
    """One line of the file in a paired study."""

    caption: str
    better: tuple[str, ...]
    worse: tuple[str, ...]
    questions: tuple[QuestionId, ...] = ()
    kind: Literal["gold", "training"] = "gold"


class SingleRow(Record):
    """One line of the file in a study of single images."""

    caption: str
    image: str
    answer: Literal["yes", "somewhat", "no"]
    kind: Literal["gold", "training"] = "gold"


@dataclass(frozen=True)
class GivenImages:
    """The images of the file: a side's prompt id -> its files."""

    paths: dict[str, tuple[Path, ...]]

    def pixels(self, prompt_id: str, index: int) -> np.ndarray:
        """See `ImageSource`."""
        try:
            return read_image(self.paths[prompt_id][index])
        except MetricInputError as error:
            raise UserError(f"{error}; correct the file of gold trials, or the image.") from None


@dataclass(frozen=True)
class GivenTrial:
    """One line of the file. `known` names its sides by their prompt ids, which are keys of `GivenImages.paths`."""

    kind: Literal["gold", "training"]
    caption: str
    known: Known


@dataclass(frozen=True)
class GoldFile:
    """All that the file gives."""

    trials: tuple[GivenTrial, ...]
    images: GivenImages

    def of_kind(self, kind: Literal["gold", "training"]) -> tuple[GivenTrial, ...]:
        """The gold or the training trials, in the order of the file."""
        return tuple(trial for trial in self.trials if trial.kind == kind)


def read_given(path: Path, study_type: StudyType, samples: int) -> GoldFile:
    """The trials in the file. Raises UserError naming the line that is wrong, or the image that is missing."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the gold trials {path} cannot be read ({error}); name a file of JSON lines.") from None
    trials: list[GivenTrial] = []
    paths: dict[str, tuple[Path, ...]] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            trials.append(_trial(line, f"{path}, line {number}", f"{PREFIX}-{number:03d}", study_type, samples, paths))
    if not trials:
        raise UserError(f"{path} holds no gold trials; give it one JSON object per line.")
    # Relative to the file, so that a folder of gold trials can be moved as a whole.
    paths = {key: tuple(path.parent / name for name in names) for key, names in paths.items()}
    for image in (image for images in paths.values() for image in images):
        if not image.is_file():
            raise UserError(f"{path} names the image {image}, which is not there; correct the name.")
    return GoldFile(tuple(trials), GivenImages(paths))


def _trial(
    line: str, where: str, key: str, study_type: StudyType, samples: int, paths: dict[str, tuple[Path, ...]]
) -> GivenTrial:
    model: type[PairRow] | type[SingleRow] = SingleRow if study_type == "coco-alignment" else PairRow
    try:
        row = model.model_validate_json(line)
    except ValidationError as error:
        raise UserError(f"{where} is not a gold trial of a {study_type} study ({first_problem(error)}).") from None
    if not row.caption.strip():
        raise UserError(f"{where} has an empty caption; write what raters shall read.")
    if isinstance(row, SingleRow):
        paths[key] = (Path(row.image),)
        return GivenTrial(row.kind, row.caption, Known(key, key, None, ("caption",), frozenset([key]), row.answer))
    asked = tuple(question.id for question in QUESTIONS[study_type])
    questions = row.questions or asked
    if unasked := [question for question in questions if question not in asked]:
        raise UserError(f"{where} answers the question {unasked[0]}, which a {study_type} study does not ask.")
    for side, images in (("better", row.better), ("worse", row.worse)):
        if len(images) != samples:
            raise UserError(f"{where} names {len(images)} {side} images where {samples} are shown on a side.")
        paths[f"{key}-{side}"] = tuple(Path(image) for image in images)
    return GivenTrial(row.kind, row.caption, Known(key, f"{key}-better", f"{key}-worse", questions, frozenset([key])))


def captions_of(trials: Sequence[GivenTrial]) -> dict[str, str]:
    """Prompt id -> caption of given trials."""
    return {trial.known.prompt_id: trial.caption for trial in trials}
