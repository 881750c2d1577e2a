"""The program itself: help, versions, exit codes."""

import os
import subprocess
import sys

import pytest

from drawbench import __version__
from drawbench.cli.main import COMMANDS, main


def _drawbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "drawbench.cli.main", *arguments], capture_output=True, text=True, check=False
    )


HEAVY = ("torch", "torchvision", "pandas", "numpy", "PIL", "transformers", "datasets", "open_clip", "matplotlib")


def test_the_overview_loads_no_heavy_module() -> None:
    probe = f"""
import sys
from drawbench.cli.main import main
main([])
found = {set(HEAVY)} & set(sys.modules)
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_options_of_no_command_load_torch_or_pandas() -> None:
    probe = f"""
import argparse, sys
from importlib import import_module
for module, _ in {list(COMMANDS.values())}:
    import_module(module).configure(argparse.ArgumentParser())
found = {set(HEAVY) - {"numpy", "PIL"}} & set(sys.modules)
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_to_run_and_score_from_python_loads_nothing_of_agreements_and_audits() -> None:
    probe = """
import sys
from drawbench import compare, run, score
found = {"pandas", "matplotlib", "reference_model", "drawbench.agreement", "drawbench.auditing"} & set(sys.modules)
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: drawbench {name}")


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert set(COMMANDS) <= {words[0] for words in lines if words}


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_ends_the_program_quietly(unbuffered: str) -> None:
    """As `drawbench prompts show open | head`: no traceback, and no exit code that calls it done."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "drawbench.cli.main", "prompts", "show", "open"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    finally:
        os.close(writer)
    assert done.stderr == ""
    assert done.returncode == 141


def test_a_broken_pipe_elsewhere_is_not_taken_for_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: list[str]) -> int:
        raise BrokenPipeError("a worker died")

    monkeypatch.setattr("drawbench.cli.main._dispatch", broken)
    with pytest.raises(BrokenPipeError, match="a worker died"):
        main([])


@pytest.mark.parametrize("place", ["drawbench.cli.run", "drawbench.scoring.while_drawing", "metrics.errors"])
def test_an_interrupt_ends_in_one_line_while_modules_load_too(place: str) -> None:
    probe = f"""
import builtins, os, signal, sys
from drawbench.cli.main import main
load = builtins.__import__
def loading(name, *rest, **named):
    if name == "{place}":
        os.kill(os.getpid(), signal.SIGINT)
    return load(name, *rest, **named)
builtins.__import__ = loading
import importlib
find = importlib.import_module
import drawbench.cli.main as program
program.import_module = lambda name: loading(name) and find(name)
sys.exit(main(["run", "--model", "python:no_such:make", "--prompts", "open", "--limit", "1"]))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    said = [line for line in done.stderr.splitlines() if not line.startswith("loading ")]  # on a slow machine
    assert len(said) == 1, done.stderr
    assert said[0].endswith("drawbench run --model python:no_such:make --prompts open --limit 1")


def test_version_is_the_packages() -> None:
    assert _drawbench("--version").stdout.strip() == f"drawbench {__version__}"


def test_an_unknown_command_is_the_users_error() -> None:
    done = _drawbench("no-such-command")
    assert done.returncode == 2
    assert "no-such-command" in done.stderr
