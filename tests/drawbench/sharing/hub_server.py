"""A stand-in for the hub: takes a commit of a data set, and gives its files back, over loopback."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote

COMMIT = "c" * 40


@dataclass
class Hub:
    """files: of the one repository, by path. commits: how many were taken. down: whether it fails."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0
    down: bool = False


@contextmanager
def hub_server() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if hub.down:
                return self.answer({"error": "down"}, 500)
            if self.path.endswith("/repos/create"):
                name = f"{json.loads(body).get('organization') or 'me'}/{json.loads(body)['name']}"
                return self.answer({"url": f"{hub.address}/datasets/{name}", "id": name})
            if "/preupload/" in self.path:
                asked = [each["path"] for each in json.loads(body)["files"]]
                said = [{"path": path, "uploadMode": "regular", "shouldIgnore": False, "oid": None} for path in asked]
                return self.answer({"files": said})
            if "/commit/" in self.path:
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        hub.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                hub.commits += 1
                url = f"{hub.address}/datasets/me/x/commit/{COMMIT}"
                return self.answer({"success": True, "commitOid": COMMIT, "commitUrl": url, "hookOutput": ""})
            return self.answer({})

        def do_GET(self) -> None:
            path = unquote(self.path.partition("?")[0])
            if "/resolve/" in path:
                return self.file(path.split("/resolve/")[1].partition("/")[2])
            if "/tree/" in path:
                tree = [{"type": "file", "path": p, "size": len(c), "oid": _oid(c)} for p, c in hub.files.items()]
                return self.answer(tree)
            siblings = [{"rfilename": name} for name in hub.files]
            return self.answer({"id": "me/x", "sha": COMMIT, "private": False, "tags": [], "siblings": siblings})

        def do_HEAD(self) -> None:
            self.do_GET()

        def file(self, name: str) -> None:
            self.send_response(200)
            self.send_header("ETag", f'"{_oid(hub.files[name])}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(hub.files[name])))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(hub.files[name])

        def answer(self, content: object, code: int = 200) -> None:
            data = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def _oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
