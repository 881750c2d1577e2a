"""What an error of the database means, on either of them."""

import sqlite3
from typing import get_args

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from human_eval_app.store.database.faults import Fault, fault_of, opening_error, refusal_of


def from_sqlite(code: int, message: str = "trouble") -> DBAPIError:
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return OperationalError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (sqlite3.SQLITE_BUSY, "busy"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "busy"),
        (sqlite3.SQLITE_FULL, "no_room"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "read_only"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "corrupt"),
        (sqlite3.SQLITE_NOTADB, "corrupt"),
        (sqlite3.SQLITE_IOERR_WRITE, "cannot_open"),
        (sqlite3.SQLITE_ERROR, "other"),
    ],
)
def test_errors_of_sqlite(code: int, fault: Fault) -> None:
    assert fault_of(from_sqlite(code)) == fault


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("40001", "conflict"),
        ("40P01", "conflict"),
        ("53100", "no_room"),
        ("55P03", "busy"),
        ("57P01", "lost"),
        ("57P03", "lost"),
        ("08006", "lost"),
        ("25006", "read_only"),
        ("42P01", "other"),
    ],
)
def test_errors_of_postgresql(state: str, fault: Fault) -> None:
    errors = pytest.importorskip("psycopg.errors")
    assert fault_of(OperationalError("SELECT 1", {}, errors.lookup(state)("trouble"))) == fault


def test_errors_without_a_code() -> None:
    psycopg = pytest.importorskip("psycopg")
    gone = psycopg.OperationalError("connection refused")
    wrong = psycopg.OperationalError('FATAL:  password authentication failed for user "x"')
    ours = psycopg.ProgrammingError("the query has 1 placeholder but 2 parameters were passed")
    assert fault_of(OperationalError("SELECT 1", {}, gone)) == "lost"
    assert fault_of(OperationalError("SELECT 1", {}, wrong)) == "password"
    assert fault_of(ProgrammingError("SELECT 1", {}, ours)) == "other", "a mistake of ours is not tried again"
    assert fault_of(PoolTimeout("QueuePool limit")) == "busy"


def test_a_key_that_another_transaction_took_is_tried_again() -> None:
    errors = pytest.importorskip("psycopg.errors")
    assert fault_of(IntegrityError("INSERT", {}, errors.UniqueViolation("taken"))) == "conflict"
    assert fault_of(IntegrityError("INSERT", {}, sqlite3.IntegrityError("taken"))) == "conflict"


def test_every_fault_is_a_sentence_for_raters_and_for_organisers() -> None:
    for fault in set(get_args(Fault)) - {"other"}:
        sentence = refusal_of(fault).sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence
    told = str(opening_error(from_sqlite(sqlite3.SQLITE_ERROR, "no such table: x\nmore"), "votes.sqlite"))
    assert told == "votes.sqlite cannot be used (no such table: x): check the address, or use an empty database."
