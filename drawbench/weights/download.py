"""Weights files from their published URLs: resumed, checked, and in their place only when whole.

A download grows in NAME.part; NAME.part.json names the version of the source that it belongs to, so that a resumed file
is never two versions glued together. Only a file with the right digest is renamed to NAME.
"""

import http.client
import json
import os
import shlex
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from drawbench.errors import StageError, UserError
from drawbench.files import put_in_place, write_text_atomically
from drawbench.progress import Progress
from metrics.errors import MetricInputError
from metrics.features.weights import WeightsFile, check_weights, file_sha256, record_of, weights_folders

CHUNK = 1 << 20  # bytes read at once, and the unit of progress
TRIES = 4  # in a row without a single new byte
PAUSE = 1.0  # seconds before the second try; doubled for each further one
SILENCE = 60.0  # seconds without a byte after which a connection counts as cut
_NETWORK_ERRORS = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


@dataclass(frozen=True)
class _Download:
    """What every step of one download reads."""

    weights: WeightsFile
    folder: Path
    progress: Progress

    @property
    def target(self) -> Path:
        return self.folder / self.weights.file

    @property
    def part(self) -> Path:
        return self.folder / f"{self.weights.file}.part"

    @property
    def version_file(self) -> Path:
        return self.folder / f"{self.weights.file}.part.json"

    def drop(self) -> None:
        """Forget what has been downloaded."""
        self.part.unlink(missing_ok=True)
        self.version_file.unlink(missing_ok=True)


def fetch(weights: WeightsFile, folder: Path, progress: Progress, pause: float = PAUSE) -> Path:
    """The file in `folder`, downloaded unless it is there already. Safe to kill, to repeat, and to run twice at once.

    Raises StageError when the network fails (the same command resumes) and UserError when the source is not, or no
    longer, the published file.
    """
    download = _Download(weights, folder, progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(download):
            if not _is_there(download):
                _complete(download, pause)
                _publish(download)
    except PermissionError as error:
        raise UserError(f"{folder} cannot be written to: name another folder with --to") from error
    return download.target


@contextmanager
def _alone(download: _Download) -> Iterator[None]:
    """One process at a time; the lock goes with its holder, however that ends."""
    lock = FileLock(download.folder / f".{download.weights.file}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        download.progress.note(f"another process is fetching {download.weights.file}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _is_there(download: _Download) -> bool:
    if not download.target.is_file():
        return False
    try:
        check_weights(download.target, download.weights.sha256)
    except MetricInputError as error:
        if not download.weights.sha256:
            raise
        download.progress.note(f"{error}")
        return False
    download.progress.note(f"{download.target} is there, and its digest is right")
    return True


def _complete(download: _Download, pause: float) -> None:
    """Read until the part is whole. A connection that is cut is taken up where it ended."""
    failures = 0
    while True:
        before = _size(download.part)
        reason: object = "the connection was cut"
        try:
            if _read(download):
                return
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):
                raise UserError(
                    f"{download.weights.source} answers {error.code} ({error.reason}): {_by_hand(download)}"
                ) from error
            reason = f"the server answers {error.code}"
        except _NETWORK_ERRORS as error:
            reason = getattr(error, "reason", None) or error
        failures = 0 if _size(download.part) > before else failures + 1
        if failures >= TRIES:
            raise StageError(f"{download.weights.source} cannot be reached ({reason}): {_by_hand(download)}")
        if failures:
            time.sleep(pause * 2 ** (failures - 1))


def _read(download: _Download) -> bool:
    """One request, from the first missing byte on. True when the part is whole, False when the connection was cut."""
    version = _version(download)
    begin = _size(download.part) if version or download.weights.sha256 else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "drawbench"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
        if version:
            headers["If-Range"] = version
    try:
        answer = urllib.request.urlopen(
            urllib.request.Request(download.weights.source, headers=headers), timeout=SILENCE
        )
    except urllib.error.HTTPError as error:
        if error.code != 416 or not begin:
            raise
        if begin == download.weights.size:
            return True
        download.drop()  # longer than the source, or of another version: from the beginning
        return False
    with answer:
        total = _total(answer, begin)
        if answer.status != 206 or not answer.headers.get("Content-Range", "").startswith(f"bytes {begin}-"):
            begin = 0
        _refuse_size(download, total, begin)
        return _write(download, answer, begin, total)


def _write(download: _Download, answer: Any, begin: int, total: int) -> bool:
    _remember_version(download, answer)
    size, label = begin, f"fetching {download.weights.file}"
    with (
        download.progress.counted(label, begin // CHUNK, -(-total // CHUNK), "MiB"),
        download.part.open("r+b" if begin else "wb") as file,
    ):
        file.seek(begin)
        file.truncate()
        while piece := answer.read(CHUNK):
            file.write(piece)
            download.progress.advance((size + len(piece)) // CHUNK - size // CHUNK)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return size >= total if total else True


def _publish(download: _Download) -> None:
    """Check the whole part and give it its name."""
    weights, digest = download.weights, file_sha256(download.part)
    if weights.sha256 and digest != weights.sha256:
        download.drop()
        raise UserError(
            f"{weights.source} sent another file than {weights.file}: its SHA-256 is {digest}, expected "
            f"{weights.sha256}; nothing of it was kept, so fetch it again, or get the file elsewhere"
        )
    record_of(download.target).unlink(missing_ok=True)
    put_in_place([(download.part, download.target)])
    download.version_file.unlink(missing_ok=True)
    if not weights.sha256:
        download.progress.note(f"{weights.file} has no published digest: {digest} is recorded and enforced from now on")
    check_weights(download.target, weights.sha256)


def _version(download: _Download) -> str:
    """What names the version of the source that the part belongs to; empty when nothing does."""
    try:
        known = json.loads(download.version_file.read_text(encoding="utf-8"))
        return str(known["version"]) if known["source"] == download.weights.source else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _remember_version(download: _Download, answer: Any) -> None:
    tag = answer.headers.get("ETag", "")
    version = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")
    known = json.dumps({"source": download.weights.source, "version": version})
    write_text_atomically(download.version_file, known)


def _total(answer: Any, begin: int) -> int:
    """Bytes of the whole file, 0 when the server does not say."""
    of = str(answer.headers.get("Content-Range", "")).rpartition("/")[2]
    if answer.status == 206 and of.isdigit():
        return int(of)
    length = answer.headers.get("Content-Length", "")
    return int(length) + (begin if answer.status == 206 else 0) if length.isdigit() else 0


def _refuse_size(download: _Download, total: int, begin: int) -> None:
    """Before a gigabyte is read: is it the file's size, is there room for it, and could a cut be told from the end?"""
    expected = download.weights.size
    if not total and not download.weights.sha256:
        raise UserError(
            f"{download.weights.source} does not say how long it is, and no digest of {download.weights.file} is "
            f"known, so a part of it could pass for the whole: {_by_hand(download)}"
        )
    if expected and total and total != expected:
        download.drop()
        raise UserError(
            f"{download.weights.source} offers {total} bytes where {download.weights.file} has {expected}: "
            f"{_by_hand(download)}"
        )
    free = shutil.disk_usage(download.folder).free
    if total - begin > free:
        raise UserError(
            f"{download.weights.file} needs {(total - begin) / 1e6:.0f} MB more and {download.folder} has "
            f"{free / 1e6:.0f} MB free: make room, or name another folder with --to"
        )


def _by_hand(download: _Download) -> str:
    weights, elsewhere = download.weights, download.folder != weights_folders()[0]
    command = ["drawbench", "weights", "fetch", weights.name, *(["--to", str(download.folder)] if elsewhere else [])]
    return (
        f"repeat `{shlex.join(command)}` where there is a network, or put {weights.file} "
        f"({weights.size_text}, {weights.digest_text}) into {download.folder} yourself"
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
