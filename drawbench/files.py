"""How files and folders are put in place: whole and on disk, or not at all.

What is being written has a hidden name (`.NAME.xxxxxxxx.partial`) beside its place, is synced, and is renamed. So a
reader sees the old content or all of the new, whoever writes at the same time, and whenever one is killed or the power
fails. Only a kill leaves the hidden name behind, for the next that writes there to remove: a writer that lives holds a
lock on it.
"""

import errno
import glob
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from drawbench.errors import UserError

SYNCED_TOGETHER = 8  # files; a file system commits at once what waits together, which is many times as fast

UNLOCKED_SECONDS = 1  # between making a hidden file and locking it lie microseconds


@contextmanager
def writing(place: Path, advice: str) -> Iterator[None]:
    """Inside, what the disk or its permissions refuse becomes a UserError. advice: what to do, without a full stop."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {place} ({error.strerror or error}): {advice}.") from error


@contextmanager
def atomic_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file to be filled, which is named `path` once the block has ended well; otherwise nothing is left of it.

    It gets `mode` without what the umask forbids; in the place of another file, that one's mode and (where that is
    allowed) owner. Of a link, what it points to is replaced; a pipe or a device is written to as it is. The folder
    must be there. Raises OSError.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    target = _real(path)
    partial = _hidden(target)
    held = None
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode), "w+b") as file:
            held = _hold(partial)
            _inherit(partial, target)
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    finally:
        if held is not None:
            os.close(held)
    sync(target.parent)


def write_text_atomically(path: Path, text: str) -> None:
    """Write a UTF-8 file as `atomic_file` does. Folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(text.encode())


class StagedFolder:
    """A folder that is filled at `path`, beside its place. Made by `atomic_folder`."""

    def __init__(self, place: Path, replace: bool) -> None:
        self.path = _hidden(place)
        self._place, self._replace = place, replace
        self._published = False
        self._held: int | None = None

    def make(self) -> None:
        """The empty folder, and the lock that tells others that it is being filled."""
        self.path.mkdir(parents=True)
        self._held = _hold(self.path)

    def close(self) -> None:
        """Give up the lock. When all went well, what killed processes left of writing this folder goes too."""
        if self._held is not None:
            os.close(self._held)
        if self._published:
            remove_abandoned(self._place)

    def publish(self) -> None:
        """Give it its name, after all of it is on disk. Once: later calls do nothing."""
        if self._published:
            return
        if self._place.is_dir():
            _inherit(self.path, self._place)
        _sync_together([self.path, *(entry for entry in self.path.rglob("*") if not entry.is_symlink())])
        if self._replace and self._place.exists():
            _exchange(self.path, self._place)
        else:
            self.path.rename(self._place)
        self._published = True
        sync(self._place.parent)

    def remove(self) -> None:
        """Whatever it is called now."""
        shutil.rmtree(self._place if self._published else self.path, ignore_errors=True)


@contextmanager
def atomic_folder(place: Path, *, replace: bool = False) -> Iterator[StagedFolder]:
    """A folder to be filled, which is named `place` once the block has ended well; otherwise nothing is left of it.

    replace: put it in the place of a folder that is there, which is moved aside when the new one is complete (a kill at
    that very moment leaves it under a hidden name); without it, a folder that is there must be empty. Folders above are
    made. Raises OSError.
    """
    staged = StagedFolder(_real(place), replace)
    try:
        staged.make()
        yield staged
        staged.publish()
    except BaseException:
        staged.remove()
        raise
    finally:
        staged.close()


def put_in_place(moves: Sequence[tuple[Path, Path]]) -> None:
    """Give many finished files their names, (from, to) on one file system. All are on disk before the first is renamed.

    Folders are made. Raises OSError; then those that have their names keep them.
    """
    _sync_together([partial for partial, _ in moves])
    folders = {target.parent for _, target in moves}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for partial, target in moves:
        partial.replace(target)
    for folder in folders:
        sync(folder)


def remove_leftovers(path: Path) -> None:
    """Delete what killed processes left of writing the file `path`. For one who knows that no other writes it now."""
    for left in path.parent.glob(f".{path.name}.*partial"):
        left.unlink(missing_ok=True)


def remove_abandoned(path: Path) -> None:
    """Delete what killed processes left of writing the file or folder `path`; what a living one holds stays.

    So does what is younger than a second, whose writer may be about to lock it, and all where locks are not known.
    """
    for left in _real(path).parent.glob(f".{glob.escape(path.name)}.????????.partial"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime < UNLOCKED_SECONDS:
                continue
            held = _hold(left)
            if held is not None:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
                os.close(held)


def _hold(path: Path) -> int | None:
    """An open descriptor with the lock of a file or folder, which a kill gives up; None when another has it."""
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system without locks
        os.close(descriptor)
        return None
    return descriptor


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _hidden(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")


def _inherit(new: Path, old: Path) -> None:
    """Mode and owner of what it replaces, if there is any."""
    with suppress(FileNotFoundError):
        known = old.stat()
        with suppress(PermissionError):  # only the superuser can give files away, and nobody else needs to
            os.chown(new, known.st_uid, known.st_gid)
        new.chmod(stat.S_IMODE(known.st_mode))


def _exchange(new: Path, place: Path) -> None:
    """Rename `new` to `place`; the folder there is moved aside first and deleted last."""
    old = _hidden(place)
    place.rename(old)
    try:
        new.rename(place)
    except BaseException:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync_together(paths: Sequence[Path]) -> None:
    if paths:
        with ThreadPoolExecutor(min(len(paths), SYNCED_TOGETHER)) as pool:
            list(pool.map(sync, paths))


def sync(path: Path) -> None:
    """Wait until a file's content, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems do not know this of folders
            raise
    finally:
        os.close(descriptor)
