"""The benchmark of the report measures what it says, on a report of a few images."""

from pathlib import Path
from typing import Any

from benchmarks.report import Shape, measure


def test_it_measures_a_report(tmp_path: Path, browser: Any) -> None:
    found = measure(Shape(prompts=12, samples=2, models=2, size=8), tmp_path, browser)
    assert found["files"] == 12 * 2 * 2 + 3 + 3 + 3  # thumbnails, pages, style and scripts, data
    assert found["screens scrolled"] > 0
    assert found["first row, s"] > 0
