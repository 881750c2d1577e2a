"""A slice as one tar: its PNG files, the record of it, and the SHA-256 of each, which `sha256sum -c` reads too."""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from typing import Literal

from pydantic import ValidationError

from drawbench.records import Record, first_problem
from drawbench.runs.journal import Attempt, Outcome
from metrics.errors import MetricInputError
from metrics.images.decode import decode_image, pixel_hash

RECORD = "slice.json"
SUMS = "SHA256SUMS"


class StoredSlice(Record):
    """What a tar says of its slice.

    attempt: the process that drew it, as it was then; its `end` is when the slice was whole. by: a random name of that
    attempt, which all its slices have in common. images: the names of those in the tar, for samples without None.
    """

    schema_version: Literal[1] = 1
    plan_sha256: str
    slice: int
    by: str
    attempt: Attempt
    outcomes: tuple[Outcome, ...]
    images: tuple[str | None, ...]


class DamagedError(Exception):
    """A tar that is not as it was written, and why."""


def pack(record: StoredSlice, images: Mapping[str, bytes]) -> bytes:
    """The tar. images: by name. Equal content gives equal bytes."""
    files = dict(images) | {RECORD: record.model_dump_json(exclude_defaults=True).encode()}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in (files | {SUMS: sums.encode()}).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def unpack(content: bytes) -> tuple[StoredSlice, list[bytes | None]]:
    """The record of a tar, and the PNG file of each sample that has one, which decodes to what is recorded.

    Raises DamagedError for a tar that is cut short, altered, or of something else.
    """
    files = _files(content)
    sums = files.pop(SUMS, b"").decode(errors="replace").splitlines()
    if sorted(sums) != sorted(f"{hashlib.sha256(each).hexdigest()}  {name}" for name, each in files.items()):
        raise DamagedError(f"what it holds is not what its {SUMS} says")
    try:
        record = StoredSlice.model_validate_json(files.pop(RECORD, b""))
    except ValidationError as error:
        raise DamagedError(f"{RECORD} is none of version 1 ({first_problem(error)})") from None
    if {*files} != {*filter(None, record.images)} or len(record.images) != len(record.outcomes):
        raise DamagedError(f"it does not hold the images of its {RECORD}")
    images = [files[name] if name is not None else None for name in record.images]
    for name, image, outcome in zip(record.images, images, record.outcomes, strict=True):
        if _pixels(image, str(name)) != outcome.pixels:
            raise DamagedError(f"{name} is not the image that was recorded")
    return record, images


def _files(content: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
            for entry in tar:
                file = tar.extractfile(entry) if entry.isreg() else None
                if file is None or entry.name in files:
                    raise DamagedError("it holds more than files")
                files[entry.name] = file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DamagedError(f"it is no whole tar: {error}") from None
    return files


def _pixels(image: bytes | None, name: str) -> str | None:
    if image is None:
        return None
    try:
        return pixel_hash(decode_image(image, name))
    except MetricInputError as error:
        raise DamagedError(str(error)) from None
