"""One Chromium for all browser tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.human_eval_app.serving import chromium, chromium_path


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; tests that ask for it skip where there is none."""
    if chromium_path() is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with chromium() as opened:
        yield opened
