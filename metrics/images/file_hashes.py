"""Pixel hashes of files that were read before, so that an unchanged file need not be decoded to be known.

A file counts as unchanged when its path, size and both of its times (modification and status change, in nanoseconds)
are those of the moment it was read. Copying a file's times along with other content changes its status time.
"""

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from metrics.files import atomic_file
from metrics.images.folders import cache_folder

SETTLED_NS = 50_000_000  # a file changed more recently could change again within one tick of the file system's clock


@dataclass(frozen=True)
class Stamp:
    """What tells that a file was not touched: bytes, and both times in nanoseconds."""

    size: int
    modified: int
    changed: int


def stamps(paths: Sequence[Path]) -> list[Stamp | None]:
    """The files' stamps, to be taken before they are read; None for a missing file and one that just changed."""
    return [_stamp(path) for path in paths]


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    settled = time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) >= SETTLED_NS
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ctime_ns) if settled else None


class FileHashes:
    """The pixel hashes of one folder's files, in the user's cache, named by the folder's path."""

    def __init__(self, folder: Path, cache: Path | None = None, warn: Callable[[str], None] = warnings.warn) -> None:
        self._folder = folder.resolve()
        name = hashlib.sha256(str(self._folder).encode(errors="surrogateescape")).hexdigest()[:32]
        self._file = (cache or cache_folder()) / "files" / f"{name}.json"
        self._warn = warn

    def known(self, paths: Sequence[Path], now: Sequence[Stamp | None]) -> list[str | None]:
        """For each file its pixel hash, or None when it was not read before or has another stamp now."""
        then = self._read()
        return [
            digest if stamp is not None and stamp == old else None
            for (old, digest), stamp in zip(
                (then.get(self._name(path), (None, None)) for path in paths), now, strict=True
            )
        ]

    def record(self, paths: Sequence[Path], before: Sequence[Stamp | None], digests: Sequence[str]) -> None:
        """Remember the hashes of files whose stamps were taken before they were read; replaces what was known."""
        rows = [
            [self._name(path), stamp.size, stamp.modified, stamp.changed, digest]
            for path, stamp, digest in zip(paths, before, digests, strict=True)
            if stamp is not None
        ]
        content = json.dumps(rows)
        text = f"{hashlib.sha256(content.encode()).hexdigest()}\n{content}\n"
        try:
            with atomic_file(self._file) as file:
                file.write(text.encode())
        except OSError as error:
            self._warn(f"{self._file} cannot be written ({error.strerror}): all images are read again next time")

    def _name(self, path: Path) -> str:
        absolute = path if path.is_absolute() else Path.cwd() / path
        try:
            return absolute.relative_to(self._folder).as_posix()
        except ValueError:
            return absolute.as_posix()

    def _read(self) -> dict[str, tuple[Stamp, str]]:
        """Path -> stamp and hash; empty when there is no file, or a damaged one."""
        try:
            digest, _, content = self._file.read_text(encoding="utf-8").partition("\n")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError):
            digest, content = "", ""
        content = content.removesuffix("\n")
        if hashlib.sha256(content.encode()).hexdigest() != digest:
            self._warn(f"{self._file} is damaged: it is ignored, and all images are read again")
            return {}
        return {
            name: (Stamp(size, modified, changed), digest)
            for name, size, modified, changed, digest in json.loads(content)
        }
