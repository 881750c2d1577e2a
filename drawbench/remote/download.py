"""Images that an answer names by an address: fetched without the key, from public addresses, up to a size."""

import ssl
import time
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlunsplit

from drawbench.remote.address import AddressError, resolved, split_url
from drawbench.remote.answers import AnswerError

if TYPE_CHECKING:
    import httpx2

MOST_BYTES = 64 << 20
MOST_REDIRECTS = 3
LONGEST = 600.0  # seconds from an answer's first byte to its last, unless its timeout is longer
PAUSE = 1.0  # seconds before the second try
HEADERS = {"Accept-Encoding": "identity", "User-Agent": "drawbench"}
TRIES = 3  # the image is paid for


def download(address: str, named_host: str, timeout: float) -> bytes:
    """The content. named_host: the host that the user named, the only one that may be at a private address.

    Raises AnswerError. No message holds the address's query, which often is a key to the image.
    """
    import httpx2

    for tries in range(1, TRIES + 1):
        try:
            return _followed(address, named_host, timeout)
        except (AddressError, ValueError, httpx2.InvalidURL) as error:  # also of a redirect
            why = error if isinstance(error, AddressError) else "is none"
            raise AnswerError(
                f"the address of the image {why}: if the server knows it, --set extra.response_format=b64_json has "
                "the image in the answer itself"
            ) from None
        except httpx2.HTTPError as error:
            if tries == TRIES:
                raise AnswerError(f"the image cannot be fetched from its address ({type(error).__name__})") from None
            time.sleep(PAUSE * tries)
    raise AssertionError("not reached")


@cache
def certificates() -> ssl.SSLContext:
    """Whom to trust, which takes a while to read."""
    import httpx2

    return httpx2.create_ssl_context()


def _followed(address: str, named_host: str, timeout: float) -> bytes:
    import httpx2

    with httpx2.Client(timeout=timeout, trust_env=False, follow_redirects=False, verify=certificates()) as client:
        for _ in range(MOST_REDIRECTS + 1):
            url = split_url(address)
            if url.username is not None or url.password is not None:
                raise AddressError("holds a user or password")
            pinned, host = _pinned(url, resolved(url, named_host))
            with client.stream("GET", pinned, headers=HEADERS | {"Host": host}, extensions=_sni(url)) as answer:
                if not answer.has_redirect_location:
                    return _content(answer, timeout)
                address = urljoin(address, answer.headers["location"])
    raise AddressError(f"leads on more than {MOST_REDIRECTS} times")


def _pinned(url: SplitResult, ip: str) -> tuple[str, str]:
    """The address with the IP that was looked at in place of the host, which may lead elsewhere the next time; and the
    host, as a server knows it."""
    port = f":{url.port}" if url.port else ""
    number = f"[{ip}]" if ":" in ip else ip
    name = f"[{url.hostname}]" if ":" in str(url.hostname) else str(url.hostname)
    return urlunsplit((url.scheme, number + port, url.path or "/", url.query, "")), name + port


def _sni(url: SplitResult) -> dict[str, str]:
    """The name that a certificate must be for."""
    return {"sni_hostname": str(url.hostname)}


def _content(answer: "httpx2.Response", timeout: float) -> bytes:
    answer.raise_for_status()
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise AnswerError("the image came packed, although it was asked not to")
    return b"".join(capped(answer.iter_raw(), MOST_BYTES, timeout, "the image"))


def capped(pieces: Iterable[bytes], most: int, timeout: float, what: str) -> Iterator[bytes]:
    """The pieces of a content, as they come. Raises AnswerError where it is longer than `most` bytes, or never ends."""
    size, seconds = 0, max(LONGEST, timeout)
    until = time.monotonic() + seconds
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise AnswerError(f"{what} is longer than {most >> 20} MiB")
        if time.monotonic() > until:
            raise AnswerError(f"{what} began but did not end within {seconds:.0f} s")
        yield piece
