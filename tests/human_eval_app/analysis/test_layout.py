"""The answers that a design asks for."""

import pandas as pd

from human_eval_app.analysis.layout import layout
from tests.human_eval_app.designs import make_design


def test_every_seat_trial_and_question_has_one_row_in_the_designs_order() -> None:
    design = make_design(raters=2, gold=2, mirrored=1)
    rows = layout(design)
    expected = [
        (seat, position, question.id, trial.prompt_id, trial.kind)
        for seat, trials in design.trials_of_seat.items()
        for position, trial in enumerate(trials)
        for question in design.questions
    ]
    columns = ["seat", "position", "question", "prompt_id", "kind"]
    assert list(rows[columns].itertuples(index=False, name=None)) == expected


def test_a_mirrored_trial_points_to_its_first_showing_in_the_same_seat() -> None:
    design = make_design(raters=3, mirrored=2)
    rows = layout(design).set_index(["seat", "position", "question"])
    mirrors = rows[rows["kind"] == "mirror"]
    assert len(mirrors) == 2 * 3 * 2 * 2  # panels, seats, trials, questions
    for (seat, _, question), row in mirrors.iterrows():  # type: ignore[misc]
        first = rows.loc[(seat, row["mirror_of_position"], question)]
        assert first["prompt_id"] == row["prompt_id"]
        assert (first["left_model"], first["right_model"]) == (row["right_model"], row["left_model"])
    assert rows[rows["kind"] != "mirror"]["mirror_of_position"].isna().all()


def test_single_images_have_no_right_side_and_no_second_model() -> None:
    rows = layout(make_design("coco-alignment", raters=2))
    assert not rows["paired"].any()
    assert set(rows["right_model"]) == set(rows["model_b"]) == {""}
    assert isinstance(rows, pd.DataFrame)
