"""Every answer that a design asks for, as a table: what votes are checked against, and simulated from."""

import pandas as pd

from human_eval_app.study.design import Design

KEYS = ("seat", "position", "question")
FIXED = ("panel", "category", "kind", "prompt_id", "left_model", "right_model", "expected", "mirror_of_position")


def layout(design: Design) -> pd.DataFrame:
    """One row per seat, trial and question, in the design's order: the export's columns that are fixed before launch.

    Columns: KEYS, FIXED, `paired` (two sides, or one image), `model_a` and `model_b` (the panel's models; the second is
    empty where a single image is judged). `mirror_of_position` is None where a trial repeats no other.
    """
    rows = []
    for panel in design.panels:
        trials = [
            {
                "panel": panel.id,
                "category": panel.category,
                "kind": trial.kind,
                "prompt_id": trial.prompt_id,
                "left_model": design.sets[trial.left].model,
                "right_model": "" if trial.right is None else design.sets[trial.right].model,
                "paired": trial.right is not None,
                "model_a": panel.models[0],
                "model_b": panel.models[1] if len(panel.models) > 1 else "",
            }
            for trial in panel.trials
        ]
        for seat in panel.seats:
            place = {trial: position for position, trial in enumerate(seat.order)}
            for position, index in enumerate(seat.order):
                trial = panel.trials[index]
                mirrored = None if trial.mirror_of is None else place.get(trial.mirror_of)
                here = {"seat": seat.id, "position": position, "mirror_of_position": mirrored, **trials[index]}
                rows += [
                    {**here, "question": question.id, "expected": trial.expected.get(question.id, "")}
                    for question in design.questions
                ]
    return pd.DataFrame(rows).astype({"mirror_of_position": "Int64"})
