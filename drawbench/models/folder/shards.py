"""Tar files of images, one or several, unpacked as one folder: WebDataset's shards, or a folder that was packed.

What identifies an image in WebDataset are files of its own key beside it (`000017.txt`, `000017.json`): they become the
rows of a metadata.jsonl.
"""

import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from drawbench.errors import UserError
from drawbench.models.folder.tables import LOOKUP, TABLES
from drawbench.prompts.files import TEXT_COLUMNS
from metrics.images.decode import SUFFIXES
from metrics.images.image_folder import UNREAD_SUFFIXES

SUFFIX = ".tar"
SIDECARS = (".txt", ".json")
IDENTIFYING = ("prompt_id", "sample")
LONGEST_SIDECAR = 1 << 20  # bytes
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Shards:
    """files: in order. name: what a model made of them is called."""

    files: tuple[Path, ...]
    name: str


def shards_of(argument: str) -> Shards | None:
    """The tar files that are named: one, those of a pattern, or those of a folder; None where none are.

    Raises UserError for a pattern that fits nothing, or something else.
    """
    path = Path(argument).expanduser()
    if path.is_file() and path.suffix.lower() == SUFFIX:
        return Shards((path,), path.stem)
    if not path.exists() and _WILD.search(argument):
        found = tuple(sorted(path.parent.glob(path.name)))
        wrong = [each for each in found if each.suffix.lower() != SUFFIX]
        if wrong or not found:
            what = f"fits {wrong[0].name}, which is no tar file" if wrong else "fits no file"
            raise UserError(f"the pattern {argument} {what}: let it name tar files only, such as 'shards-*.tar'.")
        return Shards(found, re.sub(r"[-_. ]+$", "", _WILD.split(path.name)[0]) or path.parent.resolve().name)
    if path.is_dir():
        found = tuple(sorted(each for each in path.iterdir() if each.suffix.lower() == SUFFIX and each.is_file()))
        return Shards(found, path.resolve().name) if found else None
    return None


class Unpacked:
    """A folder with what shards hold, which goes with this object. root: of its images."""

    def __init__(self, shards: Shards) -> None:
        """Raises UserError for a tar file that is damaged, leads elsewhere or holds one name twice."""
        self._place = tempfile.TemporaryDirectory(prefix="drawbench-")
        self.root = Path(self._place.name).resolve() / (shards.files[0].name if len(shards.files) == 1 else shards.name)
        self.root.mkdir()
        origins: dict[str, Path] = {}
        rows: dict[str, dict[str, Any]] = {}
        for file in shards.files:
            try:
                _unpack(file, self.root, origins, rows)
            except (tarfile.TarError, OSError, EOFError) as error:
                raise UserError(f"{file} cannot be unpacked ({error}): pack it anew, without compression.") from error
        _write_table(self.root, origins, rows)


def _unpack(file: Path, root: Path, origins: dict[str, Path], rows: dict[str, dict[str, Any]]) -> None:
    """Images and tables go into the root, what stands beside images into rows, by the key. origins: what was there."""
    with file.open("rb") as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
        members = list(tar)
        _check_end(file, stream, tar.offset)
        free, needed = shutil.disk_usage(root).free, sum(member.size for member in members)
        if needed > min(free, file.stat().st_size):
            raise UserError(
                f"{file} says that it holds {needed:,} bytes, which is more than it has, or than are free in "
                f"{root.parent}: pack it anew, or make room."
            )
        for member in members:
            _check_member(file, member)
            if member.isdir():
                continue
            name = PurePosixPath(member.name).as_posix()
            if name in origins:
                raise UserError(f"{origins[name]} and {file} both hold {name}: keep one of them.")
            origins[name] = file
            if _is_kept(name):
                tar.extract(member, root, filter="data")
            elif PurePosixPath(name).suffix.lower() in SIDECARS:
                rows.setdefault(_key(name), {}).update(_fields(tar, member, file))


def _check_end(file: Path, stream: BinaryIO, end: int) -> None:
    """Whether the end is marked, and nothing comes after it: else images would be missing without a word."""
    stream.seek(end)
    length = 0
    while piece := stream.read(1 << 20):
        length += len(piece)
        if piece.strip(b"\0"):
            raise UserError(
                f"{file} holds something behind its end, or is damaged there: name tar files that were put together "
                "with cat one by one, or pack it anew."
            )
    if length == 0:
        raise UserError(f"{file} is cut short: its end is missing, so pack it anew.")


def _check_member(file: Path, member: tarfile.TarInfo) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise UserError(f"{file} holds {member.name!r}, which leads out of it: nothing of it is read.")
    if not member.name.isprintable():  # bytes that are no text come as signs that no file of a run can hold
        raise UserError(f"{file} holds {member.name!r}, a name that is no text in UTF-8: rename it and pack it anew.")
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise UserError(f"{file} holds {member.name!r}, which is a link or no plain file: nothing of it is read.")


def _is_kept(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in (*SUFFIXES, *UNREAD_SUFFIXES) or path.name in (*TABLES, LOOKUP)


def _key(name: str) -> str:
    """WebDataset's: the path up to the first dot of the file's own name."""
    path = PurePosixPath(name)
    return (path.parent / path.name.partition(".")[0]).as_posix()


def _fields(tar: tarfile.TarFile, member: tarfile.TarInfo, file: Path) -> dict[str, Any]:
    """What a file beside an image says: the fields of an object, or a text as `text`."""
    stream = tar.extractfile(member)
    if stream is None or member.size > LONGEST_SIDECAR:
        raise UserError(f"{file} holds {member.name}, which is too long to be what is said of an image: leave it out.")
    content = stream.read()
    try:
        if member.name.lower().endswith(".txt"):
            return {"text": content.decode("utf-8-sig")}
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} holds {member.name}, which cannot be read ({error}): mend it.") from None
    return fields if isinstance(fields, dict) else {}


def _write_table(root: Path, origins: Mapping[str, Path], rows: Mapping[str, dict[str, Any]]) -> None:
    """A metadata.jsonl of what stands beside images, unless the shards bring a table of their own."""
    if any(PurePosixPath(name).name in (*TABLES, LOOKUP) for name in origins):
        return
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(origins, rows)]
    if lines:
        (root / TABLES[0]).write_text("".join(lines), encoding="utf-8")


def _rows(origins: Mapping[str, Path], rows: Mapping[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    images: dict[str, str] = {}
    for name in origins:
        key = _key(name)
        if PurePosixPath(name).suffix.lower() not in SUFFIXES or key not in rows:
            continue
        if key in images:
            raise UserError(f"{origins[name]} holds {images[key]} and {name} for one key: keep one image for each.")
        images[key] = name
        fields = {field: value for field, value in rows[key].items() if _tells(field)}
        if len({" ".join(str(value).split()) for field, value in fields.items() if field not in IDENTIFYING}) > 1:
            raise UserError(f"{origins[name]} says different texts of {name} ({', '.join(fields)}): keep one of them.")
        if fields:
            yield {**fields, "file_name": name}


def _tells(field: str) -> bool:
    return field in IDENTIFYING or field.strip().casefold() in TEXT_COLUMNS
