"""Gold and training trials from a user's file: read by line, and every mistake named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawbench.errors import UserError
from human_eval_app.study.design import StudyType
from human_eval_app.study.given import read_given

PAIR: dict[str, Any] = {"caption": "a boat", "better": ["a.png", "b.png"], "worse": ["b.png", "a.png"]}
SINGLE: dict[str, Any] = {"caption": "a boat", "image": "a.png", "answer": "no"}


def gold_file(folder: Path, *rows: dict[str, Any] | str) -> Path:
    """A file of rows beside two images, black a.png and white b.png."""
    for name, colour in (("a", 0), ("b", 255)):
        Image.fromarray(np.full((32, 32, 3), colour, np.uint8)).save(folder / f"{name}.png")
    path = folder / "gold.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def test_pairs_are_read_with_images_beside_the_file(tmp_path: Path) -> None:
    rows = [PAIR, {**PAIR, "questions": ["alignment"], "kind": "training", "caption": "a line\u2028break"}]
    given = read_given(gold_file(tmp_path, rows[0], "", json.dumps(rows[1], ensure_ascii=False)), "drawbench", 2)
    (gold,), (training,) = given.of_kind("gold"), given.of_kind("training")
    assert gold.known.questions == ("fidelity", "alignment")
    assert training.known.questions == ("alignment",)
    assert training.caption == "a line\u2028break"
    assert gold.known.worse is not None
    assert given.images.pixels(gold.known.better, 0).max() == 0
    assert given.images.pixels(gold.known.worse, 0).min() == 255
    assert gold.known.touches.isdisjoint(training.known.touches)


def test_single_images_have_their_answer(tmp_path: Path) -> None:
    (trial,) = read_given(gold_file(tmp_path, SINGLE), "coco-alignment", 1).trials
    assert trial.known.worse is None
    assert trial.known.answer == "no"
    assert trial.known.trial("gold", better_left=True).expected == {"caption": "no"}


@pytest.mark.parametrize(
    ("study_type", "row", "message"),
    [
        ("drawbench", SINGLE, "line 1 is not a gold trial of a drawbench study"),
        ("coco-alignment", PAIR, "line 1 is not a gold trial of a coco-alignment study"),
        ("coco-alignment", {**SINGLE, "answer": "maybe"}, "answer"),
        ("drawbench", {**PAIR, "better": ["a.png"]}, "names 1 better images where 2 are shown"),
        ("drawbench", {**PAIR, "worse": ["a.png", "c.png"]}, "c.png, which is not there"),
        ("drawbench", {**PAIR, "questions": ["photorealism"]}, "does not ask"),
        ("drawbench", {**PAIR, "caption": "  "}, "empty caption"),
        ("drawbench", {**PAIR, "kind": "silver"}, "kind"),
        ("drawbench", "{not json", "line 1"),
        ("drawbench", "", "holds no gold trials"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, study_type: StudyType, row: dict[str, Any] | str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_given(gold_file(tmp_path, row), study_type, 2)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_given(tmp_path / "gold.jsonl", "drawbench", 2)


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    path = gold_file(tmp_path, PAIR)
    (tmp_path / "a.png").write_bytes(b"no image")
    given = read_given(path, "drawbench", 2)
    with pytest.raises(UserError, match=r"a\.png"):
        given.images.pixels(given.trials[0].known.better, 0)
