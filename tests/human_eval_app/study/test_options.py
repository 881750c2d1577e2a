"""Options of a study: the paper's protocol by default, and every contradiction named."""

from pathlib import Path
from typing import Any

import pytest

from drawbench.cli.main import main
from drawbench.errors import UserError
from human_eval_app.study.design import Exclusion, Stopping
from human_eval_app.study.options import Options, parse_exclusions, parse_names


def test_the_papers_protocol_is_the_default() -> None:
    assert (Options("drawbench").raters_per_trial, Options("drawbench").images_per_side) == (25, 8)
    assert (Options("coco-photorealism").raters_per_trial, Options("coco-alignment").raters_per_trial) == (73, 51)
    assert Options("coco-alignment").images_per_side == 1
    assert Options("drawbench").required_gold_share(4) is None
    assert Options("coco-alignment").required_gold_share(10) == 0.8
    assert Options("coco-alignment").required_gold_share(0) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"raters": 0}, "--raters 0"),
        ({"samples": 0}, "--samples 0"),
        ({"limit": 0}, "--limit 0"),
        ({"gold": -1}, "--gold -1"),
        ({"mirrored": -1}, "--mirrored -1"),
        ({"training": -1}, "--training -1"),
        ({"size": 8}, "--size 8"),
        ({"minimum_gold_correct": 1.5, "gold": 2}, "is no share"),
        ({"minimum_gold_correct": 0.0, "gold": 2}, "is no share"),
        ({"minimum_gold_correct": float("nan"), "gold": 2}, "is no share"),
        ({"minimum_gold_correct": 0.8}, "needs control trials"),
        ({"type": "coco-alignment", "minimum_gold_correct": 0.8, "gold": 0}, "needs control trials"),
        ({"type": "coco-photorealism", "samples": 2}, "shows one image on a side"),
        ({"type": "coco-alignment", "mirrored": 1}, "has one image"),
        ({"type": "coco-alignment", "stopping": Stopping(at_decision="close", pause_minutes=60)}, "has no pairs"),
        ({"references": Path("photographs")}, "shows no photographs"),
    ],
)
def test_contradictions_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Options(**{"type": "drawbench", **options})


def test_exclusions_are_rules_with_thresholds() -> None:
    assert parse_exclusions(["gold=0.8", "too_fast=1500", "straight_lining=1"]) == (
        Exclusion(rule="gold", threshold=0.8),
        Exclusion(rule="too_fast", threshold=1500),
        Exclusion(rule="straight_lining", threshold=1),
    )


@pytest.mark.parametrize(
    "text",
    ["gold", "gold=", "gold=x", "gold=2", "gold=0", "too_fast=-1", "too_fast=inf", "gold=nan", "slow=3", "=0.5"],
)
def test_other_rules_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no rule"):
        parse_exclusions([text])


def test_a_rule_is_given_once() -> None:
    with pytest.raises(UserError, match="given twice"):
        parse_exclusions(["gold=0.8", "gold=0.9"])


def test_a_run_is_named_with_a_slash_at_its_end_too() -> None:
    runs = [Path("runs/a"), Path("runs/b")]
    assert parse_names(["runs/a/=Ours", "runs/b=Theirs"], runs) == ("", {runs[0]: "Ours", runs[1]: "Theirs"})


def test_a_pause_without_a_stop_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "create", "a", "b", "--type", "drawbench", "--out", "c", "--pause-minutes", "5"]) == 2
    assert "give --stop as well" in capsys.readouterr().err
