"""What the study's commands need beyond the benchmark's own packages."""

from importlib.util import find_spec

from drawbench.errors import UserError

_PACKAGES = ("streamlit", "sqlalchemy", "alembic", "itsdangerous")


def require_app() -> None:
    """Raises UserError when the optional packages of the app are not installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(f"the study needs {', '.join(missing)}: install them with pip install 'drawbench[app]'.")
