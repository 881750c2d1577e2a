"""The admin password: kept as a scrypt hash, compared in constant time, and not to be guessed by trying."""

import hashlib
import hmac
import secrets
import time
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable
from threading import Lock

from human_eval_app.app.settings import PASSWORD_HASH

SHORTEST, LONGEST = 12, 200  # characters of a password
COST, BLOCK, PARALLEL = 2**15, 8, 3  # scrypt's N, r and p: 32 MiB, and about half a second on one core
FREE_TRIES = 3  # wrong ones before a wait
LONGEST_WAIT = 10.0  # seconds: some 8,000 tries a day, hopeless for so long a password, and nobody is locked out
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
    """The password was not looked at, because too many wrong ones came before it. `wait`: seconds until the next."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"wait {wait:.0f} s")
        self.wait = wait


class Tries:
    """Wrong passwords, by the address they came from: after three, each doubles the wait before its next try.

    Tries during a wait are refused without a look at the password, so that a right one cannot be told from a wrong one
    by then. Other addresses do not wait. Passwords are compared one at a time, so that many use up no memory.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._wrong: dict[str, tuple[int, float]] = {}  # address -> how many, and when it may try again

    def attempt(self, address: str, password: str, hashed: str) -> bool:
        """Whether the password is right. Raises TooManyTriesError when it is too early for this address's next try."""
        with self._lock:
            wrong, next_at = self._wrong.get(address, (0, 0.0))
            left = next_at - self._clock()
            if left > 0:
                raise TooManyTriesError(left)
            right = password_matches(password, hashed)
            self._wrong.pop(address, None)
            if not right:
                self._remember(address, wrong + 1)
            return right

    def _remember(self, address: str, wrong: int) -> None:
        doublings = min(wrong - FREE_TRIES + 1, 20)
        wait = min(2.0**doublings, LONGEST_WAIT) if wrong >= FREE_TRIES else 0.0
        if len(self._wrong) >= ADDRESSES:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[address] = wrong, self._clock() + wait


def _digest(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    text = unicodedata.normalize("NFKC", password).encode()  # the same letters typed on another system
    return hashlib.scrypt(text, salt=salt, n=cost, r=block, p=parallel, maxmem=256 * cost * block, dklen=32)
