"""What several tests of the prompt sets share."""

import os
from pathlib import Path

import pytest

from drawbench.prompts.drawbench_set import FILE_VARIABLE
from drawbench.prompts.published_files import FOLDER_VARIABLE
from metrics.images.folders import CACHE_VARIABLE

GIVEN = os.environ.get(FILE_VARIABLE)


@pytest.fixture
def published_file() -> Path:
    """The real DrawBench file; its text is not in the repository."""
    if not GIVEN:
        pytest.skip(f"{FILE_VARIABLE} does not name the DrawBench file")
    return Path(GIVEN)


@pytest.fixture
def nothing_local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without DrawBench; returns its (absent) cache folder."""
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"
