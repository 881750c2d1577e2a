"""`drawbench study create` as its users call it."""

import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from drawbench.cli.main import main, parse
from human_eval_app.cli.create import HEAVY, facts_text
from human_eval_app.study.create import create_study
from human_eval_app.study.design import Stopping, read_design
from human_eval_app.study.options import Options
from tests.human_eval_app.runs import make_run


def create(runs: list[Path], out: Path, *options: str) -> int:
    """The command's exit code."""
    return main(["study", "create", *map(str, runs), "--type", "drawbench", "--out", str(out), *options])


def test_a_study_is_made_and_told(small_runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "study"
    assert create(small_runs, out, "--samples", "2", "--raters", "4", "--exclude", "too_fast=1500") == 0
    shown = capsys.readouterr()
    design = read_design(out)
    assert design.sha256[:12] in shown.out
    assert "2 panels, 8 raters" in shown.out
    assert "- Every trial is judged by 4 raters, not 25." in shown.out
    assert "power at 55/45" in shown.out
    assert "re-encoding: 20 of 20 images" in shown.err
    assert design.exclusions[0].threshold == 1500


def test_a_heavy_screen_is_pointed_out(small_runs: list[Path], tmp_path: Path) -> None:
    created = create_study(small_runs, tmp_path / "study", Options("drawbench", samples=2))
    assert HEAVY not in facts_text(created)
    assert HEAVY in facts_text(replace(created, image_bytes=10**9))


def test_the_next_command_is_one_that_is_taken(small_runs: list[Path], tmp_path: Path) -> None:
    created = create_study(small_runs, tmp_path / "my study", Options("drawbench", samples=1, limit=1))
    words = shlex.split(facts_text(created).rpartition(", then ")[2])
    assert words == ["drawbench", "study", "serve", str(tmp_path / "my study")]
    assert parse(words[1:]) is not None


def test_json_tells_the_same(small_runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--samples", "1", "--limit", "1", "--simulated", "--name", "tiny", "--json")
    assert create(small_runs, tmp_path / "study", *options) == 0
    facts = json.loads(capsys.readouterr().out)
    design = read_design(tmp_path / "study")
    assert facts["design_sha256"] == design.sha256
    assert (facts["raters"], design.name, facts["seats"], facts["images"]) == ("simulated", "tiny", 50, 4)
    assert facts["departures"] == list(design.departures)
    assert facts["power"][0]["scope"] == "overall"
    assert facts["power"][0]["power at 0.05"] is None, "one prompt a category tells nothing"


def test_all_options_reach_the_design(small_runs: list[Path], tmp_path: Path) -> None:
    options = "--samples 2 --raters 3 --seed 4 --gold 2 --minimum-gold-correct 0.5 --mirrored 1 --training 1"
    assert create(small_runs, tmp_path / "study", *options.split(), "--encoder", "webp-90", "--size", "40") == 0
    design = read_design(tmp_path / "study")
    assert (design.seed, design.encoder, design.image_size, len(design.training)) == (4, "webp-90", 40, 1)
    assert design.controls.model_dump() == {
        "gold_per_seat": 2,
        "mirrored_per_seat": 1,
        "minimum_gold_correct": 0.5,
    }


def test_a_stopping_rule_is_in_the_design_among_its_departures_and_told_with_the_raters_it_saves(
    small_runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    assert create(small_runs, study, "--samples", "2", "--stop", "close", "--pause-minutes", "45") == 0
    design, shown = read_design(study), capsys.readouterr().out
    assert design.stopping == Stopping(at_decision="close", pause_minutes=45)
    (departure,) = [each for each in design.departures if "decided" in each]
    assert "2 comparisons" in departure
    assert "more than 45 minutes" in departure
    for words in (departure, "true preference", "| 70/30 ", "| 50 "):
        assert words in shown
        assert words in (study / "README.md").read_text()
    assert create(small_runs, tmp_path / "again", "--samples", "2", "--stop", "advise", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["until_decided"]
    assert [row["preference"] for row in rows] == [0.55, 0.6, 0.7]
    assert rows[2]["raters"] < rows[1]["raters"] < rows[0]["raters"] <= rows[0]["seats"] == 50


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--samples", "2", "--stop", "close", "--pause-minutes", "0"], "--pause-minutes 0 is too short"),
        (["--samples", "9"], "9 are shown"),
        (["--samples", "2", "--encoder", "png"], "--encoder png is unknown"),
        (["--samples", "2", "--exclude", "nonsense"], "--exclude nonsense is no rule"),
        (["--samples", "2", "--gold-file", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
    ],
)
def test_mistakes_are_one_sentence(
    small_runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert create(small_runs, tmp_path / "study", *options) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_refused_prompt_is_left_out_when_told_so(
    small_runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shy = make_run(tmp_path / "shy", "shy", refuses=[("counting-002", 1)]).path
    runs = [small_runs[0], shy]
    assert create(runs, tmp_path / "study", "--samples", "2") == 2
    assert "shy refused to draw prompt counting-002" in capsys.readouterr().err
    assert create(runs, tmp_path / "study", "--samples", "2", "--leave-out-refused") == 0
    assert "1 prompt is left out because a model refused to draw it: counting-002." in capsys.readouterr().out


def test_an_interrupt_is_told(
    small_runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("human_eval_app.study.create.create_study", interrupted)
    assert create(small_runs, tmp_path / "study") == 130
    assert "was not made: the same command makes it" in capsys.readouterr().err


def test_help_names_the_papers_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["study", "create", "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert "25 raters per category" in shown
    assert "--gold-file FILE" in shown


def test_making_a_study_loads_nothing_heavy() -> None:
    heavy = "torch, pandas, streamlit, sqlalchemy, scipy, matplotlib"
    program = f"import sys, human_eval_app.study.create; print([n for n in '{heavy}'.split(', ') if n in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_models_are_called_as_one_likes(small_runs: list[Path], tmp_path: Path) -> None:
    one = small_runs[0]
    out = tmp_path / "study"
    assert create(small_runs, out, "--samples", "1", "--name", f"{one}=Ours = new", "--name", "a study") == 0
    design = read_design(out)
    assert design.name == "a study"
    assert [model.label for model in design.models] == ["Ours = new", "model two"]
    assert [model.card.name for model in design.models if model.card] == ["Ours = new", "model two"]
    assert {images.model for images in design.sets.values()} == {"Ours = new", "model two"}
    plain = create_study(small_runs, tmp_path / "plain", Options("drawbench", samples=1)).design
    assert [model.plan_sha256 for model in design.models] == [model.plan_sha256 for model in plain.models]


@pytest.mark.parametrize(
    "names", [["x=y"], ["one", "two"], ["{one}="], ["{one}=model two"], ["{one}=original"], ["{one}=a", "{one}=b"]]
)
def test_names_that_name_nothing_or_not_one_thing_are_refused(
    small_runs: list[Path], tmp_path: Path, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = [word for name in names for word in ("--name", name.format(one=small_runs[0]))]
    assert create(small_runs, tmp_path / "study", "--samples", "1", *options) == 2
    assert "name" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()
