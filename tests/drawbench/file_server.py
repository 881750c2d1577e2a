"""A real HTTP server on the loopback address with byte ranges, and the ways in which real servers fail."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """One file at any path.

    cut_after: bytes of each answer after which the connection is cut. statuses: answered first, one a request.
    ranges: whether Range is honoured. pause: seconds between pieces of 64 KiB. seen: the Range header of each request.
    """

    content: bytes
    tag: str = '"v1"'
    cut_after: int | None = None
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    pause: float = 0.0
    announce: bool = True
    url: str = ""
    seen: list[str | None] = field(default_factory=list)
    sent: int = 0


@contextmanager
def serving(content: bytes) -> Iterator[FileServer]:
    """The server, until the end of the block."""
    state = FileServer(content)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, state)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}/file"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def _answer(request: BaseHTTPRequestHandler, state: FileServer) -> None:
    asked = request.headers.get("Range")
    state.seen.append(asked)
    if state.statuses and (status := state.statuses.pop(0)) != 200:
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    content, begin = state.content, 0
    valid = request.headers.get("If-Range") in (None, state.tag)
    if asked and state.ranges and valid:
        begin = int(asked.removeprefix("bytes=").removesuffix("-"))
        if begin >= len(content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206)
        request.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
    else:
        request.send_response(200)
    if state.tag:
        request.send_header("ETag", state.tag)
    if state.announce:
        request.send_header("Content-Length", str(len(content) - begin))
    request.send_header("Connection", "close")
    request.end_headers()
    request.close_connection = True
    end = len(content) if state.cut_after is None else min(len(content), begin + state.cut_after)
    try:
        for at in range(begin, end, 1 << 16):
            state.sent += request.wfile.write(content[at : min(at + (1 << 16), end)])
            time.sleep(state.pause)
    except (BrokenPipeError, ConnectionResetError):
        pass
