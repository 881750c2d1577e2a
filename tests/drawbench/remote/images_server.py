"""A server with OpenAI's images API on the loopback address, and the ways in which such servers fail."""

import base64
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image

from drawbench.remote.client import RemoteClient


@dataclass(frozen=True)
class Answer:
    """cut: the connection is cut after so many bytes. drip: seconds between each two bytes.

    packed: what the header calls the content's packing.
    """

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    cut: int | None = None
    drip: float = 0.0


@dataclass
class ImagesServer:
    """answers: by the number of the request, from 0, instead of an image. pause: seconds before each answer.

    bodies, keys: of the requests for images. fetched: (path, Authorization) of all GET requests. most: at once.
    """

    url: str = ""
    answers: Callable[[int, dict[str, Any]], Answer | None] = lambda number, body: None
    files: dict[str, Answer] = field(default_factory=dict)
    pause: float = 0.0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    sent_on: list[float] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    fetched: list[tuple[str, str | None]] = field(default_factory=list)
    most: int = 0
    open: int = 0

    @property
    def address(self) -> str:
        """Without a path."""
        return self.url.removesuffix("/v1")


def png(size: int, seed: int = 0, form: str = "PNG") -> bytes:
    """The file of an image that the seed decides."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=form)
    return buffer.getvalue()


def packed(content: bytes) -> Answer:
    """The image in the answer itself."""
    return Answer(200, json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(content).decode()}]}).encode())


def at(address: str) -> Answer:
    """The image by its address."""
    return Answer(200, json.dumps({"created": 1, "data": [{"url": address}]}).encode())


def error(status: int, message: str = "no", headers: Mapping[str, str] | None = None, **fields: Any) -> Answer:
    """As OpenAI says it."""
    return Answer(status, json.dumps({"error": {"message": message, **fields}}).encode(), headers or {})


@contextmanager
def images_server() -> Iterator[ImagesServer]:
    """The server, until the end of the block."""
    state, lock = ImagesServer(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(state.bodies)
                state.bodies.append({**body, "path": self.path})
                state.keys.append(self.headers.get("Authorization"))
                state.sent_on.append(time.monotonic())
                state.open += 1
                state.most = max(state.most, state.open)
            time.sleep(state.pause)
            size = int(str(body.get("size", "8x8")).partition("x")[0])
            answer = state.answers(number, body) or packed(png(size, body.get("seed", number)))
            with lock:
                state.open -= 1
                state.answered[body["prompt"]] += answer.status == 200
            _send(self, answer)

        def do_GET(self) -> None:
            state.fetched.append((self.path, self.headers.get("Authorization")))
            _send(self, state.files.get(self.path, Answer(404, b"")))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def _send(request: BaseHTTPRequestHandler, answer: Answer) -> None:
    try:
        request.send_response(answer.status)
        request.send_header("Content-Type", answer.kind)
        request.send_header("Content-Length", str(len(answer.content)))
        for name, value in answer.headers.items():
            request.send_header(name, value)
        request.end_headers()
        if answer.drip:
            for place in range(len(answer.content)):
                request.wfile.write(answer.content[place : place + 1])
                time.sleep(answer.drip)
            return
        request.wfile.write(answer.content[: answer.cut])
        if answer.cut is not None:
            request.close_connection = True
    except (BrokenPipeError, ConnectionResetError):
        pass


def client(state: ImagesServer, **options: Any) -> RemoteClient:
    """A client of the server."""
    return RemoteClient(state.url, **options)
