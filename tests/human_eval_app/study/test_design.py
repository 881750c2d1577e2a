"""A design's file: read back as written, with its hash; what is broken is refused in one sentence."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from drawbench.errors import UserError
from human_eval_app.study.design import DESIGN_FILE, Design, Stopping, StudyType, read_design, write_design
from tests.human_eval_app.designs import make_design


@pytest.mark.parametrize("study_type", ["drawbench", "coco-photorealism", "coco-alignment"])
def test_a_design_is_read_back_as_it_was_written(tmp_path: Path, study_type: StudyType) -> None:
    design = make_design(study_type, gold=2, mirrored=1, training=2)
    path = write_design(design, tmp_path)
    assert read_design(tmp_path) == design
    assert json.loads(path.read_text())["sha256"] == design.sha256


def test_every_change_is_another_hash() -> None:
    design = make_design()
    assert make_design().sha256 == design.sha256
    assert make_design(raters=4).sha256 != design.sha256
    assert design.model_copy(update={"name": "another"}).sha256 != design.sha256
    assert (
        design.model_copy(update={"stopping": Stopping(at_decision="close", pause_minutes=60)}).sha256 != design.sha256
    )


def test_seats_show_the_trials_they_name() -> None:
    design = make_design(gold=1, mirrored=1)
    panel = design.panels[0]
    shown = design.trials_of_seat[panel.seats[0].id]
    assert [trial.kind for trial in shown] == ["gold", "main", "main", "mirror"]
    assert design.panel_of_seat[panel.seats[0].id] == panel
    mirror = shown[-1]
    assert mirror.mirror_of is not None
    repeated = panel.trials[mirror.mirror_of]
    assert repeated in shown
    assert (repeated.left, repeated.right) == (mirror.right, mirror.left)


def _without_captions(design: Design) -> dict:
    return {**design.model_dump(), "captions": {}}


def _with_a_trial_too_many(design: Design) -> dict:
    content = design.model_dump()
    content["panels"][0]["seats"][0]["order"] = (99,)
    return content


def _with_one_seat_twice(design: Design) -> dict:
    content = design.model_dump()
    content["panels"][1]["seats"][0]["id"] = content["panels"][0]["seats"][0]["id"]
    return content


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (_without_captions, "a caption or a set that the design does not hold"),
        (_with_a_trial_too_many, "names a trial that the panel does not hold"),
        (_with_one_seat_twice, "two seats have one id"),
    ],
)
def test_a_design_refers_to_what_it_holds(broken, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValidationError, match=message):
        Design.model_validate(broken(make_design()))


def test_a_design_changed_by_hand_is_refused(tmp_path: Path) -> None:
    path = write_design(make_design(), tmp_path)
    path.write_text(path.read_text().replace('"samples": 2', '"samples": 3'))
    with pytest.raises(UserError, match="was changed after it was made"):
        read_design(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no study"),
        ("[1, 2", "is not a study design"),
        ('{"sha256": "0"}', "is not a study design"),
        ('{"sha256": "0", "design": {"name": 3}}', "is not a study design of schema version 1"),
        ("\xff", "is not a study design"),
    ],
)
def test_what_is_no_design_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / DESIGN_FILE).write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=message):
        read_design(tmp_path)
