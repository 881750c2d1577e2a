"""The documentation: its links lead somewhere, its commands exist and take the options they are shown with."""

import argparse
import re
import shlex
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

from drawbench.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("results/*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
SHELL_VARIABLE = re.compile(r"^[A-Z_]+=\S+\s+")


def _shown_commands() -> list[tuple[str, str]]:
    """(page, command line) of every line in an indented or fenced block that begins with one of our programs."""
    found = []
    for page in PAGES:
        fenced = False
        for raw in page.read_text().splitlines():
            fenced ^= raw.startswith("```")
            line = SHELL_VARIABLE.sub("", raw.strip().removeprefix("$ "))
            if "[--" in line:  # a usage line
                continue
            if (fenced or raw.startswith("    ")) and line.startswith(("drawbench ", "make ", "python -m ")):
                found.append((page.name, line))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not missing


def test_there_are_commands_to_check() -> None:
    assert len(_shown_commands()) > 10


@pytest.mark.parametrize(("page", "line"), _shown_commands(), ids=str)
def test_commands_exist_as_shown(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text()
    elif words[0] == "python":
        module = words[2] if find_spec(words[2]).submodule_search_locations is None else f"{words[2]}.__main__"
        assert callable(import_module(module).main)
    elif words[1] not in ("COMMAND", "--help", "--version", "help"):
        contributed = {point.name: point.module for point in entry_points(group="drawbench.commands")}
        module = {name: module for name, (module, _) in COMMANDS.items()}.get(words[1]) or contributed[words[1]]
        parser = argparse.ArgumentParser(exit_on_error=False)
        import_module(module).configure(parser)
        parser.parse_args([word for word in words[2:] if word != "--help"])
