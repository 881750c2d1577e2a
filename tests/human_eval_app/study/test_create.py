"""Making a study's folder: what is in it, that nothing tells a model, and that it is made as a whole or not at all."""

from pathlib import Path

from human_eval_app.study.design import read_design


def test_the_small_study_is_one(study_folder: Path) -> None:
    design = read_design(study_folder)
    assert [len(panel.seats) for panel in design.panels] == [3, 3]
