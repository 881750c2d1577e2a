"""Reference images and statistics at an address that fsspec knows (s3://, gs://, ...), copied into the local cache.

A copy's folder is named after the hash of the listing: names, sizes, and what else the store says of each file (ETag,
checksum, time). So what changes there is fetched anew, and nothing else.
"""

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from drawbench.errors import UserError
from drawbench.files import put_in_place
from drawbench.progress import Progress
from drawbench.remote.object_store import SCHEME, client_options, reason
from metrics.images.folders import cache_folder

FETCHED_TOGETHER = 16  # files, which are then put in place together


@dataclass(frozen=True)
class RemoteUrl:
    """An address that fsspec knows."""

    text: str

    def __str__(self) -> str:
        """Without a query, which may be a key."""
        return self.text.partition("?")[0]


@dataclass(frozen=True)
class RemoteFile:
    """path: in its file system. size: bytes. state: all that the file system says of it."""

    path: str
    size: int
    state: str

    @classmethod
    def of(cls, path: str, info: Mapping[str, Any]) -> "RemoteFile":
        """What fsspec's `info` says."""
        return cls(path, info["size"], str(sorted(info.items())))

    def is_whole(self, copy: Path) -> bool:
        """Whether the copy is there, in full."""
        return copy.is_file() and copy.stat().st_size == self.size


def parse_reference(text: str) -> Path | RemoteUrl:
    """A path, or an address. Raises UserError for an address that holds a user or key."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return Path(text)
    if "@" in text.partition("://")[2].partition("/")[0]:
        raise UserError("the address of the references holds a user or key: keys come from the environment only.")
    return RemoteUrl(text.rstrip("/"))


def fetched(reference: Path | RemoteUrl | None, progress: Progress) -> Path | None:
    """A path as it is; of an address, the copy in the cache: a file, or a folder with COCO's captions beside it.

    Raises UserError where it cannot be read. What was fetched before an interrupt stays.
    """
    if not isinstance(reference, RemoteUrl):
        return reference
    try:
        system, root = _file_system(reference)
        files = _listed(system, root)
        if not files:
            raise UserError(f"there is nothing at {reference}: check the address.")
        listing = "\n".join(f"{name} {file}" for name, file in sorted(files.items()))
        folder = cache_folder() / "references" / hashlib.sha256(listing.encode()).hexdigest()[:16]
        _fetch(system, files, folder, progress)
    except (UserError, KeyboardInterrupt):
        raise
    except Exception as error:  # each file system of fsspec has errors of its own
        raise UserError(
            f"{reference} cannot be read ({reason(error)}): check the address, and the keys in the environment."
        ) from error
    return folder / PurePosixPath(root).name


def _file_system(reference: RemoteUrl) -> tuple[Any, str]:
    """fsspec's, and the path in it."""
    if reference.text.startswith(SCHEME):
        try:
            from obstore.fsspec import FsspecStore
        except ImportError:
            raise UserError(f"{reference} needs the extra s3: pip install 'drawbench[s3]'.") from None
        options: Any = {"client_options": client_options(), "skip_instance_cache": True}
        return FsspecStore("s3", **options), reference.text.removeprefix(SCHEME)
    from fsspec.core import url_to_fs

    return url_to_fs(reference.text)


def _listed(system: Any, root: str) -> dict[str, RemoteFile]:
    """The files, by the names that their copies get."""
    name = PurePosixPath(root).name
    if system.isfile(root):
        return {name: RemoteFile.of(root, system.info(root))}
    found = system.find(root, detail=True)
    files = {
        f"{name}{path.partition(root)[2]}": RemoteFile.of(path, info)
        for path, info in found.items()
        if not path.endswith("/")
    }
    if odd := next((each for each in files if ".." in PurePosixPath(each).parts), None):
        raise UserError(f"{odd} is no name for a file: leave it out of the references.")
    captions = f"annotations/captions_{name}.json"
    beside = f"{PurePosixPath(root).parent}/{captions}"
    if files and system.isfile(beside):
        files[captions] = RemoteFile.of(beside, system.info(beside))
    return files


def _fetch(system: Any, files: Mapping[str, RemoteFile], folder: Path, progress: Progress) -> None:
    """Copy what is not there in full."""
    missing = [name for name, file in files.items() if not file.is_whole(folder / name)]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(prefix=".partial-", dir=folder) as aside,
        progress.counted("fetching references", len(files) - len(missing), len(files), "files"),
        ThreadPoolExecutor(FETCHED_TOGETHER) as pool,
    ):

        def fetch(number: int, name: str) -> tuple[Path, Path]:
            partial = Path(aside, str(number))
            partial.write_bytes(system.cat_file(files[name].path))
            if not files[name].is_whole(partial):
                raise OSError(f"{name} came with {partial.stat().st_size} of {files[name].size} bytes")
            return partial, folder / name

        for first in range(0, len(missing), FETCHED_TOGETHER):
            names = missing[first : first + FETCHED_TOGETHER]
            put_in_place(list(pool.map(fetch, range(len(names)), names)))
            progress.advance(len(names))
