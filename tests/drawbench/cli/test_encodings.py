"""Output on terminals and pipes whose encoding lacks our signs: it degrades, and no command fails for it."""

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from drawbench.cli.main import main
from drawbench.terminal import READABLE, degrade_streams, shown, write_data

GOLDEN = Path(__file__).parents[2] / "golden" / "data"
MODEL = """
import numpy as np

def make():
    def draw(prompt, seed, size):
        return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return draw
"""
ENCODINGS = ("ascii", "cp1252", "latin-1")
DRAWN = ("run", "--model", "python:étoile:make", "--prompts", "mine.csv", "--samples", "1", "--size", "64")
COMMANDS = (
    ("leaderboard", "runs/python"),
    ("leaderboard", "--published", "results"),
    ("leaderboard", "runs/python", "--format", "latex"),
    ("compare", "runs/python", "runs/python"),
    ("doctor",),
    ("prompts", "show", "mine.csv"),
    DRAWN,
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with runs, results, a prompt file and a model whose names are not ASCII."""
    for name in ("runs", "results"):
        shutil.copytree(GOLDEN / name, tmp_path / name)
    (tmp_path / "étoile.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "mine.csv").write_text("category,prompt\nColors,Café ↓ 星 🦊\nColors,a red ring\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "étoile", raising=False)
    return tmp_path


def encoded(monkeypatch: pytest.MonkeyPatch, encoding: str, *arguments: str) -> tuple[int, bytes, str]:
    """Exit code, bytes on stdout, text on stderr, with streams of that encoding as the interpreter makes them."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        code = main(arguments)
        out.flush(), err.flush()
    return code, out.buffer.getvalue(), err.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_command_fails_for_the_terminals_encoding(
    place: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    for command in COMMANDS:
        code, out, err = encoded(monkeypatch, encoding, *command)
        assert code == 0, err
        assert out


def test_signs_have_readable_replacements(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = encoded(monkeypatch, "ascii", "leaderboard", "--published", "results")
    text = out.decode("ascii")
    assert [sign for sign in ("CLIP score ^", "FID-30K v", " +-") if sign not in text] == []
    assert "?" not in text


def test_columns_stand_below_each_other_whatever_stands_in_them(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = encoded(monkeypatch, "ascii", "leaderboard", "results")
    lines = out.decode("ascii").splitlines()
    rule = next(i for i, line in enumerate(lines) if line.startswith("-  -"))
    assert len(lines[rule - 1]) == len(lines[rule])
    assert lines[rule + 1].rindex("0") < len(lines[rule])


def test_what_is_shown_keeps_what_the_encoding_has(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    assert shown("Fréchet ± ∞ ↓ 星 🦊 ﬁ") == "Fréchet ± -inf v ? ? fi"
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert shown("Fréchet ↓ 星") == "Fréchet ↓ 星"


def test_a_file_name_that_is_no_text_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    degrade_streams()
    print("a\udcff.png", flush=True)
    assert stream.buffer.getvalue() == b"a?.png\n"  # type: ignore[attr-defined]
    assert stream.errors == READABLE


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_says_the_same_in_every_encoding(place: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    _, out, _ = encoded(monkeypatch, encoding, "prompts", "show", "mine.csv", "--json")
    assert json.loads(out.decode("utf-8"))["prompts"][0]["text"] == "Café ↓ 星 🦊"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_page_says_the_same_in_every_encoding(place: Path, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    _, out, _ = encoded(monkeypatch, encoding, "leaderboard", "results", "--format", "html")
    assert b"CLIP score &#8593;" in out
    assert out.decode("utf-8").isascii()


def test_data_in_a_pipe_is_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    write_data("csv")
    print("é", flush=True)
    assert stream.buffer.getvalue() == "é\n".encode()  # type: ignore[attr-defined]
