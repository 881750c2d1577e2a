"""Object storage, as far as runs need it: an object is made once and whole, by whoever comes first; nothing is locked.

Credentials, endpoint and region come from the environment only, by the names that Amazon's own tools read.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from drawbench.errors import StageError, UserError, first_line

if TYPE_CHECKING:
    from obstore.store import S3Store

SCHEME = "s3://"
PROBE = ".probe-"
KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
NOT_THERE = ("NoSuchBucket", "InvalidBucketName")
NO_CREDENTIALS = "no credentials"
NO_KEYS = r"169\.254\.169\.254|Missing ?(Secret)?Access ?Key"  # the address: where keys are asked for last
REFUSED = ("PermissionDeniedError", "UnauthenticatedError")
QUICK: dict[str, Any] = {"max_retries": 2}  # at the start, when somebody waits to hear that the address is wrong
PATIENT: dict[str, Any] = {"max_retries": 10, "backoff": {"init_backoff": timedelta(seconds=1)}}  # about half a minute

T = TypeVar("T")


@dataclass(frozen=True)
class StoreUrl:
    """A folder of a bucket. prefix: without a slash at either end, never empty."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    @property
    def name(self) -> str:
        """The last part of it."""
        return self.prefix.rpartition("/")[2]


def parse_place(text: str) -> Path | StoreUrl:
    """A path, or what `s3://BUCKET/PREFIX` names. Raises UserError for other addresses."""
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text)
    if scheme is None:
        return Path(text)
    bucket, _, prefix = text[scheme.end() :].partition("/")
    if "@" in bucket or (scheme[0] == SCHEME and ":" in bucket):
        raise UserError(f"the address of a bucket holds a user or key: keys come from {KEYS} only.")
    parts = [part for part in prefix.split("/") if part]
    if scheme[0] != SCHEME or not bucket or not parts or {".", ".."} & {*parts} or re.search(r"[?#\s]", text):
        raise UserError(f"{text} is no place for a run: name a directory, or s3://BUCKET/PREFIX.")
    return StoreUrl(bucket, "/".join(parts))


def parse_directory(text: str) -> Path:
    """A path. Raises UserError for an address."""
    place = parse_place(text)
    if isinstance(place, StoreUrl):
        raise UserError(f"{place} is in object storage, and only run and generate draw there: name a directory.")
    return place


def client_options() -> dict[str, bool]:
    """Unencrypted requests only where the environment names an endpoint of that kind."""
    return {"allow_http": os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")}


def reason(error: Exception) -> str:
    """What a store's error says, in a few words."""
    if re.search(NO_KEYS, str(error)):
        return NO_CREDENTIALS
    code = re.search(r"<Code>(\w+)</Code>", str(error))
    return code[1] if code else first_line(error)


class ObjectStore:
    """What is under an address. Names of objects are relative to it. first: of those that were there at the start."""

    def __init__(self, url: StoreUrl) -> None:
        """Raises UserError where the extra is missing, the bucket is not there or cannot be listed."""
        self.url = url
        self._store = self._opened(PATIENT)
        self._quick = self._opened(QUICK)
        self.first = self._asked(self._first_names, UserError)

    def _opened(self, retries: dict[str, Any]) -> "S3Store":
        try:
            from obstore.store import S3Store
        except ImportError:
            raise UserError(f"{self.url} needs the extra s3: pip install 'drawbench[s3]'.") from None
        options = {"client_options": client_options(), "retry_config": retries}
        bucket, prefix = self.url.bucket, self.url.prefix
        return self._asked(lambda: S3Store(bucket, prefix=prefix, **options), UserError)  # type: ignore[arg-type]

    def require_conditional_writes(self) -> None:
        """Raises UserError where a second create-only write of one object is accepted, or none is."""
        import obstore

        name = PROBE + secrets.token_hex(8)

        def written() -> bool:
            with suppress(obstore.exceptions.AlreadyExistsError):
                obstore.put(self._quick, name, b"", mode="create")
                return True
            return False

        try:
            self._asked(written, UserError)
            if self._asked(written, UserError):
                raise UserError(
                    f"the store of {self.url} accepts a second create-only write (If-None-Match is ignored), so that "
                    "machines could overwrite each other's images: use a store with conditional writes, or a directory."
                )
        finally:
            with suppress(obstore.exceptions.BaseError, OSError):  # those who may not delete leave it there
                obstore.delete(self._quick, name)

    def create(self, name: str, content: bytes) -> bool:
        """Write an object that is not there yet, in one step; whether it was this call that wrote it."""
        import obstore

        def write() -> bool:
            with suppress(obstore.exceptions.AlreadyExistsError):
                obstore.put(self._store, name, content, mode="create", use_multipart=False)
                return True
            return False

        return self._asked(write)

    def read(self, name: str) -> bytes | None:
        """The content of an object; None where there is none."""
        import obstore

        def get() -> bytes | None:
            with suppress(FileNotFoundError):
                return bytes(obstore.get(self._store, name).bytes())
            return None

        return self._asked(get)

    def has(self, name: str) -> bool:
        """Whether the object is there."""
        import obstore

        def look() -> bool:
            with suppress(FileNotFoundError):
                obstore.head(self._store, name)
                return True
            return False

        return self._asked(look)

    def names(self, folder: str) -> list[str]:
        """Of all objects in a folder, in order."""
        import obstore

        return self._asked(lambda: sorted(each["path"] for page in obstore.list(self._store, folder) for each in page))

    def _first_names(self) -> list[str]:
        import obstore

        pages: Iterator = iter(obstore.list(self._quick, chunk_size=1000))
        return [each["path"] for each in next(pages, []) if not each["path"].startswith(PROBE)]

    def _asked(self, ask: Callable[[], T], kind: type[Exception] = StageError) -> T:
        import obstore

        try:
            return ask()
        except (obstore.exceptions.BaseError, OSError) as error:
            raise self._problem(error, kind) from None

    def _problem(self, error: Exception, kind: type[Exception]) -> Exception:
        text, what = str(error), reason(error)
        if any(word in text for word in NOT_THERE):
            return UserError(f"there is no bucket {self.url.bucket}: make it, or name another than {self.url}.")
        if what == NO_CREDENTIALS:
            return UserError(f"there are no credentials for {self.url}: set {KEYS}, and AWS_ENDPOINT_URL if need be.")
        if type(error).__name__ in REFUSED:
            return UserError(f"{self.url} is refused ({what}): check {KEYS}, and what they may do there.")
        if "NotImplemented" in text:
            return UserError(f"the store of {self.url} knows no create-only writes ({what}): use another.")
        later = "run the same command again when it can"
        advice = "check AWS_ENDPOINT_URL and the network" if kind is UserError else later
        return kind(f"{self.url} cannot be reached ({what}): {advice}.")
