"""Where features and prompt sets made on this machine are kept."""

import os
from pathlib import Path

CACHE_VARIABLE = "DRAWBENCH_CACHE"


def cache_folder() -> Path:
    """Where what can be made again is kept: $DRAWBENCH_CACHE, else the user's cache folder. May be deleted any time."""
    from platformdirs import user_cache_path

    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else user_cache_path("drawbench")
