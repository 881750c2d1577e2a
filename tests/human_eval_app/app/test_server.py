"""The server's sockets, seen from within its own process."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import psutil

from human_eval_app.app.server import serve
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import START_SECONDS, free_port, write_study


def _serve(study: Path, port: int) -> None:
    """What a process does: it serves, and beside that visits itself and prints what its end of the connection has."""
    Thread(target=lambda: print(f"no delay: {_no_delay(port)}", flush=True), daemon=True).start()
    serve(study, None, "127.0.0.1", port)


def _no_delay(port: int) -> int | None:
    """TCP_NODELAY of the server's end of a connection on which it has answered; None when it never did."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as visitor:
                visitor.sendall(b"GET /_stcore/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert visitor.recv(12) == b"HTTP/1.1 200"
                mine = visitor.getsockname()
                (end,) = [each for each in psutil.Process().net_connections("tcp") if each.raddr == mine]
                with socket.socket(fileno=os.dup(end.fd)) as accepted:
                    return accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        except ConnectionRefusedError:
            time.sleep(0.1)
    return None


def test_answers_and_images_do_not_wait_for_acknowledgements(tmp_path: Path) -> None:
    study = write_study(make_design(samples=1), tmp_path / "study")
    program = f"from pathlib import Path; from {__name__} import _serve; _serve(Path({str(study)!r}), {free_port()})"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            said = next(line for line in server.stdout if line.startswith("no delay: "))
        finally:
            server.kill()
    assert said == "no delay: 1\n"
