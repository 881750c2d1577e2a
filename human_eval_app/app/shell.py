"""The page around every page: its language, what it says without JavaScript, and what it says when nothing comes."""

import re
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from human_eval_app.app.rater.texts import best_language, languages, texts

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT_ROUTE = "/study/shell.js"
_STALE = (
    b"content-length",
    b"content-encoding",
    b"etag",
    b"last-modified",
    b"accept-ranges",
)  # of Streamlit's own page


async def shell_script(_: "Request") -> "Response":
    """The script of every page; see shell.js."""
    from starlette.responses import Response

    headers = {"Cache-Control": "no-cache"}
    return Response(_file("shell.js"), media_type="text/javascript", headers=headers)


class Shell:
    """Puts our page in the place of Streamlit's own, whatever address asked for it."""

    def __init__(self, app: "ASGIApp", base_path: str = "", contact: str = "") -> None:
        self._app = app
        self._pages = {language: shell_page(language, base_path, contact) for language in languages()}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        page: bytes | None = None

        async def send_shell(message: "Message") -> None:
            nonlocal page
            if message["type"] == "http.response.start":
                headers = message.get("headers", [])
                kind = dict(headers).get(b"content-type", b"")
                if message["status"] == 200 and kind.startswith(b"text/html"):
                    page = self._pages[_language(scope)]
                    kept = [header for header in headers if header[0].lower() not in _STALE]
                    length = (b"content-length", str(len(page)).encode())
                    message = {**message, "headers": [*kept, length, (b"vary", b"Accept-Language")]}
            elif page is not None:  # in one piece, with the last piece of theirs
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else page}
            await send(message)

        await self._app(scope, receive, send_shell)


def shell_page(language: str, base_path: str = "", contact: str = "") -> bytes:
    """Streamlit's page in a language of the raters' texts, with our script and our sentences."""
    words = texts(language)
    said = {name: escape(sentence) for name, sentence in words["shell"].items()}
    whom = escape(words["common"]["contact"].format(contact=contact)) if contact else ""
    script = (
        f'<script defer src="{escape(base_path)}{SCRIPT_ROUTE}" data-heading="{said["blocked_heading"]}" '
        f'data-blocked="{said["blocked"]} {whom}" data-again="{said["again"]}"></script>'
    )
    changes = (
        (r'<html lang="en">', f'<html lang="{language}">'),
        (r"<title>.*?</title>", f"<title>{escape(words['common']['title'])}</title>"),
        (r"<noscript>.*?</noscript>", f"<noscript><p>{said['no_javascript']}</p></noscript>"),
        (r"</head>", f"{script}</head>"),
    )
    page = streamlit_page()
    for theirs, ours in changes:
        page, found = re.subn(theirs, ours.replace("\\", r"\\"), page, count=1, flags=re.DOTALL)
        if not found:
            raise RuntimeError(f"this version of Streamlit has a page without {theirs}")
    return page.encode()


@cache
def streamlit_page() -> str:
    """The page that Streamlit serves of its own."""
    from streamlit import file_util

    return (Path(file_util.get_static_dir()) / "index.html").read_text(encoding="utf-8")


def _language(scope: "Scope") -> str:
    """What the address or the browser asks for, as on the pages themselves."""
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[0]
    wanted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    return best_language(asked or re.split("[,;]", wanted)[0].strip())


def _file(name: str) -> bytes:
    return files("human_eval_app.app").joinpath(name).read_bytes()
