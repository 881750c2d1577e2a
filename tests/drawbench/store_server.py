"""Object storage on this machine: moto's S3, and one that heeds no conditions."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "anyone", "AWS_SECRET_ACCESS_KEY": "anything", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[str]:
    """The endpoint of an S3-compatible server with an empty bucket, `bucket`. It answers one request at a time."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object) -> None:
            pass

    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, request_handler=Quiet)
    endpoint = f"http://127.0.0.1:{server.port}"
    with _served(server):
        for path, method in (("/moto-api/reset", "POST"), ("/bucket", "PUT")):
            urllib.request.urlopen(urllib.request.Request(endpoint + path, method=method))
        yield endpoint


@contextmanager
def careless_server() -> Iterator[str]:
    """The endpoint of a server that takes every PUT, whatever If-None-Match says, and lists nothing."""

    class Careless(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(200, b"", {"ETag": '"0"'})

        def do_GET(self) -> None:
            self._answer(200, b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>", {})

        def do_DELETE(self) -> None:
            self._answer(204, b"", {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Careless)
    with _served(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def _served(server: object) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)  # type: ignore[attr-defined]
    thread.start()
    try:
        yield
    finally:
        server.shutdown()  # type: ignore[attr-defined]
        thread.join()
        server.server_close()  # type: ignore[attr-defined]


def use(endpoint: str, patch: pytest.MonkeyPatch) -> None:
    """This process, and those it starts, ask that server."""
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}.items():
        patch.setenv(name, value)
