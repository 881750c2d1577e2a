"""`drawbench study password`: who knows it may open the admin page."""

import argparse
import os
import re
import stat
import sys
import tempfile
import tomllib
from contextlib import suppress
from getpass import getpass
from pathlib import Path
from typing import Any

from drawbench.errors import UserError

EPILOGUE = """examples:
  drawbench study password studies/a-b                  asks for it twice
  pass show drawbench | drawbench study password studies/a-b --stdin
The study's settings.toml gets a hash of it. A server that runs takes it at once, and signs out whoever came in by the
old one. The admin page is at /admin.
"""
_TABLE = re.compile(r"^\s*\[\s*admin\s*\]\s*(#.*)?$")
_ENTRY = re.compile(r"""^(\s*password_hash\s*=\s*)("[^"]*"|'[^']*')(.*)$""", re.DOTALL)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("study", type=Path, metavar="STUDY", help="a folder made by study create")
    parser.add_argument("--stdin", action="store_true", help="read the password from the first line of stdin")


def run(args: argparse.Namespace) -> int:
    """Ask for the password and write its hash."""
    from human_eval_app.app.admin.passwords import hash_password
    from human_eval_app.study.design import DESIGN_FILE

    if not (args.study / DESIGN_FILE).is_file():
        raise UserError(f"{args.study} holds no study: it has no {DESIGN_FILE}; make one with study create.")
    password = _from_stdin() if args.stdin else _asked_twice()
    path = set_password_hash(args.study, hash_password(password))
    print(f"The admin page at /admin now takes this password; its hash is in {path}.", file=sys.stderr)
    return 0


def set_password_hash(study: Path, hashed: str) -> Path:
    """Put the hash into the study's settings.toml, which changes in no other line, and return its path.

    Others than its owner and group cannot read the file from then on. Raises UserError when it cannot be changed.
    """
    from human_eval_app.app.settings import read_settings
    from human_eval_app.study.design import SETTINGS_FILE

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


def _asked_twice() -> str:
    try:
        first, second = getpass("Admin password: "), getpass("Once more: ")
    except EOFError:
        raise UserError("no password was typed; give it on stdin with --stdin.") from None
    if first != second:
        raise UserError("the two passwords differ; nothing was changed, try again.")
    return _long_enough(first)


def _from_stdin() -> str:
    return _long_enough(sys.stdin.readline().rstrip("\r\n"))


def _long_enough(password: str) -> str:
    from human_eval_app.app.admin.passwords import LONGEST, SHORTEST

    if not SHORTEST <= len(password) <= LONGEST:
        raise UserError(f"the password has {len(password)} characters; take {SHORTEST} to {LONGEST}.")
    return password


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
    """Readers see the old file or the new one. It stays its owner's, and others cannot read it."""
    before = path.stat() if path.exists() else None
    owner = before or path.parent.stat()
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            with suppress(PermissionError):  # only the superuser can give files away, and nobody else needs to
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode) & 0o770 if before else 0o600)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
