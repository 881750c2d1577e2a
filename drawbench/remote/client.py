"""The client of a server with OpenAI's API: keys, waiting, trying again, and what an answer must be."""

import os
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from drawbench.errors import UserError
from drawbench.remote.address import checked_base_url, is_loopback
from drawbench.remote.answers import AnswerError, Problem, problem_of
from drawbench.remote.download import capped, certificates
from drawbench.remote.request_log import ANSWER, RequestLog

if TYPE_CHECKING:
    import httpx2
    from openai import OpenAI

DEFAULT_KEY = "OPENAI_API_KEY"
NO_KEY = "none"
LEAST_SECRET = 8  # letters; servers of one's own are given words like EMPTY, which may stand anywhere
TRIES = 6  # of one request, where the server is busy or the connection is cut
PAUSE = 1.0  # seconds before the second try; doubled for each further one, and less by a random part
LONGEST_PAUSE = 60.0
LONGEST_WAIT = 600.0  # seconds that a server may ask to wait
CONNECT = 20.0  # seconds
MOST_BYTES = 128 << 20  # of an answer: a large PNG in base64 is a tenth of it
MISSING = "http: needs the package openai, which is not installed: pip install 'drawbench[http]'."


class RemoteClient:
    """Asks one server, from any number of threads.

    Nothing but `ask` sends the key, and only to the address that the user named: redirects are not followed. The openai
    client never gets to know it.
    """

    def __init__(self, url: str, key_env: str = "", timeout: float = 600.0) -> None:
        """key_env: the environment variable of the key, NO_KEY for none; by default OPENAI_API_KEY, where it is set.

        timeout: seconds without a byte. Raises UserError for an address that is refused, a variable that is not set, a
        key that would go over the network in the open, and where the package openai is not installed.
        """
        self.url = checked_base_url(url)
        self.host = str(urlsplit(self.url).hostname)
        self.timeout = timeout
        self._key = _key(self.url, key_env)
        self._secret = self._key if len(self._key) >= LEAST_SECRET else ""
        self.refuse_key(self.url, "the address of the server")
        self._openai = self._opened()
        self.log = RequestLog()
        self._lock = threading.Lock()
        self._not_before = 0.0  # on the clock of time.monotonic: what the server asked to wait holds for all threads

    def refuse_key(self, text: str, what: str) -> None:
        """Raises UserError where a text that will stand in a file holds the key."""
        if self._secret and self._secret in text:
            raise UserError(f"{what} holds the key, and would stand in the plan: keys come from the environment only.")

    def redacted(self, text: str) -> str:
        """The text without the key."""
        return re.sub(re.escape(self._secret), "[key]", text, flags=re.IGNORECASE) if self._secret else text

    def ask(self, path: str, body: Mapping[str, Any], about: str, price: float | None = None) -> dict[str, Any]:
        """The JSON object that the server answers with. Every try is a line of `log`, an answer one with its price.

        Tries again after the server's own wait, or with growing pauses, while it is busy or out of reach. Raises
        PolicyError for a refusal by its content policy, AnswerError for what is the fault of this one request,
        StageError where the server is busy or out of reach for too long, UserError where no request can succeed.
        """
        tries = 0
        while True:
            tries += 1
            self._wait()
            found = self._try(path, body, about, price)
            if isinstance(found, dict):
                return found
            if not found.again or tries >= TRIES or (found.wait or 0) > LONGEST_WAIT:
                raise found.error(self.redacted, self.host)
            pause = min(LONGEST_PAUSE, PAUSE * 2 ** (tries - 1)) * random.uniform(0.5, 1)
            if found.wait is None:
                time.sleep(pause)
            else:
                with self._lock:
                    self._not_before = max(self._not_before, time.monotonic() + found.wait + pause / 10)

    def _wait(self) -> None:
        while (left := self._not_before - time.monotonic()) > 0:
            time.sleep(left)

    def _try(self, path: str, body: Mapping[str, Any], about: str, price: float | None) -> dict[str, Any] | Problem:
        import httpx2
        import openai

        name, began = self.log.sent(about), time.monotonic()
        try:
            answer = self._openai.post(path, body=dict(body), cast_to=httpx2.Response)
            content, status, headers = answer.content, answer.status_code, answer.headers
        except openai.APIStatusError as error:
            content, status, headers = error.response.content, error.response.status_code, error.response.headers
        except openai.APIConnectionError as error:
            why = type(error.__cause__ or error).__name__
            self.log.answered(name, why, time.monotonic() - began)
            return Problem(0, f"the connection failed ({why})")
        except AnswerError:
            self.log.answered(name, "not read", time.monotonic() - began)
            raise
        found = problem_of(status, content, headers.get("content-type", ""), headers.get("location", ""))
        if isinstance(found, dict):
            self.log.answered(name, ANSWER, time.monotonic() - began, price)
            return found
        self.log.answered(name, str(found.status), time.monotonic() - began)
        return replace(found, wait=_asked_wait(headers))

    def _opened(self) -> "OpenAI":
        try:
            import httpx2
            import openai
        except ImportError as error:
            raise UserError(MISSING) from error
        http = httpx2.Client(
            event_hooks={"request": [self._sign], "response": [self._cap]},
            timeout=httpx2.Timeout(self.timeout, connect=min(CONNECT, self.timeout)),
            limits=httpx2.Limits(max_connections=None),
            trust_env=not is_loopback(self.host),  # a proxy would be sent the key, and has another machine at that name
            follow_redirects=False,
            verify=certificates(),
        )
        return openai.OpenAI(base_url=self.url, api_key="not-the-key", max_retries=0, http_client=http)

    def _sign(self, request: "httpx2.Request") -> None:
        """The last to touch a request: the key, or none; and nothing packed, whose size could not be told."""
        request.headers["Accept-Encoding"] = "identity"
        request.headers.pop("Authorization", None)
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"

    def _cap(self, response: "httpx2.Response") -> None:
        """Before the body is read: no more than MOST_BYTES of it, as it is on the wire."""
        import httpx2

        if response.headers.get("content-encoding", "identity") != "identity":
            raise AnswerError("the server packed its answer, although it was asked not to")
        inner: Any = response.stream
        timeout = self.timeout

        class Capped(httpx2.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                return capped(inner, MOST_BYTES, timeout, "the server's answer")

            def close(self) -> None:
                inner.close()

        response.stream = Capped()


def _key(url: str, key_env: str) -> str:
    key = "" if key_env == NO_KEY else os.environ.get(key_env or DEFAULT_KEY, "").strip()
    if not key:
        if key_env not in ("", NO_KEY):
            # Its name is not repeated: somebody may have written the key itself.
            raise UserError("the environment variable that key_env names is not set: put the server's key into it.")
        return ""
    if not key.isascii() or not key.isprintable():
        raise UserError(f"the key in {key_env or DEFAULT_KEY} holds signs that no key has: set it anew.")
    parts = urlsplit(url)
    if not key_env and parts.scheme == "http" and not is_loopback(str(parts.hostname)):
        raise UserError(
            f"{DEFAULT_KEY} would go to {parts.hostname} unencrypted: write https://, or --set key_env={NO_KEY} for "
            f"no key, or --set key_env={DEFAULT_KEY} to send it all the same."
        )
    return key


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait (Retry-After, as a number or a date); None where it does not say."""
    with suppress(KeyError, ValueError):
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    text = headers.get("retry-after", "")
    with suppress(ValueError):
        seconds = float(text)
        return max(0.0, seconds) if seconds == seconds else None
    with suppress(ValueError, TypeError, OverflowError):
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    return None
