"""What stands before Streamlit's own routes: only what the study's pages need gets through.

Nothing can be uploaded, one address has a bounded number of connections, and no message tells paths or versions.
"""

import hashlib
import re
from base64 import b64encode
from collections import Counter
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from human_eval_app.app.shell import streamlit_page

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD", "OPTIONS")  # pages talk over the websocket; nothing is posted
CLOSED = ("/_stcore/upload_file", "/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check")
LARGEST_MESSAGE = 64 << 10  # bytes from a browser; an answer has a few hundred, the longest report of a problem 12,000
_TRY_AGAIN_LATER = 1013  # of the registry of RFC 6455


def content_policy() -> str:
    """The Content-Security-Policy of every page: what Streamlit needs, from this server alone.

    Its pages have a script in them, known by its hash, and styles; components run from blobs; tables are WebAssembly.
    """
    scripts = re.findall(r"<script>(.*?)</script>", streamlit_page(), re.S)
    inline = [hashlib.sha256(script.encode()).digest() for script in scripts]
    hashes = " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in inline)
    return (
        f"default-src 'self'; script-src 'self' blob: 'wasm-unsafe-eval' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def visitor_of(address: str) -> str:
    """Whose connections and tries are counted together: an IPv4 address, of IPv6 the 64 bits that one visitor has."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return address
    return str(known.ipv4_mapped or IPv6Network((int(known), 64), strict=False))


class Guard:
    """Refuses with 404 and 405 what no page asks for, and websockets beyond so many of one address.

    script: the path of Streamlit's script, which is cut out of what the server tells browsers.
    """

    def __init__(self, app: "ASGIApp", connections_per_address: int, script: str) -> None:
        self._app = app
        self._most = connections_per_address
        self._script = script.encode()
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http" and (scope["method"] not in METHODS or _is_closed(scope["path"])):
            status = 404 if scope["method"] in METHODS else 405
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, send)

    async def _websocket(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        address = visitor_of(scope["client"][0]) if scope.get("client") else ""
        if self._open[address] >= self._most:
            await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})
            return
        self._open[address] += 1
        try:
            await self._app(scope, receive, self._discreet(send))
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    def _discreet(self, send: "Send") -> "Send":
        """Sends what it is given, without the script's path and the server's versions."""

        async def send_discreetly(message: "Message") -> None:
            payload = message.get("bytes")
            if message["type"] == "websocket.send" and payload and self._script in payload:
                message = {**message, "bytes": _without_paths(payload)}
            await send(message)

        return send_discreetly


def _is_closed(path: str) -> bool:
    return any(f"{closed}/" in f"{path}/" for closed in CLOSED)


def _without_paths(payload: bytes) -> bytes:
    """A message to the browser that opens a session, without what only helps somebody who looks for a way in."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    message = ForwardMsg.FromString(payload)
    if message.WhichOneof("type") == "new_session":
        message.new_session.main_script_path = ""
        message.new_session.initialize.environment_info.Clear()
        message.new_session.initialize.environment_info.SetInParent()
    return bytes(message.SerializeToString())
