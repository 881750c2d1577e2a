"""Pages of the documentation as their reader uses them: Python files to save, and lines to type."""

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

PROGRAMS = ("drawbench ", "awk ", "mkdir ", "ln ", "python ")
BLOCK = re.compile(r"(?:^ {4}.*\n|^\n(?= {4}))+", re.MULTILINE)


def typed(page: Path, folder: Path) -> Iterator[str]:
    """Every line to type, in order. Files that the page shows are in `folder` by then: they begin with their name."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        text = textwrap.dedent(block.strip("\n"))
        name = re.match(r"# (\w+\.py)\n", text)
        if name:
            (folder / name[1]).write_text(text)
        else:
            yield from (line for line in text.splitlines() if line.startswith(PROGRAMS))


def run_other(line: str) -> bool:
    """Run what is not `drawbench`, in a shell; whether it was such a line."""
    if line.startswith("drawbench "):
        return False
    subprocess.run(re.sub("^python ", f"{sys.executable} ", line), shell=True, check=True)
    return True


def with_stand_ins(words: Sequence[str], stand_ins: dict[str, str]) -> list[str]:
    """The words, each replaced where a bare machine has something else."""
    return [stand_ins.get(word, word) for word in words]
