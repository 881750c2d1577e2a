"""A real PostgreSQL for tests: a server of its own in a temporary folder, gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

DEBIAN_VERSIONS = Path("/usr/lib/postgresql")
# Enough against crashes of the server itself, which are all that tests make; the machine's would need fsync.
QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=on", "shared_buffers=16MB", "max_connections=60")
CLUSTER = ["-U", "tester", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--wal-segsize=1", "--no-sync"]
SERVER_USERS = ("postgres", "nobody")  # the server refuses to run as root


def missing() -> str | None:
    """Why no server can be started here, or None when one can."""
    if _binaries() is None:
        return "no PostgreSQL server is installed: no initdb on the path, by pg_config or in /usr/lib/postgresql"
    try:
        import psycopg  # noqa: F401
    except ModuleNotFoundError:
        return "the package psycopg is not installed"
    if os.geteuid() == 0 and server_user() is None:
        return "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as"
    return None


@dataclass
class Server:
    """A running server on the loopback address with the superuser `tester`, whose password is `secret`."""

    folder: Path
    port: int
    settings: tuple[str, ...]

    def new_database(self, options: str = "") -> str:
        """The address of a new, empty database. `options`: of CREATE DATABASE."""
        name = f"study_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def url(self, database: str, password: str = "secret") -> str:
        """The address of a database, whether it is there or not."""
        return f"postgresql://tester:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement in the maintenance database."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._control("start", *self._start_options())

    def stop(self, mode: Literal["fast", "immediate"] = "immediate") -> None:
        """Stop the server: `fast` ends its connections, `immediate` is a crash that the next start recovers from."""
        self._control("stop", "-m", mode)

    def restart(self) -> None:
        """Start the server, whether it is running, starting or stopped."""
        self._control("restart", "-m", "immediate", *self._start_options())

    def _start_options(self) -> list[str]:
        options = [f"-p {self.port} -k {self.folder} -h 127.0.0.1", *(f"-c {setting}" for setting in self.settings)]
        return ["-l", str(self.folder / "log"), "-o", " ".join(options)]

    def _control(self, action: str, *arguments: str) -> None:
        command = [str(_binary("pg_ctl")), action, "-w", "-t", "60", "-D", str(self.folder / "data"), *arguments]
        code, said = _as_server_user(command)
        if code != 0:
            log = self.folder / "log"
            raise RuntimeError(f"{said}{log.read_text() if log.exists() else ''}")


@contextmanager
def server(folder: Path | None = None, settings: Sequence[str] = QUICK) -> Iterator[Server]:
    """A running server, in the empty `folder` or a temporary one. `settings`: as in postgresql.conf."""
    # Not in pytest's folders: a Unix socket's path must be short, and other users must get into its folder.
    place = Path(tempfile.mkdtemp(prefix="pg-")) if folder is None else folder
    try:
        secret = place / "password"
        secret.write_text("secret\n")
        secret.chmod(0o644)
        if os.geteuid() == 0 and (user := server_user()) is not None:
            shutil.chown(place, user)
        made, said = _as_server_user(
            [str(_binary("initdb")), "-D", str(place / "data"), f"--pwfile={secret}", *CLUSTER]
        )
        if made != 0:
            raise RuntimeError(said)
        running = Server(place, _free_port(), tuple(settings))
        running.start()
        try:
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def server_or_skip() -> Iterator[Server]:
    """A running server; the test that asks for it skips where none can be started."""
    if (reason := missing()) is not None:
        pytest.skip(reason)
    with server() as running:
        yield running


def _as_server_user(command: list[str]) -> tuple[int, str]:
    """Run a command, as an unprivileged user when we are root; its exit code and what it printed."""
    # Into a file: the server inherits the output, and a pipe would be read for as long as the server lives.
    with tempfile.TemporaryFile("w+") as output:
        user = server_user() if os.geteuid() == 0 else None
        group = None if user is None else pwd.getpwnam(user).pw_gid
        code = subprocess.run(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            check=False,
        ).returncode
        output.seek(0)
        return code, output.read()


def server_user() -> str | None:
    """The user that the server runs as when we are root, or None when there is no such user."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((user for user in SERVER_USERS if user in known), None)


def _binary(name: str) -> Path:
    folder = _binaries()
    assert folder is not None
    return folder / name


def _binaries() -> Path | None:
    """The folder of initdb and pg_ctl: the newest version's where Debian keeps several."""
    places = sorted(DEBIAN_VERSIONS.glob("*/bin"), key=lambda folder: folder.parent.name.zfill(4), reverse=True)
    if (on_path := shutil.which("initdb")) is not None:
        places.insert(0, Path(on_path).resolve().parent)
    if shutil.which("pg_config") is not None:
        told = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        places.append(Path(told))
    return next((folder for folder in places if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
