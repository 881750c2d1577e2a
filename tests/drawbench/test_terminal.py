"""Text for a terminal: its width, aligned columns, wrapped text."""

import sys

import pytest

from drawbench.terminal import WIDTH, aligned, listed, terminal_width, wrapped


def test_the_width_of_a_terminal_and_of_what_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    assert (terminal_width(), terminal_width(50, least=90)) == (WIDTH, 50)


def test_a_terminal_is_as_wide_as_it_says_but_not_too_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert (terminal_width(), terminal_width(50), terminal_width(least=90)) == (77, 77, 90)


def test_cells_stand_below_each_other() -> None:
    rows = [["name", "what it is"], ["long name", ""], ["", "x"]]
    assert aligned(rows) == ["name       what it is", "long name", "           x"]
    assert aligned(rows, "|") == ["name     |what it is", "long name|", "         |x"]
    assert aligned([]) == []


def test_text_is_wrapped_beside_its_lead() -> None:
    assert wrapped("- ", "some words that-are-long", 12) == ["- some words", "  that-are-long"]
    assert wrapped("lead ", "", 12) == ["lead"]


def test_a_list_is_folded_beside_its_columns_or_below_them() -> None:
    rows = [["name", "size", "what it is"], ["first", "   7", "some words of which there are too many for a line"]]
    assert listed(rows, 1000) == [
        "name   size  what it is",
        "first     7  some words of which there are too many for a line",
    ]
    assert listed(rows, 50) == [
        "name   size  what it is",
        "first     7  some words of which there are too",
        "             many for a line",
    ]
    assert listed(rows, 40) == [
        "name",
        "    size, what it is",
        "first",
        "    7, some words of which there are too",
        "    many for a line",
    ]
    path = ["first", "   7", "in /a/path/that/is/as/long/as/all/the/others"]
    assert listed([path], 50) == ["first", "    7, in", "    /a/path/that/is/as/long/as/all/the/others"]
    assert listed([], 50) == []
