"""docs/python.ipynb: every cell runs, and shows what is shown on the page."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

PAGE = Path(__file__).parents[1] / "docs/python.ipynb"
NUMBER = re.compile(r"-?\d+\.\d+")


def test_the_notebook_shows_what_it_says(tmp_path: Path) -> None:
    shown, fresh = nbformat.read(PAGE, 4), nbformat.read(PAGE, 4)
    NotebookClient(fresh, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for before, after in zip(shown.cells, fresh.cells, strict=True):
        theirs, ours = _outputs(before), _outputs(after)
        assert [kinds for kinds, _ in theirs] == [kinds for kinds, _ in ours], before.source
        for (_, text), (_, again) in zip(theirs, ours, strict=True):
            assert NUMBER.sub("#", again) == NUMBER.sub("#", text), before.source
            numbers = [float(each) for each in NUMBER.findall(text)]
            assert [float(each) for each in NUMBER.findall(again)] == pytest.approx(numbers, rel=1e-2, abs=1e-4)


def _outputs(cell: nbformat.NotebookNode) -> list[tuple[list[str], str]]:
    """What a cell shows: its kinds, and its text; warnings on stderr are no part of the page."""
    found = []
    for output in cell.get("outputs", []):
        if output.get("name") == "stderr":
            continue
        data = output.get("data", {"text/plain": output.get("text", "")})
        found.append((sorted(data), data["text/plain"]))
    return found
