"""Files of questions: DSG's and TIFA's formats, how dependencies count, and what is none."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from metrics.errors import MetricInputError
from metrics.features.vision_language.questions import DSG_COLUMNS, Question, QuestionFile, counted
from tests.metrics.features.vision_language.answers import answered

# j-min/DSG at 7330119, calc_vqa_score of dsg/vqa_utils.py: its average_score_with_dependency of the same answers.
THEIRS = (
    *(0.0, 0.5, 0.4, 1.0, 0.0, 0.6, 0.0, 1.0, 0.25, 0.6, 0.6, 1.0, 1.0, 0.666667, 1.0, 0.666667),
    *(0.25, 0.666667, 0.4, 0.666667, 0.333333, 1.0, 0.75, 1.0),
)
TIFA = {"id": "a", "caption": "two cats ", "question": "how many?", "choices": ["One", "two"], "answer": "Two"}


def dsg(folder: Path, rows: list[tuple[Any, ...]], columns: tuple[str, ...] = DSG_COLUMNS) -> Path:
    path = folder / "questions.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def tifa(folder: Path, content: object) -> Path:
    path = folder / "questions.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_answers_count_as_in_dsgs_own_code(tmp_path: Path) -> None:
    ours = []
    for parents, right in answered():
        rows = [("x", "p", each, ",".join(map(str, parents[each])) or "0", f"q{each}?") for each in parents]
        questions = QuestionFile.read(dsg(tmp_path, rows)).of("p")
        ours.append(counted(questions, [right[int(each.id)] for each in questions]).mean())
    assert ours == pytest.approx(THEIRS, abs=1e-6)


def test_a_child_is_wrong_where_its_parent_is_and_a_grandchild_by_its_own_parent_alone() -> None:
    chain = [Question(str(n), "?", ("yes", "no"), "yes", (str(n - 1),) if n > 1 else ()) for n in (1, 2, 3)]
    assert counted(chain, [True, True, True]).tolist() == [True, True, True]
    assert counted(chain, [False, True, True]).tolist() == [False, False, True]


def test_dsgs_rows_become_questions_answered_by_yes(tmp_path: Path) -> None:
    rows = [("i", " a red cat", 1, 0, "Is there a cat?"), ("i", " a red cat", 2, "1, 2", "Is the cat red?")]
    file = QuestionFile.read(dsg(tmp_path, rows))
    first, second = file.of("a red cat")
    assert (first.parents, second.parents, second.answer) == ((), ("1",), "yes")
    assert file.of("a cat") == ()
    assert (file.loose, file.name) == (0, "questions.csv")


def test_a_prompt_whose_questions_depend_on_none_of_theirs_is_taken_without_dependencies_and_told(
    tmp_path: Path,
) -> None:
    rows = [("i", "p", 1, 0, "a?"), ("i", "p", 2, "1, air", "b?"), ("j", "q", 1, 0, "c?"), ("j", "q", 2, 1, "d?")]
    file = QuestionFile.read(dsg(tmp_path, rows))
    assert [each.parents for each in file.of("p")] == [(), ()]
    assert [each.parents for each in file.of("q")] == [(), ("1",)]
    assert file.loose == 1


def test_tifas_choices_are_compared_without_case(tmp_path: Path) -> None:
    (question,) = QuestionFile.read(tifa(tmp_path, [TIFA])).of("two cats")
    assert (question.choices, question.answer, question.parents) == (("one", "two"), "two", ())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not valid JSON"),
        ({}, "is no list of questions"),
        ([], "holds no questions"),
        ([{"id": 1}], "question 1 of .* has no 'caption'"),
        ([TIFA, 7], "question 2 of .* has no 'id'"),
        ([{**TIFA, "answer": "three"}], "the answer to question 1 of .* is not among its choices"),
        ([{**TIFA, "choices": ["two"]}], "question 1 of .* has not two choices"),
        ([{**TIFA, "caption": " "}], "question 1 of .* has no prompt or no question"),
    ],
)
def test_what_is_not_tifas_format_is_refused(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(MetricInputError, match=said):
        QuestionFile.read(tifa(tmp_path, content))


def test_what_is_not_dsgs_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="has no column 'dependency'"):
        QuestionFile.read(dsg(tmp_path, [], tuple(name for name in DSG_COLUMNS if name != "dependency")))
    with pytest.raises(MetricInputError, match=r"row 2 of .* has the id of another question of its prompt, 1"):
        QuestionFile.read(dsg(tmp_path, [("i", "p", 1, 0, "a?"), ("i", "p", 1, 0, "b?")]))
    with pytest.raises(MetricInputError, match=r"row 1 of .* has fewer fields"):
        QuestionFile.read(dsg(tmp_path, [("i", "p")]))
    with pytest.raises(MetricInputError, match="cannot be read as a file of questions"):
        QuestionFile.read(tmp_path / "none.csv")
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(MetricInputError, match="no file of questions by its name"):
        QuestionFile.read(tmp_path / "a.txt")
