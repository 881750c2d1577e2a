"""Where features and prompt sets made on this machine are kept."""

import os
from pathlib import Path

CACHE_VARIABLE = "DRAWBENCH_CACHE"
HOME_VARIABLE = "DRAWBENCH_HOME"


def cache_folder() -> Path:
    """Where what can be made again is kept, and may be deleted: $DRAWBENCH_CACHE, $DRAWBENCH_HOME, the user's cache."""
    from platformdirs import user_cache_path

    named = os.environ.get(CACHE_VARIABLE) or os.environ.get(HOME_VARIABLE)
    return Path(named) if named else user_cache_path("drawbench")
