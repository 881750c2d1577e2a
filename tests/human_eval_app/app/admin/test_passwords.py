"""Admin passwords: hashed so that a settings file gives nothing away, and not to be guessed by trying."""

import hashlib
from base64 import b64decode
from contextlib import suppress

import pytest

from human_eval_app.app.admin import passwords
from human_eval_app.app.admin.passwords import (
    COST,
    FREE_TRIES,
    LONGEST_WAIT,
    TooManyTriesError,
    Tries,
    hash_password,
    password_matches,
)
from human_eval_app.app.settings import PASSWORD_HASH

PASSWORD = "correct horse battery"
CHEAP = 16  # scrypt's N: its strength is not what is tested
HASHED = hash_password(PASSWORD, CHEAP)
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_hash_is_scrypts_with_a_salt_of_its_own() -> None:
    name, cost, block, parallel, salt, digest = HASHED.split(":")
    assert name == "scrypt"
    found = hashlib.scrypt(
        PASSWORD.encode(), salt=b64decode(salt), n=int(cost), r=int(block), p=int(parallel), dklen=32
    )
    assert b64decode(digest) == found
    assert hash_password(PASSWORD, CHEAP) != HASHED
    assert PASSWORD not in HASHED


def test_the_default_cost_is_what_is_asked_of_passwords_today() -> None:
    # OWASP's cheat sheet on password storage: N = 2^15, r = 8, p = 3 is one of its equals.
    assert hash_password(PASSWORD).split(":")[1:4] == [str(COST), "8", "3"] == ["32768", "8", "3"]


def test_only_the_password_matches() -> None:
    assert password_matches(PASSWORD, HASHED)
    for wrong in ("", PASSWORD.upper(), PASSWORD + " ", PASSWORD[:-1], "x" * 10_000):
        assert not password_matches(wrong, HASHED)


def test_the_same_letters_from_another_keyboard_match() -> None:
    assert password_matches("pass\u0065\u0301 et encore", hash_password("pass\u00e9 et encore", CHEAP))


@pytest.mark.parametrize(
    "damaged",
    ["", PASSWORD, "scrypt:16:8:3:AA==:AA==", HASHED[:-6], HASHED.replace("scrypt:16", "scrypt:15"), f"{HASHED}\n"],
    ids=["nothing", "plain", "other", "cut", "cheaper", "with a line's end"],
)
def test_nothing_matches_what_is_no_hash(damaged: str) -> None:
    assert not password_matches(PASSWORD, damaged)
    assert not password_matches("", damaged)


def test_settings_know_a_hash_from_a_password() -> None:
    assert PASSWORD_HASH.fullmatch(HASHED)
    assert not PASSWORD_HASH.fullmatch(PASSWORD)


def test_each_wrong_password_after_three_doubles_the_wait() -> None:
    clock = Clock()
    tries, waits = Tries(clock), []
    for _ in range(FREE_TRIES):
        assert not tries.attempt(HERE, "wrong", HASHED)
    for _ in range(12):
        with pytest.raises(TooManyTriesError) as refused:
            tries.attempt(HERE, PASSWORD, HASHED)  # not even the right one, so that nothing is learnt from the answer
        waits.append(refused.value.wait)
        clock.now += refused.value.wait
        assert not tries.attempt(HERE, "wrong", HASHED)
    assert waits == [min(2.0 ** (n + 1), LONGEST_WAIT) for n in range(12)]


def test_refused_tries_do_not_lengthen_the_wait_and_the_right_password_ends_it() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(FREE_TRIES):
        tries.attempt(HERE, "wrong", HASHED)
    for _ in range(50):
        with pytest.raises(TooManyTriesError):
            tries.attempt(HERE, "wrong", HASHED)
    clock.now += 2.0
    assert tries.attempt(HERE, PASSWORD, HASHED)
    for _ in range(FREE_TRIES - 1):
        assert not tries.attempt(HERE, "wrong", HASHED)
    assert tries.attempt(HERE, PASSWORD, HASHED)


def test_wrong_passwords_from_elsewhere_keep_nobody_out_and_here_not_for_long() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(200):
        with suppress(TooManyTriesError):
            tries.attempt(THERE, "wrong", HASHED)
        clock.now += 0.5
    assert tries.attempt(HERE, PASSWORD, HASHED)
    clock.now += LONGEST_WAIT
    assert LONGEST_WAIT <= 10
    assert tries.attempt(THERE, PASSWORD, HASHED)


def test_addresses_are_forgotten_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "ADDRESSES", 3)
    tries = Tries(Clock())
    for number in range(10):
        tries.attempt(f"192.0.2.{number}", "wrong", HASHED)
    assert len(tries._wrong) == 3
