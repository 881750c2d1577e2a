"""The benchmark of the site measures what it says, on a site of a few results."""

from pathlib import Path
from typing import Any

from benchmarks.site import measure


def test_it_measures_a_site(tmp_path: Path, browser: Any) -> None:
    found = measure(6, 2, tmp_path, browser)
    assert found["files"] == 4 + 4 + 3 * 2 + 6 + 2 + 1 + 2 * 2 + 1  # pages, style, scripts; models; results; data
    assert found["first paint, s"] > 0
    assert found["slowest search, ms"] > 0
