"""The documentation: its links lead somewhere, its commands exist and take the options they are shown with."""

import argparse
import re
import shlex
import tomllib
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

from drawbench import __version__
from drawbench.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/*/README.md"), *ROOT.glob("results/*.md")]
)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
SHELL_VARIABLE = re.compile(r"^[A-Z_]+=\S+\s+")
INLINE = re.compile(r"`((?:drawbench|make|\.venv/bin/python -m|python -m) [^`]+)`")
PROGRAMS = ("drawbench ", "make ", "python -m ", "pip install ")


def _shown_commands() -> list[tuple[str, str]]:
    """(page, command line) of every line in an indented or fenced block that begins with one of our programs."""
    found = []
    for page in PAGES:
        fenced = False
        for raw in page.read_text().splitlines():
            fenced ^= raw.startswith("```")
            line = SHELL_VARIABLE.sub("", raw.strip().removeprefix("$ ")).removeprefix(".venv/bin/")
            if "[--" in line:  # a usage line
                continue
            if (fenced or raw.startswith("    ")) and line.startswith(PROGRAMS):
                found.append((page.name, line))
    return found


def _inline_commands() -> list[tuple[str, str]]:
    """The same of what stands between backquotes in a sentence, where it may be shortened."""
    return [
        (page.name, line.removeprefix(".venv/bin/"))
        for page in PAGES
        for line in INLINE.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
        if " | " not in line  # one of several subcommands
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not missing


def test_there_are_commands_to_check() -> None:
    assert len(_shown_commands()) > 10


@pytest.mark.parametrize(("page", "line"), _shown_commands(), ids=str)
def test_commands_exist_as_shown(page: str, line: str) -> None:
    _accepted(shlex.split(line.partition(" > ")[0], comments=True))


@pytest.mark.parametrize(("page", "line"), _inline_commands(), ids=str)
def test_commands_in_sentences_exist(page: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        _accepted(shlex.split(line))
    except (SystemExit, argparse.ArgumentError):
        said = capsys.readouterr().err
        assert "are required" in said, said


def _accepted(words: list[str]) -> None:
    """Whether the program takes this command."""
    if words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
    elif words[0] == "pip":
        _installable(words[-1])
    elif words[0] == "python":
        if words[2] == "pytest":
            assert all((ROOT / path).exists() for path in words[3:])
            return
        module = words[2] if find_spec(words[2]).submodule_search_locations is None else f"{words[2]}.__main__"
        begin = import_module(module).main
        assert callable(begin)
        if words[3:]:
            takes_options(begin, words[3:])
    elif words[1] not in ("COMMAND", "--help", "--version", "help"):
        contributed = {point.name: point.module for point in entry_points(group="drawbench.commands")}
        module = {name: module for name, (module, _) in COMMANDS.items()}.get(words[1]) or contributed[words[1]]
        parser = argparse.ArgumentParser(exit_on_error=False)
        import_module(module).configure(parser)
        parser.parse_args([word for word in words[2:] if word != "--help"])


class _Parsed(BaseException):
    """Thrown where a program would begin its work."""


def takes_options(main: Callable[[], object], options: list[str]) -> None:
    """Whether a module's own parser takes these; nothing else of it is run."""
    parse = argparse.ArgumentParser.parse_args

    def only_parse(parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parse(parser, options)
        raise _Parsed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", only_parse)
        with pytest.raises(_Parsed):
            main()


def _installable(what: str) -> None:
    """Without a release on an index: the clone, or a wheel of this version, with extras that there are."""
    place, _, extras = what.removesuffix("]").partition("[")
    if (
        ROOT / place / "pyproject.toml"
    ).is_file() and place != ".":  # a package of its own, such as the adapter template
        return
    assert place in (".", f"dist/drawbench-{__version__}-py3-none-any.whl")
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(filter(None, extras.split(","))) <= set(known)
