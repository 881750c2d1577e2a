"""The whole analysis: which numbers each type of study gets, both versions, and how far the study is."""

import pytest

from human_eval_app.analysis.analyse import analyse
from human_eval_app.analysis.records import Analysis
from human_eval_app.analysis.votes import check_votes
from human_eval_app.simulate import Truth
from human_eval_app.study.design import Exclusion
from tests.human_eval_app.analysis.made_up import answered, rows_with, simulated
from tests.human_eval_app.designs import make_design


@pytest.mark.parametrize(
    ("study_type", "models", "parts"),
    [
        ("drawbench", ("x", "y"), {"comparisons", "agreement"}),
        ("drawbench", ("x", "y", "z"), {"comparisons", "strengths", "agreement"}),
        ("coco-photorealism", ("x",), {"comparisons", "agreement"}),
        ("coco-photorealism", ("x", "y"), {"comparisons", "agreement", "strengths"}),
        ("coco-alignment", ("x",), {"captions", "agreement"}),
    ],
)
def test_each_type_of_study_gets_its_numbers(study_type: str, models: tuple[str, ...], parts: set[str]) -> None:
    design = make_design(study_type, raters=3, models=models)  # type: ignore[arg-type]
    (version,) = analyse(design, simulated(design)).versions
    assert {part for part in ("comparisons", "captions", "strengths", "agreement") if getattr(version, part)} == parts
    assert version.checks is not None


def test_without_rules_there_is_one_version_and_with_rules_there_are_two() -> None:
    rule = Exclusion(rule="straight_lining", threshold=0.95)
    design = make_design(raters=4, exclusions=(rule,))
    lining = answered(
        design, lambda row: "left" if row["seat"].endswith("1") else ("left", "right")[row["position"] % 2]
    )
    everybody, kept = analyse(design, lining).versions
    assert (everybody.name, kept.name) == ("all", "after exclusions")
    assert (everybody.raters, kept.raters) == (8, 6)
    assert (everybody.answers, kept.answers) == (40, 30)
    assert [each.raters for each in kept.excluded] == [2]
    assert everybody.excluded == ()


def test_rules_that_leave_nobody_are_said() -> None:
    design = make_design(raters=2, exclusions=(Exclusion(rule="too_fast", threshold=1e9),))
    _, kept = analyse(design, simulated(design)).versions
    assert kept.problem
    assert kept.comparisons == ()


def test_control_trials_and_repeats_are_in_no_rate() -> None:
    plain, controlled = (make_design(raters=3, gold=2 * extra, mirrored=extra) for extra in (0, 1))
    for design in (plain, controlled):
        (version,) = analyse(design, simulated(design)).versions
        assert version.answers == 2 * 3 * 5
        assert version.comparisons[0].rows[0].votes == 15


def test_progress_counts_seats_and_sittings() -> None:
    design = make_design(raters=3)
    rows = [row for row in rows_with(design, lambda row: "left") if row["seat"] != "counting-003"]
    left = [{**row, "sitting": "50", "rater": "50", "sitting_state": "withdrawn"} for row in rows[:2]]
    progress = analyse(design, check_votes([*rows, *left], design)).progress
    assert (progress.complete, progress.seats) == (5, 6)
    assert progress.panels == {"colors": (3, 3), "counting": (2, 3)}
    assert progress.sittings == {"complete": 5, "withdrawn": 1}


def test_an_analysis_survives_its_file_and_names_its_design() -> None:
    design = make_design(raters=2)
    analysis = analyse(design, simulated(design, Truth()))
    assert analysis.design_sha256 == design.sha256
    assert analysis.simulated
    assert analysis.departures == design.departures
    assert Analysis.model_validate_json(analysis.model_dump_json()) == analysis


def test_one_rater_gives_rates_without_intervals() -> None:
    design = make_design(raters=1)
    (version,) = analyse(design, simulated(design)).versions
    row = version.comparisons[0].rows[0]
    assert row.a.interval == row.net.interval == "not available"
    assert row.p is None
    assert 0 <= row.a.value <= 1
