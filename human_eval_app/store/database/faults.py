"""What a database's error means: try again, tell the rater, or tell whoever started the program."""

import sqlite3
from typing import Literal

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from drawbench.errors import UserError
from human_eval_app.store.records import Reason, StoreRefusal

Fault = Literal["lost", "conflict", "no_room", "busy", "read_only", "corrupt", "cannot_open", "password", "other"]

SQLITE_FAULTS: dict[int, Fault] = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_FULL: "no_room",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
    sqlite3.SQLITE_CANTOPEN: "cannot_open",
    sqlite3.SQLITE_IOERR: "cannot_open",
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
POSTGRESQL_FAULTS: dict[str, Fault] = {
    "40001": "conflict",  # serialization failure
    "40P01": "conflict",  # deadlock
    "53100": "no_room",
    "53300": "busy",  # too many connections
    "55P03": "busy",  # lock timeout
    "25006": "read_only",
    "57P01": "lost",  # the server is stopped
    "57P02": "lost",
    "57P03": "lost",  # the server is starting up
    "57P05": "lost",  # idle session timeout
    "28P01": "password",
    "28000": "password",
    "XX001": "corrupt",
    "XX002": "corrupt",
}
SENTENCES: dict[Fault, tuple[Reason, str]] = {
    "lost": ("unavailable", "The vote database cannot be reached; nothing was recorded, please try again in a minute."),
    "conflict": ("busy", "Too many answers came at once; nothing was recorded, please try again."),
    "busy": ("busy", "The vote database is busy; nothing was recorded, please try again in a moment."),
    "no_room": ("no_room", "The vote database's disk is full; nothing was recorded, please tell the organisers."),
    "read_only": ("unavailable", "The vote database cannot be written to; please tell the organisers."),
    "corrupt": ("unavailable", "The vote database is damaged; please tell the organisers."),
    "cannot_open": ("unavailable", "The vote database's file cannot be read or written; please tell the organisers."),
    "password": ("unavailable", "The vote database refuses this server; please tell the organisers."),
}


def fault_of(error: DBAPIError | PoolTimeout) -> Fault:
    """What kind of trouble an error is; `other` is a mistake of the program."""
    if isinstance(error, PoolTimeout):
        return "busy"
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the extended codes carry the cause above 8 bits
        return "conflict" if isinstance(error, IntegrityError) else SQLITE_FAULTS.get(code, "other")
    state = getattr(error.orig, "sqlstate", None)
    if state is None and isinstance(error, OperationalError | InterfaceError):
        no_entry = "password authentication failed" in str(error.orig) or "no pg_hba.conf entry" in str(error.orig)
        return "password" if no_entry else "lost"
    if error.connection_invalidated or (state or "").startswith("08"):
        return "lost"
    if isinstance(error, IntegrityError):
        return "conflict"
    return POSTGRESQL_FAULTS.get(state or "", "other")


def refusal_of(fault: Fault) -> StoreRefusal:
    """What a rater is told."""
    return StoreRefusal(*SENTENCES[fault])


def opening_error(error: DBAPIError | PoolTimeout, name: str) -> UserError:
    """What whoever starts the program is told. `name`: the database, without its password."""
    detail = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()[0]
    sentences: dict[Fault, str] = {
        "lost": f"{name} cannot be reached ({detail}): start the server, or check the address.",
        "password": f"{name} refuses the user or the password: check the address.",
        "busy": f"{name} is busy ({detail}): try again, or stop what holds it.",
        "no_room": f"the disk of {name} is full: make room.",
        "read_only": f"{name} cannot be written to: make the file and its folder writable, or use another database.",
        "corrupt": f"{name} is not a vote database, or is damaged: restore it from a backup.",
        "cannot_open": f"{name} cannot be opened ({detail}): make the file and its folder readable and writable.",
    }
    return UserError(
        sentences.get(
            fault_of(error), f"{name} cannot be used ({detail}): check the address, or use an empty database."
        )
    )
