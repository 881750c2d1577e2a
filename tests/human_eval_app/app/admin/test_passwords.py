"""Admin passwords: hashed so that a settings file gives nothing away, and not to be guessed by trying."""

import hashlib
import time
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from human_eval_app.app.admin import passwords
from human_eval_app.app.admin.passwords import (
    COST,
    FREE_TRIES,
    LONGEST_WAIT,
    WAITING,
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
    """Seconds that pass only when a test says so, or when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tries(clock: Clock) -> Tries:
    return Tries(clock, clock.sleep)


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


def test_each_wrong_password_after_three_doubles_the_wait_before_the_next_is_looked_at(
    clock: Clock, tries: Tries
) -> None:
    for _ in range(FREE_TRIES + 12):
        assert not tries.attempt(HERE, "wrong", HASHED)
    assert clock.waits == [0.0] * FREE_TRIES + [min(2.0 ** (n + 1), LONGEST_WAIT) for n in range(12)]


def test_time_that_passes_before_a_try_is_no_part_of_its_wait(clock: Clock, tries: Tries) -> None:
    for _ in range(FREE_TRIES):
        tries.attempt(HERE, "wrong", HASHED)
    clock.now += 1.5
    assert tries.attempt(HERE, PASSWORD, HASHED)
    assert clock.waits[-1] == 0.5
    for _ in range(FREE_TRIES - 1):
        assert not tries.attempt(HERE, "wrong", HASHED)
    assert tries.attempt(HERE, PASSWORD, HASHED)
    assert clock.waits[-FREE_TRIES:] == [0.0] * FREE_TRIES


def test_the_right_password_comes_in_whatever_others_try_from_here_and_elsewhere(clock: Clock, tries: Tries) -> None:
    """Others who try from the same address, each the moment that its wait is over, as a program does."""
    for address in (HERE, THERE):
        for _ in range(100):
            tries.attempt(address, "wrong", HASHED)
    before = clock.now
    assert tries.attempt(HERE, PASSWORD, HASHED)
    assert clock.now - before <= LONGEST_WAIT <= 10
    assert tries.attempt("192.0.2.3", PASSWORD, HASHED)
    assert clock.waits[-1] == 0.0


def test_so_many_tries_of_an_address_wait_at_once_and_no_more(clock: Clock) -> None:
    met = []

    def meanwhile(_: float) -> None:
        met.append(HERE)
        if len(met) <= WAITING:  # each meets another one while it waits
            tries.attempt(HERE, "wrong", HASHED)

    tries = Tries(clock, meanwhile)
    with pytest.raises(TooManyTriesError):
        tries.attempt(HERE, "wrong", HASHED)
    assert len(met) == WAITING
    assert tries.attempt(HERE, PASSWORD, HASHED)


def test_so_many_passwords_are_compared_at_once_and_no_more(tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COMPARING", 3)
    begun, go_on = Event(), Event()

    def slow(password: str, hashed: str) -> bool:
        begun.set()
        return go_on.wait(30) and password_matches(password, hashed)

    monkeypatch.setattr(passwords, "password_matches", slow)
    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(tries.attempt, f"192.0.2.{number}", PASSWORD, HASHED) for number in range(3)]
        begun.wait(30)
        while tries._under_way[""] < 3:
            time.sleep(0.001)
        with pytest.raises(TooManyTriesError):
            tries.attempt(HERE, PASSWORD, HASHED)
        go_on.set()
        assert [each.result() for each in found] == [True] * 3
    assert tries.attempt(HERE, PASSWORD, HASHED)


def test_a_visitors_whole_network_of_ipv6_is_one_address(clock: Clock, tries: Tries) -> None:
    for number in range(FREE_TRIES + 1):
        tries.attempt(f"2001:db8:0:1::{number:x}", "wrong", HASHED)
    assert clock.waits[-1] == 2.0
    tries.attempt("2001:db8:0:2::1", "wrong", HASHED)
    assert clock.waits[-1] == 0.0
    tries.attempt("::ffff:192.0.2.1", "wrong", HASHED)
    for _ in range(FREE_TRIES):
        tries.attempt("192.0.2.1", "wrong", HASHED)
    assert clock.waits[-1] == 2.0


def test_addresses_are_forgotten_before_they_fill_the_memory(tries: Tries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "ADDRESSES", 3)
    for number in range(10):
        tries.attempt(f"192.0.2.{number}", "wrong", HASHED)
    assert len(tries._wrong) == 3
    assert not tries._under_way
