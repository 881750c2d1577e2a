"""A deployment's settings, settings.toml in the study's folder: nothing in it changes what raters judge."""

import os
import re
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from pydantic import Field, ValidationError, field_validator

from drawbench.errors import UserError
from drawbench.files import atomic_file
from drawbench.records import Record, first_problem
from human_eval_app.store.records import Ending
from human_eval_app.study.design import SETTINGS_FILE

PASSWORD_HASH = re.compile(  # scrypt's N, r and p, then salt and hash in Base64
    r"scrypt:\d{1,8}:\d{1,3}:\d{1,3}:[A-Za-z0-9+/]{16,}={0,2}:[A-Za-z0-9+/]{16,}={0,2}"
)
_TABLE = re.compile(r"^\s*\[\s*admin\s*\]\s*(#.*)?$")
_ENTRY = re.compile(r"""^(\s*password_hash\s*=\s*)("[^"]*"|'[^']*')(.*)$""", re.DOTALL)


class Codes(Record):
    """Completion codes that the recruitment service prescribes, by ending. Empty: the study's own, made at random."""

    complete: str = ""
    screened_out: str = ""
    partial: str = ""
    closed: str = ""
    full: str = ""

    def given(self) -> dict[Ending, str]:
        """Those that are not empty."""
        return {ending: code for ending in get_args(Ending) if (code := getattr(self, ending))}


class Admin(Record):
    """Who may open the admin pages: whoever knows the password, or signs in with one of the addresses (OIDC)."""

    password_hash: str = ""  # made by `drawbench study password`
    emails: tuple[str, ...] = ()

    @field_validator("password_hash")
    @classmethod
    def _is_no_password(cls, value: str) -> str:
        if value and not PASSWORD_HASH.fullmatch(value):
            raise ValueError("it is not a hash that `drawbench study password` makes")
        return value


class Recruitment(Record):
    """How ids of recruitment services are verified, and how many raters may begin by one link."""

    allowed_ids: str = ""  # a file in the study's folder with one id per line; empty: all ids
    shared_secret: str = ""  # links then carry `sig`, HMAC-SHA256 of the id with it; empty: they need none
    new_per_minute: int = Field(default=60, gt=0)  # sittings that may begin by one recruitment link within a minute


class Settings(Record):
    """All settings with their defaults."""

    title: str = ""
    contact: str = ""
    lease_minutes: float = Field(default=30.0, gt=0)
    invitation_days: float = Field(default=60.0, gt=0)
    patience_seconds: float = Field(default=20.0, gt=0)  # for a database that is away
    seconds_per_trial: float = Field(default=20.0, gt=0)  # for the estimate on the first page
    base_path: str = ""  # what all addresses of the app begin with, as `/study`, or empty
    return_url: str = ""  # of the recruitment service; `{code}` stands for the completion code
    connections_per_address: int = Field(default=1000, gt=0)  # a lab's raters may share one, and so do all of a proxy's
    codes: Codes = Codes()
    recruitment: Recruitment = Recruitment()
    admin: Admin = Admin()

    @field_validator("base_path")
    @classmethod
    def _is_a_path(cls, value: str) -> str:
        path = value.strip("/")
        if path and not re.fullmatch(r"[\w.~-]+(/[\w.~-]+)*", path, re.ASCII):
            raise ValueError("it is no path of an address: give letters, digits and -, as in /study")
        return f"/{path}" if path else ""


def read_settings(study: Path) -> Settings:
    """The settings of a study; the defaults when it has no settings.toml. Raises UserError naming what is wrong."""
    path = study / SETTINGS_FILE
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Settings()
    except ValidationError as error:
        raise UserError(f"{path}: {first_problem(error)}; correct it.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as TOML ({error}); correct it.") from None


def set_password_hash(study: Path, hashed: str) -> Path:
    """Put the hash into the study's settings.toml, which changes in no other line, and return its path.

    Others than its owner and group cannot read the file from then on. Raises UserError when it cannot be changed.
    """
    path = study / SETTINGS_FILE
    read_settings(study)  # a file with a mistake is not made worse
    try:
        text = path.read_bytes().decode() if path.exists() else ""
        changed = with_password_hash(text, hashed)
        if _parsed(changed) != _with_hash(_parsed(text), hashed):
            raise UserError(f'{path} has [admin] in an unusual form; write password_hash = "{hashed}" there yourself.')
        _replace(path, changed.encode())
    except OSError as error:
        raise UserError(f"{path} cannot be changed ({error.strerror}); make it writable.") from None
    return path


def with_password_hash(text: str, hashed: str) -> str:
    """The settings' text with the hash: in the entry that there is, else in the section [admin], else at the end."""
    lines = text.splitlines(keepends=True)
    end = "\r\n" if "\r\n" in text else "\n"
    entry = f'password_hash = "{hashed}"{end}'
    start = next((number for number, line in enumerate(lines) if _TABLE.match(line)), None)
    if start is None:
        gap = "" if not text else end if text.endswith("\n") else 2 * end
        return f"{text}{gap}[admin]{end}{entry}"
    for number in range(start + 1, len(lines)):
        if lines[number].lstrip().startswith("["):
            break
        found = _ENTRY.match(lines[number])
        if found:
            lines[number] = f'{found[1]}"{hashed}"{found[3]}'
            return "".join(lines)
    if not lines[start].endswith("\n"):
        lines[start] += end
    return "".join([*lines[: start + 1], entry, *lines[start + 1 :]])


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _with_hash(settings: dict[str, Any] | None, hashed: str) -> dict[str, Any] | None:
    if settings is None:
        return None
    return {**settings, "admin": {**settings.get("admin", {}), "password_hash": hashed}}


def _replace(path: Path, content: bytes) -> None:
    """Readers see the old file or the new one. It is its owner's, or its folder's, and others cannot read it."""
    is_new, folder = not path.exists(), path.parent.stat()
    with atomic_file(path, 0o600) as file:
        if is_new:
            with suppress(PermissionError):  # only the superuser can give files away, and nobody else needs to
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o770)
        file.write(content)
