"""Human studies as result files: the same numbers, comparable only with studies that asked the same."""

from pathlib import Path

import pytest

from drawbench.results.comparable import comparison_key
from drawbench.results.files import read_result, write_result
from drawbench.results.scores import OVERALL
from drawbench.tables.loading import load_results
from human_eval_app.analysis.analyse import analyse
from human_eval_app.analysis.report.sheets import marks
from human_eval_app.analysis.report.study_results import human_protocol, study_results
from human_eval_app.analysis.votes import check_votes
from human_eval_app.study.design import Controls, Design, Exclusion, Stopping
from tests.human_eval_app.analysis.made_up import answered, anything, preferring, rows_with, simulated
from tests.human_eval_app.designs import make_design

DESIGN = make_design(raters=3)


def test_a_pair_of_models_is_a_result_with_all_its_rows(tmp_path: Path) -> None:
    analysis = analyse(DESIGN, answered(DESIGN, anything(0)))
    (result,) = study_results(DESIGN, analysis)
    assert (result.kind, result.complete, result.against) == ("measured", True, "model two")
    assert result.model == DESIGN.models[0].card
    rows = analysis.versions[0].comparisons[0].rows
    assert len(result.human) == len(rows)
    for each, row in zip(result.human, rows, strict=True):
        assert (each.question, each.scope, each.average) == (row.question, row.scope, row.average)
        assert (each.a, each.b, each.net, each.interval) == (row.a.value, row.b.value, row.net.value, row.a.interval)
        assert (each.votes, each.raters, each.prompts) == (row.votes, row.raters, row.prompts)
    assert result.study is not None
    assert result.study.design_sha256 == DESIGN.sha256
    assert read_result(write_result(result, tmp_path)) == result


def test_exclusions_do_not_change_what_the_leaderboard_gets() -> None:
    strict = make_design(raters=3, exclusions=(Exclusion(rule="too_fast", threshold=1e9),))
    votes = answered(strict, anything(0))
    (result,) = study_results(strict, analyse(strict, votes))
    assert result.human[0].votes == 15


def test_simulated_raters_and_empty_seats_are_told() -> None:
    (result,) = study_results(DESIGN, analyse(DESIGN, simulated(DESIGN)))
    assert result.kind == "simulated"
    rows = [row for row in rows_with(DESIGN, anything(0)) if row["seat"] != "colors-001"]
    (result,) = study_results(DESIGN, analyse(DESIGN, check_votes(rows, DESIGN)))
    assert result.study is not None
    assert (result.complete, result.study.seats_complete, result.study.seats) == (False, 5, 6)


def test_a_result_carries_the_stopping_rule_and_what_it_decided() -> None:
    design = make_design(raters=12).model_copy(update={"stopping": Stopping(at_decision="close", pause_minutes=90)})
    all_for_one = preferring(lambda row: "a" if row["question"] == "fidelity" else "b")
    rows = [row for row in rows_with(design, all_for_one) if int(row["seat"][-3:]) <= 10]
    analysis = analyse(design, check_votes(rows, design))
    (result,) = study_results(design, analysis)
    assert result.study is not None
    for words in ("closes itself", "90 minutes", "5% of studies", "fidelity: model one preferred after 10 raters"):
        assert words in result.study.stopping
    assert "alignment: model two preferred after 10 raters" in result.study.stopping
    assert (result.complete, result.study.seats_complete) == (True, 20)  # complete as its design has it
    assert "DECIDED WITH 20 of 24 seats" in marks(analysis)
    (undecided,) = study_results(
        design, analyse(design, check_votes([row for row in rows if int(row["seat"][-3:]) <= 2], design))
    )
    assert undecided.study is not None
    assert "undecided after" in undecided.study.stopping
    assert not undecided.complete
    (other,) = study_results(DESIGN, analyse(DESIGN, answered(DESIGN, anything(0))))
    assert other.study is not None
    assert other.study.stopping == ""


def test_three_models_are_three_results_with_names_of_their_own(tmp_path: Path) -> None:
    design = make_design(models=("x", "y", "z"), raters=2)
    results = study_results(design, analyse(design, answered(design, anything(0))))
    paths = [write_result(result, tmp_path) for result in results]
    assert [path.name for path in paths] == [
        "x--made-up-against-y--human-drawbench.json",
        "x--made-up-against-z--human-drawbench.json",
        "y--made-up-against-z--human-drawbench.json",
    ]
    assert sorted(result.against for result in load_results([tmp_path])) == ["y", "z", "z"]


def test_a_second_study_of_the_same_models_is_a_result_of_its_own(tmp_path: Path) -> None:
    paths = []
    for seed in (0, 1):
        design = make_design(raters=2, seed=seed)
        (result,) = study_results(design, analyse(design, answered(design, anything(seed))))
        paths += [write_result(result, tmp_path), write_result(result, tmp_path)]
    assert len(set(paths)) == 2


def test_against_photographs_the_model_is_a_and_the_photographs_are_named() -> None:
    design = make_design("coco-photorealism", models=("x",), raters=2)
    (result,) = study_results(design, analyse(design, answered(design, lambda row: "left")))
    assert (result.model.name, result.against) == ("x", "original photographs")


def test_caption_scores_are_scores_of_the_model_and_of_the_photographs() -> None:
    design = make_design("coco-alignment", models=("x",), raters=3)
    captions = {**design.captions, "colors-001": "a woman"}
    design = design.model_copy(update={"captions": captions})
    analysis = analyse(design, answered(design, lambda row: "somewhat" if row["left_model"] == "x" else "yes"))
    model, photographs = study_results(design, analysis)
    score, without = model.score("caption_alignment", OVERALL), model.score("caption_alignment_no_people", OVERALL)
    assert score is not None
    assert without is not None
    assert (score.value, score.n, without.n) == (50, 15, 12)
    assert "15 votes by 6 raters on 5 captions" in score.note
    assert photographs.model.adapter == "photographs"
    assert photographs.run is None
    assert comparison_key(model) == comparison_key(photographs)


def _of_other_prompts(design: Design) -> Design:
    """The same study with one of its prompts exchanged for another one of the set."""
    asked = design.panels[0].trials[0].prompt_id
    panels = tuple(
        panel.model_copy(
            update={
                "trials": tuple(
                    trial.model_copy(update={"prompt_id": "another"}) if trial.prompt_id == asked else trial
                    for trial in panel.trials
                )
            }
        )
        for panel in design.panels
    )
    return design.model_copy(update={"panels": panels})


@pytest.mark.parametrize(
    "other",
    [
        _of_other_prompts(DESIGN),
        make_design("coco-photorealism", raters=3),
        DESIGN.model_copy(update={"instructions_version": "2"}),
        DESIGN.model_copy(update={"departures": ("Another one.",)}),
        DESIGN.model_copy(update={"controls": Controls(gold_per_seat=1)}),
        DESIGN.model_copy(update={"encoder": "jpeg"}),
    ],
)
def test_studies_that_asked_otherwise_do_not_compare(other: Design) -> None:
    assert human_protocol(other).fingerprint != human_protocol(DESIGN).fingerprint


def test_other_models_seeds_and_names_do_compare() -> None:
    other = make_design(models=("model one", "z"), raters=3, seed=5, name="another study")
    assert human_protocol(other) == human_protocol(DESIGN)
