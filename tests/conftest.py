"""For all tests: a slow machine is no failure, nobody's own cache is read or filled, and a test keeps to one core."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from platformdirs import user_cache_path

from tests.chromium import chromium, chromium_path

# Several tests run at a time, and threads that wait for each other wait actively. Set before torch is imported; the
# programs that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")  # and so the bundled model draws in the process that asks

# Started in the background of a shell, this process ignores Ctrl-C, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Features are cached for the session, in a folder of its own; scenes that are drawn already are not drawn anew."""
    folder = tmp_path_factory.mktemp("cache")
    for scenes in user_cache_path("drawbench").glob("world-*"):
        (folder / scenes.name).symlink_to(scenes, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRAWBENCH_CACHE", str(folder))
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; tests that ask for it skip where there is none."""
    if chromium_path() is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with chromium() as opened:
        yield opened
