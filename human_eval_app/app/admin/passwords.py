"""The admin password: kept as a scrypt hash, compared in constant time, and not to be guessed by trying."""

import hashlib
import hmac
import secrets
import time
import unicodedata
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from human_eval_app.app.guard import visitor_of
from human_eval_app.app.settings import PASSWORD_HASH

SHORTEST, LONGEST = 12, 200  # characters of a password
COST, BLOCK, PARALLEL = 2**15, 8, 3  # scrypt's N, r and p: 32 MiB, and about half a second on one core
FREE_TRIES = 3  # wrong ones before a wait
LONGEST_WAIT = 10.0  # seconds
WAITING = 10  # tries of one address at once: with LONGEST_WAIT, one a second, hopeless for so long a password
COMPARING = 20  # passwords of all addresses at once: those before a try take it some 10 s more
ADDRESSES = 10_000  # are remembered; the ones that tried least lately are forgotten


def hash_password(password: str, cost: int = COST) -> str:
    """`scrypt:N:r:p:salt:hash`, salt and hash in Base64, with a new random salt."""
    salt = secrets.token_bytes(16)
    digest = _digest(password, salt, cost, BLOCK, PARALLEL)
    return f"scrypt:{cost}:{BLOCK}:{PARALLEL}:{b64encode(salt).decode()}:{b64encode(digest).decode()}"


def password_matches(password: str, hashed: str) -> bool:
    """Whether the hash was made from the password; False for an empty or a damaged hash."""
    if not PASSWORD_HASH.fullmatch(hashed) or len(password) > LONGEST:
        return False
    _, cost, block, parallel, salt, digest = hashed.split(":")
    try:
        found, kept = _digest(password, b64decode(salt), int(cost), int(block), int(parallel)), b64decode(digest)
    except (ValueError, MemoryError):
        return False
    return hmac.compare_digest(found, kept)


class TooManyTriesError(Exception):
    """The password was not looked at, because too many others are, or wait until they are."""


class Tries:
    """Wrong passwords, by the address they came from: after three, each doubles the wait of the tries that follow.

    A try waits before its password is looked at: a right one cannot be told from a wrong one sooner, and comes in after
    the wait whatever others try meanwhile. Other addresses do not wait. Passwords are compared one at a time, so that
    many use up no memory. sleep: waits for so many seconds by the clock.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock, self._comparing = Lock(), Lock()
        self._under_way: Counter[str] = Counter()  # address -> tries; "": those that compare, or are about to
        self._wrong: dict[str, tuple[int, float]] = {}  # address -> how many, and when it may try again

    def attempt(self, address: str, password: str, hashed: str) -> bool:
        """Whether the password is right; known after a wait. Raises TooManyTriesError, at once or after the wait."""
        visitor = visitor_of(address)
        with self._place(visitor, WAITING):
            _, next_at = self._wrong.get(visitor, (0, 0.0))
            self._sleep(max(next_at - self._clock(), 0.0))
            with self._place("", COMPARING), self._comparing:
                right = password_matches(password, hashed)
            with self._lock:
                wrong, _ = self._wrong.pop(visitor, (0, 0.0))
                if not right:
                    self._remember(visitor, wrong + 1)
            return right

    @contextmanager
    def _place(self, line: str, most: int) -> Iterator[None]:
        with self._lock:
            if self._under_way[line] >= most:
                raise TooManyTriesError
            self._under_way[line] += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way[line] -= 1
                self._under_way += Counter()  # forgets whom nothing is under way of

    def _remember(self, visitor: str, wrong: int) -> None:
        doublings = min(wrong - FREE_TRIES + 1, 20)
        wait = min(2.0**doublings, LONGEST_WAIT) if wrong >= FREE_TRIES else 0.0
        if len(self._wrong) >= ADDRESSES:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[visitor] = wrong, self._clock() + wait


def _digest(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    text = unicodedata.normalize("NFKC", password).encode()  # the same letters typed on another system
    return hashlib.scrypt(text, salt=salt, n=cost, r=block, p=parallel, maxmem=256 * cost * block, dklen=32)
