"""A study on disk with made-up pictures, the real server as a process of its own, and a real browser."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from human_eval_app.app.settings import read_settings
from human_eval_app.study.design import IMAGES, Design, write_design

Result = TypeVar("Result")

CODES = {"complete": "DONE-1", "screened_out": "OUT-1", "full": "FULL-1"}
START_SECONDS = 120


def write_study(design: Design, folder: Path, settings: str = "") -> Path:
    """A study folder as `study create` makes it, with a picture of its own for every token."""
    (folder / IMAGES).mkdir(parents=True)
    write_design(design, folder)
    (folder / "secret.key").write_text("5a" * 32)
    codes = "".join(f'{name} = "{code}"\n' for name, code in CODES.items())
    (folder / "settings.toml").write_text(f"{settings}\n[codes]\n{codes}")
    for images in design.sets.values():
        for token in images.images:
            pixels = np.kron(np.random.default_rng(int(token, 16)).integers(0, 256, (8, 8, 3)), np.ones((8, 8, 1)))
            picture = Image.fromarray(pixels.astype(np.uint8))
            picture.save(folder / IMAGES / f"{token}.webp", lossless=True)
    return folder


def run_async(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The coroutine's result, from a thread of its own: the browser's driver keeps an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`drawbench study serve` as a process; `kill` is kill -9."""

    def __init__(self, study: Path, database: str | None = None, port: int | None = None) -> None:
        self.study, self.database, self.port = study, database, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}{read_settings(study).base_path}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        """Start, and wait until the server answers. Raises RuntimeError with its output when it does not."""
        command = [sys.executable, "-m", "drawbench.cli.main", "study", "serve", str(self.study)]
        command += ["--port", str(self.port), *(["--database", self.database] if self.database else [])]
        log = self.study / "server.log"
        with log.open("ab") as output:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            self._process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"the server does not answer: {log.read_text()}")

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self._end(signal.SIGINT)

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(20)


def status_of(server: Server, path: str) -> int:
    """What a GET of the path is answered with."""
    try:
        with urllib.request.urlopen(server.url + path, timeout=30) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def serving(study: Path, database: str | None = None) -> Iterator[Server]:
    """The study, served while the block runs."""
    server = Server(study, database).start()
    try:
        yield server
    finally:
        server.stop()
