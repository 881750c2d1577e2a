"""A study that all tests of the human study may use."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from human_eval_app.study.create import create_study
from human_eval_app.study.options import Options
from tests.human_eval_app import postgresql
from tests.human_eval_app.runs import make_run

MODELS = ("model one", "model two")


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two sealed runs, of `MODELS`, on 2 + 3 prompts with 2 samples of 32 px. To be read only."""
    folder = tmp_path_factory.mktemp("runs")
    return [make_run(folder / name.replace(" ", "-"), name).path for name in MODELS]


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory: pytest.TempPathFactory, small_runs: list[Path]) -> Path:
    """A DrawBench study of the small runs, with 3 raters in each of 2 panels and 2 images a side. To be read only."""
    out = tmp_path_factory.mktemp("studies") / "small"
    create_study(small_runs, out, Options(type="drawbench", raters=3, samples=2))
    return out


@pytest.fixture
def own_study_folder(tmp_path: Path, study_folder: Path) -> Path:
    """A copy of the small study that a test may change and fill."""
    return Path(shutil.copytree(study_folder, tmp_path / "small"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[postgresql.Server]:
    """One PostgreSQL for all tests that do not harm it."""
    with postgresql.server_or_skip() as running:
        yield running
