"""What people look for: help, lists, a file of options, one place for all caches."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drawbench.cli import sweep
from drawbench.cli.config import with_config
from drawbench.cli.main import COMMANDS, main, parse
from drawbench.scoring.own import FORMS
from drawbench.scoring.protocols import OF_THIS_MACHINE, PROTOCOLS
from metrics.features.weights import weights_folders
from metrics.images.folders import cache_folder

GOLDEN = Path(__file__).parents[2] / "golden" / "data"


@pytest.mark.parametrize("name", ["run", "study"])
def test_help_of_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["help", name])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: drawbench {name}")


def test_help_alone_is_the_overview_and_describes_study(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["help"])
    lines = capsys.readouterr().out.splitlines()
    assert any("study" in line and "human evaluation" in line for line in lines)
    assert all(any(line.split()[:1] == [name] for line in lines) for name in COMMANDS)


@pytest.mark.parametrize(
    ("word", "meant"), [("leaderbord", "leaderboard"), ("prompt", "prompts"), ("stuby", "study"), ("hlep", "help")]
)
def test_a_mistyped_command_is_guessed(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 2
    assert f"did you mean {meant}" in capsys.readouterr().err


def test_protocols_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [*PROTOCOLS, *OF_THIS_MACHINE, *FORMS]
    assert main(["protocols", "list", "--json"]) == 0
    listed = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert listed["imagen"]["size"] == 256
    assert "CLIP score" in listed["bundled"]["metrics"]


def test_runs_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(GOLDEN / "runs", tmp_path / "runs")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "manifest.json").write_text("{")
    assert main(["runs", "list", str(tmp_path / "runs"), "--json"]) == 0
    listed = {Path(each["run"]).name: each for each in json.loads(capsys.readouterr().out)}
    assert listed["python"]["scores"] == ["bundled"]
    assert listed["refusing"]["refused"] == 1
    assert listed["broken"]["state"].startswith("unreadable: ")
    assert main(["runs", "list", str(tmp_path / "runs")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert main(["runs", "list", str(tmp_path / "nothing")]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("score runs/x --protcol imagen", "drawbench score has no option --protcol: did you mean --protocol?"),
        ("run --modle=world", "drawbench run has no option --modle: did you mean --model?"),
        ("prompts show open --jsno", "drawbench prompts show has no option --jsno: did you mean --json?"),
        ("study create --nmae x", "drawbench study create has no option --nmae: did you mean --name?"),
        ("runs list --zzz", "drawbench runs list has no option --zzz: `drawbench runs list --help` lists them."),
    ],
)
def test_a_mistyped_option_is_guessed(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_beginning_of_an_option_and_what_follows_two_dashes_are_taken() -> None:
    assert parse(["score", "x", "--proto", "imagen"])[1].protocol == "imagen"
    assert parse(["score", "--", "--runs"])[1].runs == [Path("--runs")]


def test_a_file_holds_options_and_what_is_typed_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    options = 'model = "python:m:make"\nsamples = 2\njson = true\nwith = ["a", "b"]\n'
    file.write_text(options + "[set]\nsteps = 3\nhue = 1.5\n")
    parser = argparse.ArgumentParser()
    sweep.configure(parser)
    words = with_config(["--samples", "4", "--config", str(file), "--set", "steps=9"], parser)[0]
    assert words[:2] == ["--model=python:m:make", "--json"]
    assert words[2:6] == ["--with=a", "--with=b", "--set", "hue=1.5"]
    assert words[6:] == ["--samples", "4", "--set", "steps=9"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = 1\nmodel = = 2", "run.toml is no TOML file (Invalid value (at line 2, column 9))"),
        ("seed = 1\nsampels = 2", "run.toml, line 2: sampels is no option of this command; did you mean samples?"),
        ("\nxyz = 2", "run.toml, line 2: xyz is no option of this command; `--help` lists"),
        ("seed = 1\n[sets]\nsteps = 2", "run.toml, line 2: sets is no option of this command; did you mean set?"),
        ("[model]\na = 2", "run.toml, line 1: [model] is a table, and only [set] may be one"),
        ("config = 'run.toml'", "run.toml, line 1: a file names no other file: give --config twice instead"),
        ("confg = 'run.toml'", "run.toml, line 1: confg is no option of this command; `--help` lists"),
        (
            "# samples = 1\nsamples = 'two'",
            "run.toml, line 2: samples = two is not a whole number, which --samples takes",
        ),
        ("samples = 1.5", "run.toml, line 1: samples = 1.5 is not a whole number"),
        ("samples = true", "run.toml, line 1: samples = true is not a whole number, which --samples takes"),
        ("prompts = true", "run.toml, line 1: prompts = true is not a text in quotes, which --prompts takes"),
        ("json = 'yes'", "run.toml, line 1: json = yes is not true or false, which --json takes"),
        ("samples = [1, 2]", "run.toml, line 1: samples is a list, and --samples takes one value"),
        ("samples = 0", "(--samples is set in run.toml, line 1)"),
        ("seed = 1\nprompts = 'nobodys.csv'", "(--prompts is set in run.toml, line 2)"),
        ("[set]\nshade = 3", "(shade is set in run.toml, line 2)"),
        ("set.shade = 3", "(shade is set in run.toml)"),
    ],
)
def test_what_is_wrong_in_a_file_of_options_is_named_with_its_line(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOLDEN / "pictures", "pictures")
    shutil.copy(GOLDEN / "prompts.csv", "prompts.csv")
    Path("run.toml").write_text(text)
    words = [] if "prompts" in text else ["--prompts", "prompts.csv"]
    assert main(["generate", "--config", "run.toml", "--model", "folder:pictures", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not Path("runs").exists()


def test_a_file_of_options_that_is_not_there_and_a_command_without_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "--config", str(tmp_path / "no.toml")]) == 2
    assert "no.toml cannot be read" in capsys.readouterr().err
    assert main(["report", "--config", str(tmp_path / "no.toml"), "x", "--out", "y"]) == 2
    assert "drawbench report has no option --config: `drawbench report --help` lists them" in capsys.readouterr().err


def test_a_run_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("pictures", "prompts.csv"):
        source = GOLDEN / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    Path("run.toml").write_text('model = "folder:pictures"\nprompts = "prompts.csv"\nout = "mine"\n')
    assert main(["generate", "--config", "run.toml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run"] == "mine"


def test_a_leaderboard_goes_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    assert main(["leaderboard", str(GOLDEN / "results"), "--format", "html", "--out", str(out)]) == 0
    assert capsys.readouterr().out == ""
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_one_variable_moves_all_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DRAWBENCH_CACHE", "DRAWBENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DRAWBENCH_HOME", str(tmp_path))
    assert (cache_folder(), weights_folders()[0]) == (tmp_path, tmp_path / "weights")
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "c"))
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path / "w"))
    assert (cache_folder(), weights_folders()[0]) == (tmp_path / "c", tmp_path / "w")
    environment = {name: value for name, value in os.environ.items() if name not in ("HF_HOME", "TORCH_HOME")}
    probe = "import os; from drawbench.cli.main import main; main([]); print(os.environ['HF_HOME'])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == str(tmp_path / "huggingface")


def test_a_dry_run_says_what_a_run_takes_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOLDEN / "pictures", "pictures")
    shutil.copy(GOLDEN / "prompts.csv", "prompts.csv")
    words = ["--model", "folder:pictures", "--prompts", "prompts.csv", "--out", "mine"]
    before = sorted(tmp_path.rglob("*"))
    for command in ("generate", "run"):
        assert main([command, *words, "--dry-run", "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert (facts["images"], facts["missing"], facts["drawn"]) == (4, 4, 4)
        assert facts["bytes"] > 0
        assert (facts["scoring_seconds"] is None) == (command == "generate")
        assert main([command, *words, "--dry-run"]) == 0
        assert "mine: 4 images\n" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before
    assert main(["generate", *words]) == 0
    capsys.readouterr()
    assert main(["generate", *words, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == 0
