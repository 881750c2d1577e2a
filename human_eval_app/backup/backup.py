"""A study's backup, made while its app runs: all votes as they were at one moment, and the study's files."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from drawbench import __version__
from drawbench.errors import UserError
from drawbench.progress import Progress
from human_eval_app.backup.archive import CHUNK, ArchiveWriter, BackupManifest, new_archive, table_file
from human_eval_app.backup.transfer import TABLES, lines_of, tables_version
from human_eval_app.store.database.engine import database_name
from human_eval_app.store.database.faults import opening_error
from human_eval_app.store.database.transactions import Transactions
from human_eval_app.store.opening import open_database
from human_eval_app.store.whereabouts import Terms
from human_eval_app.study.design import DESIGN_FILE, IMAGES, SECRET_FILE, SETTINGS_FILE, Design, read_design
from human_eval_app.study.folder_texts import README


def write_backup(
    study: Path,
    out: Path,
    database: str,
    *,
    images: bool = True,
    secret: bool = True,
    progress: Progress | None = None,
) -> BackupManifest:
    """Write the archive `out` of the study in a folder and of its votes in a database; what is in it.

    The votes are read in one transaction that keeps no rater waiting, on SQLite and on PostgreSQL. Without images the
    archive is small, without the secret it cannot make links; a study restored from it needs them from elsewhere.
    Raises UserError, with nothing written, for what is missing, unreadable, or of another design.
    """
    design = read_design(study)
    with new_archive(out) as archive:
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        store_version = _add_votes(archive, design, database)
        _add_files(archive, study, [*_files(study, secret), *(_images(design) if images else ())], progress)
        manifest = BackupManifest(
            study=design.name,
            design_sha256=design.sha256,
            made_at=made_at,
            made_by=f"drawbench {__version__}",
            store_version=store_version,
            files=archive.files,
        )
        archive.finish(manifest)
    return manifest


def _add_votes(archive: ArchiveWriter, design: Design, database: str) -> str:
    """All rows of one snapshot; the version of their tables."""
    engine = open_database(database, Terms(design, 0, None), read_only=True)
    try:
        with Transactions(engine).snapshot() as connection:
            for table in TABLES:
                archive.add(table_file(table.name), lines_of(connection, table), rows=True)
            return tables_version(connection)
    except (DBAPIError, PoolTimeout) as error:
        raise opening_error(error, database_name(database)) from error
    finally:
        engine.dispose()


def _files(study: Path, secret: bool) -> list[str]:
    """The study's files apart from its images; those that a study can do without only if they are there."""
    optional = [name for name in (SETTINGS_FILE, README) if (study / name).exists()]
    return [DESIGN_FILE, *optional, *([SECRET_FILE] if secret else [])]


def _images(design: Design) -> list[str]:
    tokens = {token: None for images in design.sets.values() for token in images.images}
    return [f"{IMAGES}/{token}.webp" for token in tokens]


def _add_files(archive: ArchiveWriter, study: Path, names: Iterable[str], progress: Progress | None) -> None:
    names, shown = list(names), progress or Progress()
    with shown.counted("backup", 0, len(names), "files"):
        for name in names:
            archive.add(name, _content(study / name), packed=not name.startswith(IMAGES))
            shown.advance(1)


def _content(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): the study lacks it; restore it, or leave images or secret out."
        ) from error
