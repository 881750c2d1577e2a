"""How a file is put in place: whole and on disk, or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial"  # how the hidden name ends that a file has until it is complete; a kill leaves it behind


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to be filled, which is named `path` once the block has ended well; otherwise nothing is left of it.

    Folders are made. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
