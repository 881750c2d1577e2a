"""How a file is put in place: whole, or not at all."""

import os
import tempfile
from pathlib import Path

from pydantic import ValidationError


def first_problem(error: ValidationError) -> str:
    """The first complaint of a validation, as `field: what is wrong`."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


def write_text_atomically(path: Path, text: str) -> None:
    """Write a UTF-8 file so that a reader sees the old one or the new one, never a part. Folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
