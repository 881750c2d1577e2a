"""A study as one file: a ZIP archive whose manifest names every file in it with its SHA-256."""

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError, model_validator

from drawbench.errors import UserError
from drawbench.files import atomic_file, writing
from drawbench.records import Record, first_problem
from human_eval_app.study.design import DESIGN_FILE, IMAGES, SECRET_FILE

MANIFEST = "manifest.json"
NAMES = re.compile(r"design\.json|settings\.toml|secret\.key|README\.md|images/[0-9a-f]{32}\.webp|votes/[a-z_]+\.jsonl")
CHUNK = 1 << 20
FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # a file's own date would say nothing; the manifest has the backup's
# What reading a damaged archive can raise, wherever the damage is.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError, ValueError)


class FileEntry(Record):
    """One file of the archive. bytes: of its content. rows: of a table; None for other files."""

    sha256: str
    bytes: int
    rows: int | None = None


class BackupManifest(Record):
    """What the archive is and holds. made_at: ISO 8601 UTC. store_version: of the tables that the rows are from."""

    format: Literal["drawbench study backup"] = "drawbench study backup"
    schema_version: Literal[1] = 1
    study: str
    design_sha256: str
    made_at: str
    made_by: str
    store_version: str
    files: dict[str, FileEntry]

    @model_validator(mode="after")
    def _holds_files_of_a_study(self) -> Self:
        for name in self.files:
            if NAMES.fullmatch(name) is None:
                raise ValueError(f"{name!r} is no file of a study")
        if DESIGN_FILE not in self.files:
            raise ValueError(f"there is no {DESIGN_FILE} in it")
        return self

    @property
    def images(self) -> list[str]:
        """The names of all images; empty when they were left out."""
        return [name for name in self.files if name.startswith(f"{IMAGES}/")]

    @property
    def has_secret(self) -> bool:
        """Whether it holds what links are signed with."""
        return SECRET_FILE in self.files

    @property
    def votes(self) -> int:
        """How many votes there are, those taken back among them."""
        return self._rows("vote")

    @property
    def raters(self) -> int:
        """How many raters came."""
        return self._rows("rater")

    def _rows(self, table: str) -> int:
        entry = self.files.get(table_file(table))
        return 0 if entry is None or entry.rows is None else entry.rows


def table_file(table: str) -> str:
    """The file of a table's rows."""
    return f"votes/{table}.jsonl"


class ArchiveWriter:
    """Adds files to an archive, and keeps account of them."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.files: dict[str, FileEntry] = {}

    def add(self, name: str, chunks: Iterable[bytes], *, rows: bool = False, packed: bool = True) -> None:
        """Add a file made of chunks. rows: each chunk is one row. packed: compress it."""
        digest, size, count = hashlib.sha256(), 0, 0
        info = zipfile.ZipInfo(name, FIRST_DATE)
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        info.external_attr = 0o600 << 16
        with self._file.open(info, "w", force_zip64=True) as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size, count = size + len(chunk), count + 1
        self.files[name] = FileEntry(sha256=digest.hexdigest(), bytes=size, rows=count if rows else None)

    def finish(self, manifest: BackupManifest) -> None:
        """Add the manifest."""
        text = manifest.model_dump_json(indent=1) + "\n"
        self._file.writestr(zipfile.ZipInfo(MANIFEST, FIRST_DATE), text)


@contextmanager
def new_archive(path: Path) -> Iterator[ArchiveWriter]:
    """An archive that takes its name when it is complete and on disk, and leaves nothing behind otherwise.

    Only its owner can read it: it holds raters' ids and may hold the study's secret. Raises UserError when a file of
    this name is there already or cannot be written.
    """
    if os.path.lexists(path):
        raise UserError(f"{path} is there already, and no backup is written over: name another file with --out.")
    with (
        writing(path, "make its folder, or room, or name another file"),
        atomic_file(path, 0o600) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        yield ArchiveWriter(archive)


class ArchiveReader:
    """Reads an archive. Every method raises UserError when what it reads is not what was written."""

    def __init__(self, path: Path, file: zipfile.ZipFile, manifest: BackupManifest) -> None:
        self.path = path
        self.manifest = manifest
        self._file = file

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a file; whether it is whole shows at its end."""
        digest = hashlib.sha256()
        try:
            with self._file.open(name) as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    yield chunk
            if digest.hexdigest() != self.manifest.files[name].sha256:
                raise ValueError("its hash is another")
        except (*DAMAGE, OSError) as error:
            raise damaged(self.path, f"{name}: {error}") from error

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file, which is read to its end before the first of them."""
        self.check([name])
        with self._file.open(name) as file:
            yield from file

    def check(self, names: Iterable[str]) -> None:
        """Read files to their ends."""
        for name in names:
            for _ in self.chunks(name):
                pass


@contextmanager
def open_archive(path: Path) -> Iterator[ArchiveReader]:
    """An archive to read. Raises UserError when it is none."""
    try:
        file = zipfile.ZipFile(path)
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"there is no file {path}: name one that study backup wrote.") from None
    except (*DAMAGE, OSError) as error:
        raise damaged(path, str(error)) from error
    with file:
        try:
            manifest = BackupManifest.model_validate_json(file.read(MANIFEST))
        except ValidationError as error:
            raise damaged(path, first_problem(error)) from error
        except (*DAMAGE, OSError) as error:
            raise damaged(path, str(error)) from error
        yield ArchiveReader(path, file, manifest)


def damaged(path: Path, detail: str) -> UserError:
    """The one sentence about a file that cannot be restored from."""
    return UserError(f"{path} is no backup of a study, or is damaged ({detail}): use another one.")
