"""The commands generate and run: what goes to stdout, how a stop is answered, and that the answer resumes."""

import hashlib
import io
import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drawbench.cli.generate import parse_settings
from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.runs.directory import RunDirectory
from drawbench.scoring import protocols
from drawbench.scoring.bundled import bundled
from drawbench.scoring.estimate import FeatureTimes
from drawbench.terminal_progress import BarProgress, LineProgress, shown_progress, waiting
from metrics.images import file_hashes
from tests.metrics.stand_ins import write_scorer, write_transformers_clip

MODEL = """
import itertools, os, time
import numpy as np

def make(delay=0.0, shade=0):
    calls = itertools.count()
    def draw(prompt, seed, size):
        time.sleep(60 if next(calls) == 3 and os.path.exists("halt") else delay)
        return np.random.default_rng(seed).integers(shade, 256, (size, size, 3), dtype=np.uint8)
    return draw
"""
CAPTIONS = "".join(f"{category},{category} number {n}\n" for category in ("Colors", "Rare Words") for n in range(1, 7))
OPTIONS = ["--model", "python:cli_model:make", "--prompts", "mine.csv", "--samples", "1", "--size", "32"]

Asked = Callable[..., tuple[int, str, str]]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Asked:
    """Runs a command in a folder with a model and a prompt file: exit code, stdout, stderr."""
    (tmp_path / "cli_model.py").write_text(MODEL)
    (tmp_path / "mine.csv").write_text("category,prompt\n" + CAPTIONS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "cli_model", raising=False)

    def ask(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return ask


def test_generate_prints_the_run_and_nothing_else_on_stdout(asked: Asked) -> None:
    code, out, err = asked("generate", *OPTIONS)
    assert code == 0
    assert out.startswith("runs/cli-model-make--mine--")
    assert "12 images of 32 px" in out
    assert len(out.splitlines()) == 1
    assert "drawing: 12 of 12 images" in err
    assert len(list(Path("runs").iterdir())) == 1


def test_generate_again_does_nothing_and_says_so(asked: Asked) -> None:
    _, first, _ = asked("generate", *OPTIONS)
    code, again, err = asked("generate", *OPTIONS)
    assert (code, again) == (0, first)
    assert "nothing to do" in err
    assert "drawing" not in err


def test_json_is_all_of_stdout(asked: Asked) -> None:
    code, out, _ = asked("generate", *OPTIONS, "--limit", "1", "--out", "x", "--json")
    facts = json.loads(out)
    assert code == 0
    assert (facts["run"], facts["images"], facts["complete"]) == ("x", 2, False)
    assert facts["pixels_sha256"] == RunDirectory.open("x").require_seal().pixels_sha256


def test_a_limited_run_says_that_it_is_partial(asked: Asked) -> None:
    assert "partial: 2 of 12 prompts" in asked("generate", *OPTIONS, "--limit", "1")[1]


def test_settings_reach_the_model_and_the_plan(asked: Asked) -> None:
    asked("generate", *OPTIONS, "--set", "shade=200", "--out", "x")
    assert RunDirectory.open("x").plan.model.settings == {"shade": 200}
    code, _, err = asked("generate", *OPTIONS, "--set", "shade=100", "--out", "x")
    assert code == 2
    assert "model.settings.shade: 200 -> 100" in err


def test_samples_and_size_of_a_folder_come_from_its_images(asked: Asked) -> None:
    asked("generate", *OPTIONS, "--samples", "2", "--out", "x")
    code, out, _ = asked("generate", "--model", "folder:x", "--prompts", "mine.csv", "--out", "y")
    assert code == 0
    assert "24 images of 32 px" in out
    assert RunDirectory.open("y").require_seal().pixels_sha256 == RunDirectory.open("x").require_seal().pixels_sha256


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (["--model", "dalle"], "no model adapter 'dalle'"),
        (["--prompts", "nowhere.csv"], "nowhere.csv"),
        (["--samples", "0"], "--samples 0"),
        (["--set", "shade"], "write --set KEY=VALUE"),
        (["--set", "steps=3"], "no setting 'steps'"),
        (["--out", "mine.csv"], "mine.csv is a file"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(asked: Asked, changed: list[str], sentence: str) -> None:
    code, out, err = asked("generate", *OPTIONS, *changed)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.startswith("drawbench: ")
    assert len(err.splitlines()) == 1
    assert not Path("runs").exists()


def test_run_draws_scores_and_shows(asked: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scorer = write_scorer(tmp_path / "scorer")
    monkeypatch.setitem(protocols.PROTOCOLS, "bundled", lambda: bundled(scorer))
    code, out, err = asked("run", *OPTIONS, "--out", "x")
    assert code == 0, err
    assert "python:cli_model" not in err
    assert "images: x/images" in out
    assert "report: x/report/index.html" in out
    assert Path("x/report/index.html").is_file()
    assert Path("x/scores/bundled.json").is_file()
    assert "Rare Words" in out
    code, out, err = asked("run", *OPTIONS, "--out", "x", "--json")
    facts = json.loads(out)
    assert (code, facts["run"]) == (0, "x")
    assert {score["scope"] for score in facts["result"]["scores"]} >= {"overall", "Colors", "Rare Words"}


def test_a_run_reads_the_weights_of_its_scorer_for_their_hash_once(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = write_transformers_clip(tmp_path / "clip")
    time.sleep(file_hashes.SETTLED_NS / 1e9)
    read: list[str] = []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, name: read.append(file.name) or digest(file, name))
    code, _, err = asked("run", *OPTIONS, "--out", "x", "--protocol", f"clip:{scorer}")
    assert code == 0, err
    assert read == [str(scorer / "model.safetensors")]


def test_a_run_loads_its_scorer_once(asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what it does beside drawing, for captions, and for references that nobody has read yet."""
    whole, loads = bundled(write_scorer(tmp_path / "scorer")), []
    entry = whole.metrics[0].extractor
    counted = replace(entry, load=lambda device: loads.append(device) or entry.load(device))
    protocol = replace(whole, metrics=tuple(replace(metric, extractor=counted) for metric in whole.metrics))
    monkeypatch.setitem(protocols.PROTOCOLS, "bundled", lambda: protocol)
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))
    asked("generate", *OPTIONS, "--set", "shade=9", "--out", "references")
    code, _, err = asked("run", *OPTIONS, "--out", "x", "--reference", "references/images")
    assert code == 0, err
    assert len(loads) == 1
    axes = ["--vary", "shade=1,2", "--out", "swept"]
    code, _, err = asked("sweep", *OPTIONS, *axes, "--reference", "references/images")
    assert code == 0, err
    assert len(loads) == 2


def test_a_dry_run_counts_what_scoring_still_has_to_look_at(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images and references, each once for every network that has not seen it; a sweep is the sum of its points."""
    scorer = write_scorer(tmp_path / "scorer")
    monkeypatch.setitem(protocols.PROTOCOLS, "bundled", lambda: bundled(scorer))
    monkeypatch.setattr(FeatureTimes, "_seconds", lambda *given: 1.0)  # an image, whatever the machine
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))
    asked("generate", *OPTIONS, "--set", "shade=9", "--out", "references")

    def seconds(command: str, *options: str) -> float:
        code, out, err = asked(command, *OPTIONS, *options, "--dry-run", "--json")
        assert code == 0, err
        return float(json.loads(out)["scoring_seconds"])

    against = ("--reference", "references/images")
    assert seconds("run", "--out", "x") == 12
    assert seconds("run", "--out", "x", *against) == 24
    assert seconds("sweep", "--vary", "shade=1,2,3", "--out", "y", *against) == 48
    asked("generate", *OPTIONS, "--out", "x")
    assert seconds("run", "--out", "x", *against) == 24
    asked("score", "x")
    assert seconds("run", "--out", "x", *against) == 12
    time.sleep(file_hashes.SETTLED_NS / 1e9)
    asked("score", "x", *against)
    assert seconds("run", "--out", "x", *against) == 0
    assert not Path("y").exists()


def test_run_refuses_a_protocol_before_it_draws(asked: Asked) -> None:
    code, _, err = asked("run", *OPTIONS, "--protocol", "nobody's")
    assert (code, Path("runs").exists()) == (2, False)
    assert "no protocol" in err
    code, _, err = asked("run", *OPTIONS, "--protocol", "imagen")
    assert (code, Path("runs").exists()) == (2, False)
    assert "give --size 256 or more" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_names_the_command_that_resumes(asked: Asked, tmp_path: Path, number: signal.Signals) -> None:
    options = [*OPTIONS, "--slice", "2", "--out", "my run"]
    (tmp_path / "halt").touch()  # in the second slice
    drawbench = [sys.executable, "-m", "drawbench.cli.main"]
    program = subprocess.Popen([*drawbench, "generate", *options], stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert program.stderr is not None
    program.stderr.readline()  # the first line of progress: the run is planned
    journal = tmp_path / "my run/journals/0001.jsonl"
    while program.poll() is None and not (journal.exists() and b"outcomes" in journal.read_bytes()):
        time.sleep(0.01)
    program.send_signal(number)
    _, err = program.communicate(timeout=30)
    (tmp_path / "halt").unlink()
    assert program.returncode == 130
    said = err.strip().splitlines()[-1]
    assert said.startswith("drawbench: stopped")
    kept = RunDirectory.open(tmp_path / "my run")
    assert 0 < len(kept.missing()) < 12
    assert kept.attempts[-1].end is not None
    words = shlex.split(said.partition("this resumes: ")[2])
    assert words[0] == "drawbench"
    assert asked(*words[1:])[0] == 0
    asked("generate", *OPTIONS, "--out", "undisturbed")
    pixels = [RunDirectory.open(path).require_seal().pixels_sha256 for path in ("my run", "undisturbed")]
    assert pixels[0] == pixels[1]


def test_settings_are_pairs() -> None:
    assert parse_settings(["a=1", "b = x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    with pytest.raises(UserError, match="twice"):
        parse_settings(["a=1", "a=2"])


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, log = Terminal(), io.StringIO()
    assert isinstance(shown_progress(terminal), BarProgress)
    assert isinstance(shown_progress(log), LineProgress)
    for stream in (terminal, log):
        progress = shown_progress(stream)
        progress.start("drawing", 2, 10)
        progress.advance(3)
        progress.note("half way")
        progress.finish()
    assert "drawing" in terminal.getvalue()
    assert "5/10" in terminal.getvalue()
    assert log.getvalue().startswith("drawing: 2 of 10 images\nhalf way\ndrawing: 5 of 10 images, ")


def test_what_takes_long_is_told_while_it_does() -> None:
    log = io.StringIO()
    with waiting("loading x", LineProgress(log), after=0.01):
        deadline = time.monotonic() + 10
        while not log.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    with waiting("loading y", LineProgress(log), after=60):
        pass
    assert log.getvalue() == "loading x ...\n"


def test_no_line_is_written_twice() -> None:
    log = io.StringIO()
    progress = LineProgress(log, every=0)
    for total in (0, 3):
        progress.start("drawing", 0, total)
        for _ in range(total):
            progress.advance(1)
        progress.finish()
    counts = [line.split(" images")[0] for line in log.getvalue().splitlines()]
    assert counts == ["drawing: 0 of 0", *(f"drawing: {n} of 3" for n in range(4))]


def test_the_time_left_follows_the_recent_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    log = io.StringIO()
    progress = LineProgress(log)
    progress.start("drawing", 0, 50_000)
    for seconds, count, steps in ((1, 100, 100), (10, 10, 30)):  # quick first, then slow
        for _ in range(steps):
            now += seconds
            progress.advance(count)
    assert log.getvalue().splitlines()[-1] == "drawing: 10300 of 50000 images, 1 per second, 11:01:40 left"


def test_lines_are_not_written_more_often_than_asked() -> None:
    log = io.StringIO()
    progress = LineProgress(log, every=3600)
    progress.start("drawing", 0, 1000)
    for _ in range(1000):
        progress.advance(1)
    progress.finish()
    assert len(log.getvalue().splitlines()) == 2
    assert "e+" not in log.getvalue()  # high rates too are written as people do
