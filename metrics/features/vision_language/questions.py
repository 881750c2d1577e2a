"""Files of questions about images, by prompt: TIFA's JSON (Hu et al. 2023) and DSG's CSV (Cho et al. 2024)."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metrics.errors import MetricInputError

DSG_COLUMNS = ("item_id", "text", "proposition_id", "dependency", "question_natural_language")
TIFA_KEYS = ("id", "caption", "question", "choices", "answer")
NO_PARENT = ("", "0", "-")  # as DSG writes that a question stands alone
YES_NO = ("yes", "no")


@dataclass(frozen=True)
class Question:
    """A question, the answers to choose from, and the right one of these.

    parents: ids of the questions of the same prompt without which it makes no sense.
    """

    id: str
    text: str
    choices: tuple[str, ...]
    answer: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class QuestionFile:
    """The questions of a file. name: of the file. sha256: of its bytes. by_prompt: by the prompt's text, stripped.

    loose: prompts whose questions name parents that are none of theirs; they are scored without dependencies.
    """

    name: str
    sha256: str
    by_prompt: Mapping[str, tuple[Question, ...]]
    loose: int = 0

    @classmethod
    def read(cls, path: Path) -> "QuestionFile":
        """A .csv file in DSG's format or a .json file in TIFA's. Raises MetricInputError that names file and row."""
        try:
            content = path.read_bytes()
            text = content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise MetricInputError(f"{path} cannot be read as a file of questions: check the path") from error
        if path.suffix.lower() not in _FORMATS:
            raise MetricInputError(
                f"{path} is no file of questions by its name: it must end in .csv (DSG) or .json (TIFA)"
            )
        items = _FORMATS[path.suffix.lower()](text, str(path))
        by_prompt: dict[str, tuple[Question, ...]] = {}
        loose = 0
        for (prompt, _), questions in items.items():
            known = {question.id for question in questions}
            if any(parent not in known for question in questions for parent in question.parents):
                questions = [Question(each.id, each.text, each.choices, each.answer) for each in questions]
                loose += 1
            by_prompt.setdefault(prompt, tuple(questions))
        if not by_prompt:
            raise MetricInputError(f"{path} holds no questions: name a file in TIFA's or DSG's format")
        return cls(path.name, hashlib.sha256(content).hexdigest(), by_prompt, loose)

    def of(self, prompt: str) -> tuple[Question, ...]:
        """The questions of a prompt; none where the file has none."""
        return self.by_prompt.get(prompt.strip(), ())

    @property
    def depends(self) -> bool:
        """Whether any question has a parent."""
        return any(question.parents for questions in self.by_prompt.values() for question in questions)


def counted(questions: Sequence[Question], right: Sequence[bool]) -> np.ndarray:
    """Which answers count as right, bool (Q,): those that are, and whose parents' own answers are (DSG).

    right: whether each question was answered rightly. A question that is its own parent has none.
    """
    own = {question.id: bool(found) for question, found in zip(questions, right, strict=True)}
    return np.array([own[each.id] and all(own[parent] for parent in each.parents) for each in questions])


Items = dict[tuple[str, str], list[Question]]  # by a prompt's text and its id in the file


def _dsg(text: str, source: str) -> Items:
    """A question a row, answered by yes."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in DSG_COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise MetricInputError(f"{source} has no column {missing[0]!r}: DSG's format has {', '.join(DSG_COLUMNS)}")
    items: Items = {}
    for number, row in enumerate(reader, start=1):
        if any(row[column] is None for column in DSG_COLUMNS):
            raise MetricInputError(f"row {number} of {source} has fewer fields than the header: complete it")
        id_, asked = row["proposition_id"].strip(), row["question_natural_language"].strip()
        named = dict.fromkeys(part.strip() for part in row["dependency"].split(","))
        parents = tuple(parent for parent in named if parent not in (*NO_PARENT, id_))
        _add(
            items,
            row["text"],
            row["item_id"],
            Question(id_, asked, YES_NO, "yes", parents),
            f"row {number} of {source}",
        )
    return items


def _tifa(text: str, source: str) -> Items:
    """A list of questions, each with its choices."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        raise MetricInputError(f"{source} is not valid JSON: write a list of questions in TIFA's format") from None
    if not isinstance(rows, list):
        raise MetricInputError(f"{source} is no list of questions: write one in TIFA's format")
    items: Items = {}
    for number, row in enumerate(rows, start=1):
        where = f"question {number} of {source}"
        missing = [key for key in TIFA_KEYS if not isinstance(row, dict) or key not in row]
        if missing:
            raise MetricInputError(f"{where} has no {missing[0]!r}: TIFA's format has {', '.join(TIFA_KEYS)}")
        choices, answer = _choices(row["choices"], where), str(row["answer"]).strip().lower()
        if answer not in choices:
            raise MetricInputError(f"the answer to {where} is not among its choices: add it")
        _add(
            items,
            str(row["caption"]),
            str(row["id"]),
            Question(str(number), str(row["question"]).strip(), choices, answer),
            where,
        )
    return items


_FORMATS = {".csv": _dsg, ".json": _tifa}


def _choices(found: object, where: str) -> tuple[str, ...]:
    listed = found if isinstance(found, list) else []
    choices = tuple(dict.fromkeys(str(choice).strip().lower() for choice in listed))
    if len(choices) < 2 or "" in choices:
        raise MetricInputError(f"{where} has not two choices or more: list what can be answered")
    return choices


def _add(items: Items, prompt: str, id_: str, question: Question, where: str) -> None:
    if not prompt.strip() or not question.text:
        raise MetricInputError(f"{where} has no prompt or no question: write both")
    questions = items.setdefault((prompt.strip(), id_), [])
    if any(question.id == other.id for other in questions):
        raise MetricInputError(f"{where} has the id of another question of its prompt, {question.id}: make ids unique")
    questions.append(question)
