"""Processes that draw: the images of one process, whatever their number and whichever of them is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from loky import get_reusable_executor

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.models.registry import resolve_model
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.runs.journal import Attempt
from tests.drawbench.runs.noise_model import working_directory

Draw = Callable[..., RunDirectory]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with a model in it and 18 prompts; workers of its own."""
    with working_directory(tmp_path, 18, monkeypatch) as folder:
        yield folder
    get_reusable_executor().shutdown(kill_workers=True)


def command(out: str, *options: str, model: str = "Noise") -> list[str]:
    what = ["--model", f"python:noise_model:{model}", "--prompts", "prompts.txt", "--samples", "2", "--size", "16"]
    return ["generate", *what, "--slice", "3", "--out", out, *options]


def drawn(out: str, *options: str, model: str = "Noise") -> tuple[str, Attempt]:
    """The hash of a run's pixels, and its last attempt."""
    assert main(command(out, *options, model=model)) == 0
    run = RunDirectory.open(out)
    return run.require_seal().pixels_sha256, run.attempts[-1]


@pytest.mark.parametrize("model", ["Noise", "Singly"])
def test_any_number_of_processes_makes_the_same_run(place: Path, model: str) -> None:
    alone, _ = drawn("alone", model=model)
    assert {path.name for path in (place / "pids").iterdir()} == {str(os.getpid())}
    both, attempt = drawn("both", "--workers", "2", "--set", "delay=0.05", model=model)
    assert both == alone
    assert len(list((place / "pids").iterdir())) == 3, "two others have drawn"
    assert attempt.warnings == ("the paint is thin",)
    assert attempt.threads == 1
    records = [RunDirectory.open(place / name) for name in ("alone", "both")]
    assert records[0].require_seal().refusals == records[1].require_seal().refusals


def test_a_run_goes_on_with_the_threads_that_it_began_with(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    seen = []
    monkeypatch.setattr("warnings.warn", lambda _: seen.append(torch.get_num_threads()))  # in this process's drawing
    try:
        assert drawn("new")[1].threads == 3
        assert set(seen) == {3}
        drawn("run", "--workers", "2")
        journal = place / "run/journals/0001.jsonl"
        journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:6]))
        seen.clear()
        assert drawn("run")[1].threads == 1
        assert set(seen) == {1}
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_what_no_other_process_can_make_is_refused_before_anything_is_written(place: Path) -> None:
    model = resolve_model("python:noise_model:Noise", {}, "cpu")
    model.recipe = None
    asked = Request(model, load_prompt_set("prompts.txt"), Path("run"), samples=1, size=16, workers=2)
    with pytest.raises(UserError, match="--workers 2 cannot be"):
        generate(asked)
    assert not Path("run").exists()
    with pytest.raises(UserError, match="--workers 0"):
        generate(replace(asked, workers=0))


@pytest.mark.parametrize("model", ["Noise", "Singly"])
def test_a_failure_there_is_a_failure_here(place: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole, _ = drawn("whole", model=model)
    (place / "broken").touch()
    assert main(command("run", "--workers", "2", model=model)) == 1
    said = capsys.readouterr().err
    assert "ValueError: out of paint" in said
    assert "error.log" in said
    assert "in one" in (place / "run/error.log").read_text()
    (place / "broken").unlink()
    assert drawn("run", "--workers", "2", model=model)[0] == whole


def test_a_worker_that_is_killed_stops_the_run_in_one_sentence(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "deadly").write_text("thing 7")
    assert main(command("run", "--workers", "2")) == 1
    said = capsys.readouterr().err
    assert "worker process was killed" in said
    assert "Traceback" not in said
    assert not (place / "deadly").exists()
    assert drawn("run", "--workers", "2")[0] == drawn("whole")[0]


def test_a_failure_may_be_refused_there(place: Path) -> None:
    (place / "broken").touch()
    assert main(command("run", "--workers", "2", "--on-error", "retry:2", model="Singly")) == 0
    reasons = {refusal.reason for refusal in RunDirectory.open("run").require_seal().refusals}
    assert "failed: ValueError: out of paint (3 tries)" in reasons


def start(*options: str, delay: float) -> "subprocess.Popen[str]":
    typed = [*command("run", "--workers", "2", "--set", f"delay={delay}", *options)]
    return subprocess.Popen(
        [sys.executable, "-m", "drawbench.cli.main", *typed], stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def recorded(run: Path) -> bool:
    """Whether a slice is."""
    journal = run / "journals/0001.jsonl"
    return journal.exists() and b"outcomes" in journal.read_bytes()


def started(place: Path) -> list[psutil.Process]:
    """The two workers, when both are at work."""
    until(lambda: len(list((place / "pids").iterdir())) == 2)
    return [psutil.Process(int(path.name)) for path in (place / "pids").iterdir()]


def test_no_worker_outlives_a_killed_parent_and_the_run_goes_on(place: Path) -> None:
    parent = start(delay=0.1)
    workers = started(place)
    until(lambda: recorded(place / "run"))
    parent.kill()
    parent.communicate()
    assert not psutil.wait_procs(workers, timeout=10)[1]
    assert drawn("run", "--workers", "2", "--set", "delay=0.1")[0] == drawn("whole")[0]


def test_ctrl_c_to_all_of_them_is_one_line(place: Path) -> None:
    parent = start(delay=0.1)
    workers = started(place)
    os.killpg(parent.pid, signal.SIGINT)
    _, said = parent.communicate(timeout=30)
    assert parent.returncode == 130
    assert said.strip().splitlines()[-1].startswith("drawbench: stopped; what is drawn is kept")
    assert "Traceback" not in said
    assert not psutil.wait_procs(workers, timeout=10)[1]
    assert drawn("run", "--workers", "2", "--set", "delay=0.1")[0] == drawn("whole")[0]
