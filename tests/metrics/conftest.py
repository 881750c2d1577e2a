"""Shared by the tests of metrics: one random Inception network in the published files' formats."""

from pathlib import Path

import pytest

from tests.metrics.random_inception import random_state, write_files


@pytest.fixture(scope="session")
def inception_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `.../hub/checkpoints` with both files (see `write_files`), unverified."""
    return write_files(tmp_path_factory.mktemp("inception"), random_state())
