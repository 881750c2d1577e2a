"""For all tests: a slow machine is no failure, and nobody's own cache is read or filled."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from platformdirs import user_cache_path

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
