"""Audits without the images that the bundled model draws: those take long, and the command's own test has them."""

from collections.abc import Iterator

import pytest

from drawbench.auditing import audit as auditing


@pytest.fixture(scope="module")
def no_guidance() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "guided_trials", lambda count, seed, progress: [])
        yield
