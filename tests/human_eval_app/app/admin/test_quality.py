"""How good the votes are: by hand, and as the analysis has it; and nothing about which model is ahead."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from human_eval_app.analysis.analyse import analyse
from human_eval_app.analysis.exclusions import left_out_by
from human_eval_app.analysis.votes import check_votes, rows_of
from human_eval_app.app.admin.quality import quality
from human_eval_app.simulate import Truth, simulate_votes
from human_eval_app.store.records import VoteRow
from human_eval_app.study.design import Exclusion
from tests.human_eval_app.designs import make_design

RULES = (
    Exclusion(rule="gold", threshold=0.75),
    Exclusion(rule="too_fast", threshold=1500),
    Exclusion(rule="straight_lining", threshold=0.9),
)
DESIGN = make_design(
    categories={"Colors": 6, "Counting": 5}, raters=6, gold=2, mirrored=2, exclusions=RULES, simulated=True
)


@pytest.fixture(scope="module")
def votes() -> list[VoteRow]:
    """A study with careless raters, and three of a kind each, by hand."""
    rows = simulate_votes(DESIGN, Truth(careless=0.2), seed=3)
    changes: Mapping[int, dict[str, Any]] = {1: {"answer": "left"}, 2: {"dwell_ms": 700}}
    return [replace(row, **changes.get(row.rater, {})) for row in rows]


def test_the_checks_are_those_of_the_analysis(votes: list[VoteRow]) -> None:
    found = quality(DESIGN, votes, closed=False)
    version = analyse(DESIGN, check_votes(rows_of(votes), DESIGN)).versions[0]
    assert found.checks == version.checks
    assert found.agreement == version.agreement
    assert (found.sittings, found.problem) == (12, "")


def test_conspicuous_raters_are_those_whom_the_rules_leave_out(votes: list[VoteRow]) -> None:
    found = quality(DESIGN, votes, closed=False).conduct
    table = check_votes(rows_of(votes), DESIGN).table
    for rule in RULES:
        assert {str(each.rater) for each in found if rule.rule in each.rules} == left_out_by(rule, table)
    rules = {each.rater: each.rules for each in found}
    assert "straight_lining" in rules[1]
    assert "too_fast" in rules[2]


def test_a_raters_habits_are_counted_over_what_stands(votes: list[VoteRow]) -> None:
    own = [row for row in votes if row.rater == 2]
    taken_back = [replace(row, superseded=True, answer="indifferent", dwell_ms=99_999) for row in own]
    practice = [replace(row, part="training", answer="indifferent", dwell_ms=1) for row in own]
    (found,) = quality(DESIGN, [*taken_back, *practice, *own], closed=False).conduct
    answers = [row.answer for row in own]
    assert found.screens == len(own) // len(DESIGN.questions)
    assert found.commonest is not None
    assert found.commonest_share == max(answers.count(answer) for answer in set(answers)) / len(answers)
    assert answers.count(found.commonest) == found.commonest_share * len(answers)
    assert found.dwell_ms == 700
    known = [row for row in own if row.kind == "gold" and row.expected]
    assert found.gold == sum(row.answer == row.expected for row in known) / len(known)


def test_sittings_that_go_on_are_in_the_conduct_and_not_in_the_checks(votes: list[VoteRow]) -> None:
    going = [replace(row, sitting_state="active") for row in votes if row.rater == 1 and row.position < 3]
    found = quality(DESIGN, going, closed=False)
    assert found.checks is None
    assert "no complete sitting" in found.problem
    assert [(each.rater, each.state, each.screens, each.commonest_share) for each in found.conduct] == [
        (1, "active", 3, 1.0)
    ]
    assert quality(DESIGN, [], closed=False).conduct == ()


def test_without_control_trials_no_share_is_made_up() -> None:
    plain = make_design(simulated=True)
    found = quality(plain, simulate_votes(plain, Truth(), seed=0), closed=False)
    assert {each.gold for each in found.conduct} == {None}
    assert {each.rules for each in found.conduct} == {()}


def test_nothing_tells_which_model_is_ahead(votes: list[VoteRow]) -> None:
    """With the models' names exchanged everywhere, every figure is the same."""
    first, second = (model.label for model in DESIGN.models)
    other = {first: second, second: first}
    exchanged = make_design(
        categories={"Colors": 6, "Counting": 5},
        models=(second, first),
        raters=6,
        gold=2,
        mirrored=2,
        exclusions=RULES,
        simulated=True,
    )
    swapped = [
        replace(
            row,
            design_sha256=exchanged.sha256,
            left_model=other[row.left_model],
            right_model=other[row.right_model],
        )
        for row in votes
    ]
    said = quality(DESIGN, votes, closed=False).model_dump_json()
    assert quality(exchanged, swapped, closed=False).model_dump_json() == said
    assert first not in said
    assert second not in said


def test_where_all_answers_are_about_one_model_the_commonest_is_told_after_the_end_only() -> None:
    design = make_design("coco-alignment", raters=3, exclusions=RULES[2:], simulated=True)
    praised = [
        replace(row, answer="yes" if row.left_model == design.models[0].label else "no")
        for row in simulate_votes(design, Truth(), seed=0)
    ]
    open_, closed = (quality(design, praised, closed=closed).conduct for closed in (False, True))
    assert {(each.commonest, each.commonest_share) for each in open_} == {(None, None)}
    assert {each.commonest for each in closed} == {"yes", "no"}
    assert [each.rules for each in open_] == [each.rules for each in closed] == [("straight_lining",)] * len(closed)
