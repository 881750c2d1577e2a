"""Which prompts are shown, and to whom: refusals are never passed over, batches are of one size."""

from collections import Counter
from pathlib import Path

import pytest

from drawbench.errors import UserError
from human_eval_app.study.options import Options
from human_eval_app.study.runs import ComparedRuns, open_runs
from human_eval_app.study.selection import group_prompts, select_prompts
from tests.human_eval_app.runs import make_run, prompt_set


def compared(folder: Path, refuses: list[tuple[str, int]], counts: dict[str, int] | None = None) -> ComparedRuns:
    """A run that draws everything, and one that refuses some samples."""
    prompts = prompt_set(counts or {"Colors": 2, "Counting": 3})
    runs = [
        make_run(folder / "bold", "bold", prompts=prompts),
        make_run(folder / "shy", "shy", prompts=prompts, refuses=refuses),
    ]
    return open_runs([run.path for run in runs], samples=2, least=2)


def test_a_group_per_category(tmp_path: Path) -> None:
    options = Options("drawbench", samples=2, limit=2)
    selection = select_prompts(compared(tmp_path, []), options)
    groups = group_prompts(selection, options)
    assert [(group.id, group.category, len(group.prompts)) for group in groups] == [
        ("colors", "Colors", 2),
        ("counting", "Counting", 2),
    ]
    assert [prompt.id for prompt in selection.spare] == ["counting-003"]


def test_a_refused_prompt_stops_the_study(tmp_path: Path) -> None:
    runs = compared(tmp_path, [("counting-002", 0), ("counting-003", 1)])
    with pytest.raises(
        UserError, match=r"shy refused to draw prompt counting-002 \(and models refused 1 more prompts\)"
    ):
        select_prompts(runs, Options("drawbench", samples=2))
    selection = select_prompts(runs, Options("drawbench", samples=2, leave_out_refused=True))
    assert [prompt.id for prompt in selection.shown] == ["colors-001", "colors-002", "counting-001"]
    assert selection.refused == ("counting-002", "counting-003")
    assert selection.spare == (), "a refused prompt is not used for gold trials either"


def test_refusals_outside_the_study_do_not_matter(tmp_path: Path) -> None:
    runs = compared(tmp_path, [("counting-003", 0), ("colors-001", 1)])
    selection = select_prompts(runs, Options("drawbench", samples=1, limit=2))
    assert len(selection.shown) == 4
    assert selection.refused == ()


def test_no_prompt_left(tmp_path: Path) -> None:
    runs = compared(tmp_path, [("colors-001", 0)], {"Colors": 1})
    with pytest.raises(UserError, match="no prompt is left"):
        select_prompts(runs, Options("drawbench", samples=2, leave_out_refused=True))


def test_practice_leaves_every_category_with_two_prompts(tmp_path: Path) -> None:
    runs, options = compared(tmp_path, [], {"Colors": 2, "Counting": 3, "Text": 4}), Options("drawbench", samples=2)
    selection = select_prompts(runs, options, practice=3)
    assert Counter(prompt.category for prompt in selection.shown) == {"Colors": 2, "Counting": 2, "Text": 2}
    assert Counter(prompt.category for prompt in selection.spare) == {"Counting": 1, "Text": 2}
    with pytest.raises(UserError, match="--training needs 4 prompts of the study for practice, and would leave a cat"):
        select_prompts(runs, options, practice=4)
    limited = select_prompts(runs, Options("drawbench", samples=2, limit=2), practice=3)
    assert Counter(prompt.category for prompt in limited.shown) == {"Colors": 2, "Counting": 2, "Text": 2}


def test_coco_draws_prompts_at_random_and_deals_them_into_batches(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "painter", prompts=prompt_set({"": 60}), samples=1)
    runs = open_runs([run.path], samples=1, least=1)
    options = Options("coco-alignment", limit=53, seed=3)
    selection = select_prompts(runs, options)
    ids = [prompt.id for prompt in selection.shown]
    assert len(set(ids)) == 53
    assert ids != sorted(ids)
    assert len(selection.spare) == 7
    groups = group_prompts(selection, options)
    assert [(group.id, len(group.prompts)) for group in groups] == [("batch-1", 27), ("batch-2", 26)]
    assert sorted(prompt.id for group in groups for prompt in group.prompts) == sorted(ids)
    assert {group.category for group in groups} == {""}
    assert select_prompts(runs, options) == selection
    assert select_prompts(runs, Options("coco-alignment", limit=53, seed=4)).shown != selection.shown
