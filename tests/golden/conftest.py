"""A working folder with its own copy of the golden data, in which commands are run as their users run them."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from drawbench.cli.main import main

DATA = Path(__file__).parent / "data"


class Workplace:
    """The working folder, and what the golden model drew in it."""

    def __init__(self, folder: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._log = log
        self._capsys = capsys

    def run(self, *words: str, code: int = 0) -> str:
        """What a command prints, or what it complains of where it is to end with another code."""
        self._capsys.readouterr()
        ended = main(list(words))
        shown = self._capsys.readouterr()
        assert ended == code, shown.err
        return shown.err if code else shown.out

    def json(self, *words: str) -> Any:
        """The same of a command that prints JSON."""
        return json.loads(self.run(*words))

    def drawn(self) -> list[str]:
        """`hue prompt` of every picture that the golden model drew since this was last asked."""
        lines = self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Workplace:
    """The working directory of a test: a copy of the data, which it may change."""
    folder, log = tmp_path / "work", tmp_path / "drawn.txt"
    shutil.copytree(DATA, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))  # the folder of a `python:` model is added to it
    monkeypatch.delitem(sys.modules, "golden_model", raising=False)
    monkeypatch.setenv("GOLDEN_DRAWN", str(log))
    return Workplace(folder, log, capsys)
