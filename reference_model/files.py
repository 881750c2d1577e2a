"""How a file or a folder is put in place: whole and on disk, or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

SYNCED_TOGETHER = 8  # files; a file system commits at once what waits together


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Where to write a file or make a folder, which is named `path` once the block has ended well.

    Otherwise nothing is left of it, unless the process is killed (see `remove_leftovers`). A file takes the place of
    another; a folder that is there must be empty. Folders above are made. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
        with ThreadPoolExecutor(SYNCED_TOGETHER) as pool:
            list(pool.map(_sync, [written for written in (partial, *partial.rglob("*")) if not written.is_symlink()]))
        partial.replace(path)
    except BaseException:
        _remove(partial)
        raise
    _sync(path.parent)


def remove_leftovers(path: Path) -> None:
    """Delete what killed processes left of writing `path`. For one who knows that no other writes it now."""
    for left in path.parent.glob(f".{path.name}.*.partial"):
        _remove(left)


def _remove(partial: Path) -> None:
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        partial.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
