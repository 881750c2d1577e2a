"""A study from its backup: a new folder and an empty database, filled whole or not at all."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from drawbench.errors import UserError
from drawbench.files import StagedFolder, atomic_folder, writing
from drawbench.progress import Progress
from human_eval_app.backup.archive import ArchiveReader, BackupManifest, damaged, open_archive, table_file
from human_eval_app.backup.transfer import count_on, fill, lines_of, make_tables, tables_of
from human_eval_app.store.database.engine import database_name, make_engine
from human_eval_app.store.database.faults import opening_error
from human_eval_app.store.database.migrate import known_versions, migrate
from human_eval_app.study.design import SECRET_FILE, SETTINGS_FILE, read_design

DATABASE_FILE = "votes.sqlite"
PRIVATE = (SECRET_FILE, SETTINGS_FILE)  # of which the second holds completion codes and the admins' password, hashed


def check_backup(archive: Path) -> BackupManifest:
    """Read a backup to its end; what is in it. Raises UserError when any of it is not what was written."""
    with open_archive(archive) as reader:
        reader.check(reader.manifest.files)
        return reader.manifest


def restore(archive: Path, out: Path, database: str | None = None, progress: Progress | None = None) -> BackupManifest:
    """Make the study's folder `out` from a backup, and fill an empty database; what the backup held.

    database: URL; None: votes.sqlite in the folder. It may be of another kind than the one that was backed up. All
    rows are read back and compared, and brought to this version's tables, before anything takes its name. Raises
    UserError, with nothing left behind, for a damaged archive, a folder that is there, or a database that is not empty.
    """
    with open_archive(archive) as reader, _new_folder(out) as new:
        _require_known_version(reader)
        _write_files(reader, new.path, progress or Progress())
        if read_design(new.path).sha256 != reader.manifest.design_sha256:
            raise damaged(archive, "its votes are of another design")
        url = database or f"sqlite:///{new.path / DATABASE_FILE}"
        name = database_name(url) if database else str(out / DATABASE_FILE)
        with _filled(reader, url, name):
            if database:
                new.publish()  # before the commit: a folder can be taken back, a commit cannot
        return reader.manifest


@contextmanager
def _new_folder(out: Path) -> Iterator[StagedFolder]:
    if os.path.lexists(out):
        raise UserError(f"{out} is there already: name a new folder with --out.")
    with writing(out, "make room, or name another one"), atomic_folder(out) as staged:
        yield staged


def _write_files(reader: ArchiveReader, folder: Path, progress: Progress) -> None:
    names = [name for name in reader.manifest.files if not name.startswith("votes/")]
    with progress.counted("restore", 0, len(names), "files"):
        for name in names:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.touch(0o600 if name in PRIVATE else 0o666, exist_ok=False)
            with path.open("wb") as file:
                for chunk in reader.chunks(name):
                    file.write(chunk)
            progress.advance(1)


@contextmanager
def _filled(reader: ArchiveReader, url: str, name: str) -> Iterator[None]:
    """Every row in the database at `url`, which messages call `name`; committed when the block has ended well."""
    file = _sqlite_file(url)
    if file is not None and file.exists():
        raise UserError(f"{file} is there already, and a study is restored into a new database only: name another.")
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            make_tables(connection, name, reader.manifest.store_version)
            for table in tables_of(connection):
                fill(connection, table, reader.lines(table_file(table.name)))
            count_on(connection)
            _require_equal_rows(connection, reader, name)
            migrate(connection, name)
            yield
    except BaseException as error:
        engine.dispose()
        if file is not None:
            for suffix in ("", "-wal", "-shm"):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
        if isinstance(error, DBAPIError | PoolTimeout):
            raise opening_error(error, name) from error
        if isinstance(error, ValueError):
            raise damaged(reader.path, str(error)) from error
        raise
    engine.dispose()  # closes SQLite's journal, so that the file is whole when its folder is renamed


def _require_known_version(reader: ArchiveReader) -> None:
    manifest, (newest, *older) = reader.manifest, known_versions()
    if manifest.store_version not in (newest, *older):
        raise UserError(
            f"{reader.path} was made by {manifest.made_by}, whose tables are of version {manifest.store_version}, and "
            f"this program knows them up to {newest}: update the program."
        )


def _require_equal_rows(connection: Connection, reader: ArchiveReader, name: str) -> None:
    for table in tables_of(connection):
        digest = hashlib.sha256()
        for line in lines_of(connection, table):
            digest.update(line)
        if digest.hexdigest() != reader.manifest.files[table_file(table.name)].sha256:
            raise UserError(f"{name} gives back other rows of {table.name} than were written: use another database.")


def _sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL, and for an address that `make_engine` will refuse."""
    try:
        address = make_url(url)
    except ValueError:
        return None
    is_file = address.get_backend_name() == "sqlite" and address.database
    return Path(str(address.database)) if is_file else None
