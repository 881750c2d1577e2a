"""The server: Streamlit's own, with signed addresses for images and headers that keep invitations private."""

import gc
import hashlib
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from human_eval_app.app.guard import LARGEST_MESSAGE, Guard, content_policy
from human_eval_app.app.rater.trial_view import IMAGE_ROUTE
from human_eval_app.app.service import DATABASE_VARIABLE, STUDY_VARIABLE, Service, current_service
from human_eval_app.app.settings import read_settings
from human_eval_app.app.shell import SCRIPT_ROUTE, Shell, shell_script
from human_eval_app.store.records import StoreRefusal

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = Path(__file__).with_name("main.py")
_SEEN_SECONDS = 2.0  # for so long a rater's stage is taken as known while images are served

# Streamlit options of the server. White text on the colours has 4.5:1 or more, they on the page 3:1 or more.
OPTIONS: dict[str, Any] = {
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "viewer",
    "global.developmentMode": False,
    "runner.fastReruns": False,  # a message is handled to its end before the next one
    "runner.postScriptGC": False,  # a full collection after every answer takes longer than the answer
    "server.fileWatcherType": "none",
    "server.enableStaticServing": False,
    "server.headless": True,
    "server.maxMessageSize": 32,  # MB, of what the server sends; `bound_messages` bounds what comes
    "server.maxUploadSize": 0,
    "server.scriptHealthCheckEnabled": False,
    "theme.light.primaryColor": "#1d55b8",
    "theme.dark.primaryColor": "#2f6fde",
}


def build_app() -> Any:
    """The ASGI application for the study that the environment names; see `serve` for Streamlit's options."""
    import streamlit as st
    from starlette.middleware import Middleware
    from starlette.routing import Route

    from human_eval_app.app import closing  # reads votes as the admin pages do; raters' pages load nothing of them

    service = current_service()
    base_path = service.settings.base_path
    closing.start(service)
    images = ImageRoute(service)
    gc.collect()
    gc.freeze()  # what is loaded by now stays; later collections need not look at it
    return st.App(
        SCRIPT,
        routes=[
            Route(base_path + IMAGE_ROUTE + "/{rater:int}/{signature}/{image}", images.respond),
            Route(base_path + SCRIPT_ROUTE, shell_script),
        ],
        middleware=[
            Middleware(PrivateHeaders),
            Middleware(Guard, service.settings.connections_per_address, str(SCRIPT)),
            Middleware(Shell, base_path=base_path, contact=service.settings.contact),
        ],
    )


def serve(study: Path, database: str | None, host: str, port: int) -> None:
    """Serve until stopped. Raises UserError when the study or its database cannot be used."""
    os.environ[STUDY_VARIABLE] = str(study.resolve())
    if database:
        os.environ[DATABASE_VARIABLE] = database
    os.environ.setdefault("STREAMLIT_SERVER_COOKIE_SECRET", cookie_secret(study))
    base_path = read_settings(study).base_path
    options = {**OPTIONS, "server.address": host, "server.port": port, "server.baseUrlPath": base_path.strip("/")}
    bound_messages()
    send_at_once()
    build_app().run(config=options)


def bound_messages() -> None:
    """Let the server end a connection as soon as a message is announced that no page sends, before its bytes are here.

    Streamlit's one limit of messages is that of what it sends, and its server takes it for what comes, too.
    """
    from streamlit.web.server.starlette import starlette_server

    starlette_server.get_max_message_size_bytes = lambda: LARGEST_MESSAGE  # type: ignore[attr-defined]


def send_at_once() -> None:
    """Let no answer or image wait until the browser has acknowledged what was sent before it, some 40 ms.

    asyncio sees to it for sockets that name their protocol. Streamlit's listening socket does not; connections inherit
    the option from it. In a version of Streamlit that makes its socket elsewhere, all works as before.
    """
    from streamlit.web.server.starlette import starlette_server

    bind = getattr(starlette_server, "_bind_socket", None)
    if bind is None:
        return

    def bind_socket(address: str, port: int, backlog: int) -> socket.socket:
        listening: socket.socket = bind(address, port, backlog)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening

    starlette_server._bind_socket = bind_socket


def cookie_secret(study: Path) -> str:
    """The secret of the server's cookies: the same in every replica that serves the study."""
    from human_eval_app.study.design import SECRET_FILE

    return hashlib.sha256(b"cookies " + (study / SECRET_FILE).read_bytes()).hexdigest()


class ImageRoute:
    """Serves images at addresses signed for a rater who is in the middle of the study."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._seen: dict[int, float] = {}  # rater -> until when they are known to be rating

    async def respond(self, request: "Request") -> "Response":
        """The image as lossless WebP, or 404 with nothing that would tell why."""
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import Response

        values = request.path_params
        rater, image = values["rater"], values["image"]
        known = image in self._service.image_tokens
        if not known or not self._service.signer.image_is_signed(rater, image, values["signature"]):
            return Response(status_code=404)
        content = await run_in_threadpool(self._content, rater, image)
        if content is None:
            return Response(status_code=404)
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(content, media_type="image/webp", headers=headers)

    def _content(self, rater: int, image: str) -> bytes | None:
        """Read whole, in one turn of a thread: piece by piece it takes the processor four times as long."""
        return self._service.image_path(image).read_bytes() if self._is_rating(rater) else None

    def _is_rating(self, rater: int) -> bool:
        now = time.monotonic()
        if self._seen.get(rater, 0.0) > now:
            return True
        try:
            rating = self._service.store.place(rater).stage in ("instructions", "training", "trial")
        except StoreRefusal:
            return False
        if rating:
            self._seen = {each: until for each, until in self._seen.items() if until > now}
            self._seen[rater] = now + _SEEN_SECONDS
        return rating


class PrivateHeaders:
    """Adds headers: no referrer (it would hold the invitation), no framing, no guessing of types, no search engine.

    A page may load and reach nothing but this server.
    """

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app
        self._headers = (
            (b"content-security-policy", content_policy().encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"x-robots-tag", b"noindex, nofollow"),
        )

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self._headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)
