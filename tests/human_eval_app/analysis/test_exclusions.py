"""Whom the rules of a design leave out."""

from collections.abc import Mapping
from typing import Any

import pytest

from human_eval_app.analysis.exclusions import exclude, left_out_by
from human_eval_app.analysis.votes import check_votes
from human_eval_app.study.design import Exclusion
from tests.human_eval_app.analysis.made_up import rows_with
from tests.human_eval_app.designs import make_design

DESIGN = make_design(categories={"Only": 10}, raters=4, gold=2)


def _answer(row: Mapping[str, Any]) -> str:
    """Seat 1: always left. Seat 2: control trials wrong. Seats 3, 4: careful."""
    if row["seat"].endswith("1"):
        return "left"
    if row["expected"]:
        wrong = "left" if row["expected"] == "right" else "right"
        return wrong if row["seat"].endswith("2") else str(row["expected"])
    return ("left", "right", "indifferent")[row["position"] % 3]


def _table(slow: tuple[str, ...] = ("1", "2", "3", "4")) -> Any:
    rows = rows_with(DESIGN, _answer)
    timed = [{**row, "dwell_ms": 5000 if row["seat"][-1] in slow else 900} for row in rows]
    return check_votes(timed, DESIGN).table


def _seats(table: Any, raters: frozenset[str]) -> set[str]:
    return {seat[-1] for seat, rater in zip(table["seat"], table["rater"], strict=True) if rater in raters}


@pytest.mark.parametrize(
    ("rule", "threshold", "out"),
    [
        ("gold", 0.5, {"2"}),
        ("gold", 0.51, {"1", "2"}),  # always left is right in one of two
        ("gold", 0.0, set()),
        ("too_fast", 1000, {"3"}),
        ("too_fast", 900, set()),
        ("straight_lining", 0.9, {"1"}),
        ("straight_lining", 1.0, set()),
    ],
)
def test_each_rule_leaves_out_its_raters(rule: Any, threshold: float, out: set[str]) -> None:
    table = _table(slow=("1", "2", "4"))
    assert _seats(table, left_out_by(Exclusion(rule=rule, threshold=threshold), table)) == out


def test_without_control_trials_the_gold_rule_leaves_nobody_out() -> None:
    design = make_design(raters=2)
    table = check_votes(rows_with(design, lambda row: "left"), design).table
    assert left_out_by(Exclusion(rule="gold", threshold=1.0), table) == frozenset()


def test_a_rater_left_out_twice_is_counted_by_both_rules_and_removed_once() -> None:
    table = _table(slow=("2", "3", "4"))
    rules = (Exclusion(rule="straight_lining", threshold=0.9), Exclusion(rule="too_fast", threshold=1000))
    kept, counts = exclude(rules, table)
    assert [each.raters for each in counts] == [1, 1]
    assert {seat[-1] for seat in kept["seat"]} == {"2", "3", "4"}
    assert len(kept) == len(table) * 3 / 4
