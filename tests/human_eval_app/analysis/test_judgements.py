"""Votes of each type of study beside scores of its runs."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from drawbench.agreement.judgements import Judgements
from drawbench.agreement.measure import measure_agreement
from drawbench.errors import UserError
from drawbench.runs.directory import RunDirectory
from human_eval_app.analysis.judgements import study_judgements
from human_eval_app.simulate import Truth
from human_eval_app.study.design import Design
from tests.human_eval_app.analysis.made_up import answered, anything, simulated
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.runs import make_run, prompt_set
from tests.human_eval_app.scored import write_made_up_scores

CATEGORIES = {"Colors": 6, "Counting": 6}
BETTER = {"x": 0.0, "y": 1.0, "z": 2.0}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunDirectory]:
    """Runs of three models, of which the score tells the best."""
    folder, made = tmp_path_factory.mktemp("runs"), {}
    for seed, (name, quality) in enumerate(BETTER.items()):
        made[name] = make_run(folder / name, name, prompts=prompt_set(CATEGORIES), size=16, seed=seed)
        write_made_up_scores(made[name], {"knows": lambda sample, q=quality: q + 0.1 * sample.index})  # type: ignore[misc]
    return made


def _judged(
    design: Design, runs: dict[str, RunDirectory], models: Sequence[str], utility: float = 3
) -> list[Judgements]:
    truth = Truth({(name, "*", "*"): utility * quality for name, quality in BETTER.items()}, caption_utility=-2)
    return study_judgements(design, simulated(design, truth), {name: runs[name] for name in models})


def test_three_models_are_compared_by_pairs_and_two_runs_take_theirs_alone(runs: dict[str, RunDirectory]) -> None:
    design = make_design(categories=CATEGORIES, models=("x", "y", "z"), raters=4, simulated=True)
    for judged in _judged(design, runs, "xyz"):
        made = measure_agreement(judged)
        assert (made.pairs, made.models, made.votes) == (36, ["x", "y", "z"], 144)
        assert made.number("knows", "models_kendall_tau_b") is not None
        number = made.number("knows")
        assert number is not None
        assert number.value > 0.9
    for judged in _judged(design, runs, "xz"):
        assert (len(judged.people), judged.models) == (12, ("x", "z"))
        assert "96 votes are on models whose runs are not named, and left out" in judged.notes


def test_answers_about_single_images_are_ratings_and_photographs_have_no_scores(
    runs: dict[str, RunDirectory],
) -> None:
    design = make_design("coco-alignment", categories=CATEGORIES, models=("x", "y"), raters=4)
    (judged,) = _judged(design, runs, "xy")
    assert (judged.question, judged.models, judged.votes) == ("caption", ("x", "y"), 96)
    made = measure_agreement(judged)
    assert made.metrics == ["knows"]
    assert made.number("knows", "prompts_spearman") is not None
    photographs = make_design("coco-photorealism", categories=CATEGORIES, models=("x", "y"), raters=4)
    with pytest.raises(UserError, match="has no vote between models of these runs"):
        _judged(photographs, runs, "xy")


def test_votes_of_people_are_not_called_simulated(runs: dict[str, RunDirectory], tmp_path: Path) -> None:
    design = make_design(categories=CATEGORIES, models=("x", "y"), raters=3, gold=2, mirrored=1)
    votes = answered(design, anything(1))
    for judged in study_judgements(design, votes, {name: runs[name] for name in "xy"}):
        assert judged.votes == 36  # no control trial, no repeat
        assert judged.source == "made up"
