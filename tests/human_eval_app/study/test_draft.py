"""Whole designs from runs: panels as in the paper, known trials from prompts that do least harm."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from drawbench.errors import UserError
from human_eval_app.study.assign import Known
from human_eval_app.study.design import ORIGINAL, Design, Exclusion, Trial
from human_eval_app.study.draft import Draft
from human_eval_app.study.given import GivenImages, GoldFile, read_given
from human_eval_app.study.options import Options
from human_eval_app.study.runs import ComparedRuns, open_runs
from human_eval_app.study.selection import select_prompts
from human_eval_app.study.sets import Sets
from tests.human_eval_app.runs import make_run, prompt_set

NONE_GIVEN = GoldFile((), GivenImages({}))


@pytest.fixture(scope="module")
def three_models(tmp_path_factory: pytest.TempPathFactory) -> ComparedRuns:
    """Three runs of 3 + 5 + 1 prompts."""
    folder = tmp_path_factory.mktemp("three")
    prompts = prompt_set({"Colors": 3, "Counting": 5, "Text": 1})
    return open_runs([make_run(folder / name, name, prompts=prompts).path for name in "abc"], samples=2, least=2)


@pytest.fixture(scope="module")
def captions(tmp_path_factory: pytest.TempPathFactory) -> ComparedRuns:
    """One run of 12 captions without categories."""
    folder = tmp_path_factory.mktemp("captions")
    return open_runs(
        [make_run(folder / "run", "painter", prompts=prompt_set({"": 12}), samples=1).path], samples=1, least=1
    )


def design(compared: ComparedRuns, options: Options, given: GoldFile = NONE_GIVEN, secret: bytes = bytes(32)) -> Design:
    """The design that `create` would make."""
    sets = Sets(secret, options.seed, options.images_per_side)
    practice = 0 if given.of_kind("training") else options.training or 0
    return Draft(compared, select_prompts(compared, options, practice), options, given, sets, size=32).design()


def of_kind(made: Design, kind: str) -> list[Trial]:
    """The trials of a kind in all panels."""
    return [trial for panel in made.panels for trial in panel.trials if trial.kind == kind]


def seen_prompts(made: Design, trial: Trial) -> set[str]:
    """The prompts whose caption or images a trial shows."""
    sides = [trial.left] if trial.right is None else [trial.left, trial.right]
    return {trial.prompt_id, *(made.sets[side].prompt_id for side in sides)}


def test_a_panel_per_category_and_pair(three_models: ComparedRuns) -> None:
    made = design(three_models, Options("drawbench", raters=3, samples=2))
    assert [(panel.category, panel.models) for panel in made.panels] == [
        (category, pair) for pair in (("a", "b"), ("a", "c"), ("b", "c")) for category in ("Colors", "Counting", "Text")
    ]
    assert len({seat.id for panel in made.panels for seat in panel.seats}) == 27
    assert of_kind(made, "gold") == of_kind(made, "mirror") == []
    assert made.training == ()
    assert all(made.sets[trial.left].altered == "" for trial in of_kind(made, "main"))
    assert len(made.captions) == 9
    assert made.prompt_set.n == 9


def test_ids_that_raters_may_meet_tell_no_model(three_models: ComparedRuns) -> None:
    made = design(three_models, Options("drawbench", raters=2, samples=2))
    assert {panel.id for panel in made.panels if panel.category == "Colors"} == {
        "colors-part-1",
        "colors-part-2",
        "colors-part-3",
    }
    two = ComparedRuns(three_models.labels[:2], three_models.runs[:2])
    assert [panel.id for panel in design(two, Options("drawbench", samples=2)).panels] == ["colors", "counting", "text"]


@pytest.mark.parametrize("seed", range(6))
def test_sides_are_balanced_over_the_panels_of_a_pair(three_models: ComparedRuns, seed: int) -> None:
    """3, 5 and 1 prompts with 3 raters: every panel has one side once more, and the sum over three no more than one."""
    made = design(three_models, Options("drawbench", raters=3, samples=2, seed=seed))
    surplus: Counter[tuple[str, ...]] = Counter()
    for panel in made.panels:
        for seat in panel.seats:
            for trial in made.trials_of_seat[seat.id]:
                surplus[panel.models] += 1 if made.sets[trial.left].model == panel.models[0] else -1
    assert len(surplus) == 3
    assert all(abs(value) == 1 for value in surplus.values())


def test_gold_trials_are_of_prompts_that_the_panel_does_not_judge(three_models: ComparedRuns) -> None:
    made = design(three_models, Options("drawbench", raters=3, samples=2, gold=2))
    for panel in made.panels:
        judged = {trial.prompt_id for trial in panel.trials if trial.kind == "main"}
        gold = [trial for trial in panel.trials if trial.kind == "gold"]
        assert len(gold) == 4, "two, either way round"
        for trial in gold:
            assert not seen_prompts(made, trial) & judged
            assert made.sets[trial.left].model in panel.models
            assert trial.expected


def test_prompts_outside_the_study_come_first(three_models: ComparedRuns) -> None:
    made = design(three_models, Options("drawbench", raters=3, samples=2, limit=1, gold=3, training=2))
    shown = {trial.prompt_id for trial in of_kind(made, "main")}
    known = [*of_kind(made, "gold"), *made.training]
    assert shown == {"colors-001", "counting-001", "text-001"}
    assert not any(seen_prompts(made, trial) & shown for trial in known)


def test_training_is_of_the_largest_category_and_of_no_judged_prompt_and_gold_avoids_it(
    three_models: ComparedRuns,
) -> None:
    made = design(three_models, Options("drawbench", raters=3, samples=2, gold=1, training=2))
    practised = set().union(*(seen_prompts(made, trial) for trial in made.training))
    assert all(prompt_id.startswith("counting") for prompt_id in practised)
    assert not practised & set().union(*(seen_prompts(made, trial) for trial in of_kind(made, "main")))
    assert len({trial.prompt_id for trial in of_kind(made, "main")}) == 3 + 3 + 1
    assert f"Practice shows prompts that nobody judges: {', '.join(sorted(practised))}." in made.departures
    assert {trial.kind for trial in made.training} == {"training"}
    assert sorted(next(iter(trial.expected.values())) for trial in made.training) == ["left", "right"]
    colors = [trial for panel in made.panels if panel.category == "Colors" for trial in panel.trials]
    assert not any(seen_prompts(made, trial) & practised for trial in colors if trial.kind == "gold")


@pytest.mark.parametrize("gold", [1, 2, 3])
def test_the_right_answers_of_control_trials_are_of_all_models_in_turn(three_models: ComparedRuns, gold: int) -> None:
    made = design(three_models, Options("drawbench", raters=2, samples=2, gold=gold))
    right = Counter(
        made.sets[trial.left].model
        for panel in made.panels
        for trial in panel.trials
        if trial.kind == "gold" and next(iter(trial.expected.values())) == "left"
    )
    assert set(right) == {"a", "b", "c"}
    assert max(right.values()) - min(right.values()) <= 2
    assert any("each model in turn" in sentence for sentence in made.departures)


def test_practice_does_not_always_show_the_first_model_as_right(three_models: ComparedRuns) -> None:
    made = [design(three_models, Options("drawbench", raters=2, samples=2, training=1, seed=seed)) for seed in range(8)]
    shown = {each.sets[trial.left].model for each in made for trial in each.training}
    assert shown == {"a", "b", "c"}


def test_equal_arguments_make_equal_designs(three_models: ComparedRuns) -> None:
    options = Options("drawbench", raters=4, samples=2, gold=2, mirrored=0, training=2, seed=5)
    made = design(three_models, options)
    assert design(three_models, options).sha256 == made.sha256
    other = design(three_models, options, secret=bytes(31) + b"1")
    assert other.panels == made.panels, "the secret names images and decides nothing else"
    assert not {token for each in made.sets.values() for token in each.images} & {
        token for each in other.sets.values() for token in each.images
    }
    assert design(three_models, Options("drawbench", raters=4, samples=2, seed=6)).panels != made.panels


def test_samples_are_shown_in_random_order(tmp_path: Path) -> None:
    prompts = prompt_set({"Colors": 6})
    runs = [make_run(tmp_path / name, name, prompts=prompts, samples=4).path for name in "ab"]
    sets = Sets(bytes(32), 0, 4)
    options = Options("drawbench", samples=4)
    compared = open_runs(runs, 4, 2)
    made = Draft(compared, select_prompts(compared, options), options, NONE_GIVEN, sets, size=32).design()
    index_of = {job.token: job.index for job in sets.jobs}
    orders = [tuple(index_of[token] for token in each.images) for each in made.sets.values()]
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    assert len(set(orders)) > 6, "of 12 sets and 24 orders"


def test_photorealism_puts_every_model_beside_the_photographs(captions: ComparedRuns) -> None:
    made = design(captions, Options("coco-photorealism", raters=4, limit=8, gold=4, mirrored=2))
    (panel,) = made.panels
    assert (panel.id, panel.category, panel.models) == ("batch-1", "", ("painter", ORIGINAL))
    assert len(of_kind(made, "main")) == 16
    assert all(made.sets[trial.left].model == ORIGINAL for trial in of_kind(made, "gold"))
    assert made.controls.minimum_gold_correct == 0.8
    assert [model.label for model in made.models] == ["painter", ORIGINAL]
    assert all(len(each.images) == 1 for each in made.sets.values())


def test_alignment_judges_model_and_original_apart(captions: ComparedRuns) -> None:
    made = design(captions, Options("coco-alignment", raters=4, limit=8, gold=4))
    assert [(panel.id, panel.models) for panel in made.panels] == [
        ("batch-1-part-1", ("painter",)),
        ("batch-1-part-2", (ORIGINAL,)),
    ]
    for panel in made.panels:
        main = [trial for trial in panel.trials if trial.kind == "main"]
        assert {made.sets[trial.left].model for trial in main} == set(panel.models)
        answers = Counter(trial.expected["caption"] for trial in panel.trials if trial.kind == "gold")
        assert answers == {"yes": 2, "no": 2}
    for trial in of_kind(made, "gold"):
        own = made.sets[trial.left].prompt_id == trial.prompt_id
        assert own == (trial.expected["caption"] == "yes")


def test_given_trials_take_the_place_of_made_ones(three_models: ComparedRuns, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    file = tmp_path / "gold.jsonl"
    pair = '"better": ["a.png", "a.png"], "worse": ["a.png", "a.png"]'
    file.write_text(
        f'{{"caption": "one", {pair}}}\n{{"caption": "two", {pair}}}\n'
        f'{{"caption": "three", {pair}, "kind": "training"}}\n'
    )
    given = read_given(file, "drawbench", 2)
    made = design(three_models, Options("drawbench", raters=2, samples=2, gold_file=file), given)
    assert made.controls.gold_per_seat == 2
    assert [made.captions[trial.prompt_id] for trial in made.training] == ["three"]
    assert {made.captions[trial.prompt_id] for trial in of_kind(made, "gold")} == {"one", "two"}
    assert {made.sets[trial.left].model for trial in of_kind(made, "gold")} == {"given"}
    assert of_kind(made, "gold")[0].expected == {"fidelity": "left", "alignment": "left"}
    fewer = design(three_models, Options("drawbench", raters=2, samples=2, gold_file=file, gold=1), given)
    assert {fewer.captions[trial.prompt_id] for trial in of_kind(fewer, "gold")} == {"one"}
    with pytest.raises(UserError, match="asks for 3 trials and --gold-file gives 2"):
        design(three_models, Options("drawbench", raters=2, samples=2, gold_file=file, gold=3), given)


def test_a_rule_about_gold_needs_gold(three_models: ComparedRuns) -> None:
    rule = (Exclusion(rule="gold", threshold=0.8),)
    with pytest.raises(UserError, match="--exclude gold needs control trials"):
        design(three_models, Options("drawbench", samples=2, exclusions=rule))


def test_simulated_raters_are_named_as_such(three_models: ComparedRuns) -> None:
    made = design(three_models, Options("drawbench", samples=2, simulated=True))
    assert made.raters == "simulated"
    assert made.departures[0] == "The raters are simulated, not people."


def test_a_known_single_trial_is_the_same_either_way() -> None:
    known = Known("p", "image", None, ("caption",), frozenset("p"), "somewhat")
    assert known.trial("gold", True) == known.trial("gold", False)
