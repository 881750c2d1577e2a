"""What people look for: help, lists, a file of options, one place for all caches."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drawbench.cli.config import with_config
from drawbench.cli.main import COMMANDS, main
from drawbench.errors import UserError
from drawbench.scoring.protocols import PROTOCOLS
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


@pytest.mark.parametrize(("word", "meant"), [("leaderbord", "leaderboard"), ("prompt", "prompts"), ("stuby", "study")])
def test_a_mistyped_command_is_guessed(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 2
    assert f"did you mean {meant}" in capsys.readouterr().err


def test_protocols_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocols", "list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [*PROTOCOLS, "clip:MODEL"]
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


def test_a_file_holds_options_and_what_is_typed_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    options = 'model = "python:m:make"\nsamples = 2\njson = true\nwith = ["a", "b"]\n'
    file.write_text(options + "[set]\nsteps = 3\nhue = 1.5\n")
    words = with_config(["--samples", "4", "--config", str(file), "--set", "steps=9"])
    assert words[:3] == ["--model=python:m:make", "--samples=2", "--json"]
    assert words[3:9] == ["--with", "a", "--with", "b", "--set", "hue=1.5"]
    assert words[9:] == ["--samples", "4", "--set", "steps=9"]
    with pytest.raises(UserError, match="cannot be read"):
        with_config(["--config", str(tmp_path / "no.toml")])
    file.write_text("model = ")
    with pytest.raises(UserError, match="no TOML"):
        with_config([f"--config={file}"])


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
        assert main([command, *words, "--dry-run"]) == 0
        assert "mine: 4 images\n" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before
    assert main(["generate", *words]) == 0
    capsys.readouterr()
    assert main(["generate", *words, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == 0
