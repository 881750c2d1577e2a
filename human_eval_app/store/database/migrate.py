"""Bringing a database to this version's tables."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from drawbench.errors import UserError

VERSION_TABLE = "study_store_version"
SCRIPTS = "human_eval_app.store.database:migrations"


def migrate(connection: Connection, name: str, version: str = "head") -> None:
    """Run the missing migrations, up to `version`, in the connection's transaction. `name`: the database, for messages.

    Raises UserError when the database was made by a newer version of this code.
    """
    config = _config()
    current, known = _versions(connection)
    _refuse_newer(current, known, name)
    if current != known[0]:
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def known_versions() -> list[str]:
    """The versions of tables that this code can make, newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def require_current(connection: Connection, name: str) -> None:
    """Raise UserError unless the database has exactly this version's tables."""
    current, known = _versions(connection)
    _refuse_newer(current, known, name)
    if current is None:
        raise UserError(f"{name} holds no study yet: start the raters' app with study serve.")
    if current != known[0]:
        raise UserError(f"{name} is of an older version: start study serve once, which brings it up to date.")


def _refuse_newer(current: str | None, known: list[str], name: str) -> None:
    if current is not None and current not in known:
        raise UserError(
            f"{name} was made by a newer version of this program (its tables are of version {current}, "
            f"this program knows up to {known[0]}): update the program."
        )


def _versions(connection: Connection) -> tuple[str | None, list[str]]:
    """The database's version, and those that this code knows, newest first."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision(), known_versions()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    return config
