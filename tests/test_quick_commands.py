"""Commands of the documentation that need nothing and take a moment, run as they stand."""

import shlex
import subprocess
from pathlib import Path

import pytest

from drawbench.cli.main import main
from tests.page_lines import typed

DOCS = Path(__file__).parents[1] / "docs"
QUICK = (
    "drawbench prompts list",
    "drawbench prompts show open",
    "drawbench prompts check fruit.csv",
    "drawbench weights list",
    "drawbench sample",
    "drawbench coco synth",
)
FRUIT = next(line for line in (DOCS / "prompts.md").read_text().splitlines() if line.startswith("    printf "))


@pytest.mark.parametrize("page", ["commands.md", "prompts.md", "runs.md", "world.md"])
def test_quick_commands_run_as_shown(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path / "weights"))
    subprocess.run(FRUIT, shell=True, check=True)
    (tmp_path / "runs").mkdir()
    ran = 0
    for line in typed(DOCS / page, tmp_path):
        words = shlex.split(line, comments=True)[1:]
        if line.startswith(QUICK) and "1024" not in words and "star.png" not in words:
            assert main(words) == 0, line
            ran += 1
    assert ran
