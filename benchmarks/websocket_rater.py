"""A rater without a browser: speaks the app's own websocket protocol, as Streamlit's page does."""

import asyncio
import json
import ssl
import time
import urllib.request
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

_EVENTS = "$$STREAMLIT_INTERNAL_KEY_{id}__events"  # where a component's page puts what happened in it
_PATIENCE_SECONDS = 60.0


@dataclass
class WebsocketRater:
    """One rater: opens a link, takes part to the end, and measures from each answer to the next screen.

    cookies: what the browser keeps of earlier visits, as a Cookie header. tls: for a link with a certificate of one's
    own; the system's authorities otherwise.
    """

    link: str
    cookies: str = ""
    tls: ssl.SSLContext | None = None
    answer_seconds: list[float] = field(default_factory=list)
    screens: int = 0
    session: str = ""
    elements: dict[str, Any] = field(default_factory=dict)
    _widgets: dict[str, WidgetState] = field(default_factory=dict)
    _socket: ClientConnection | None = None

    async def __aenter__(self) -> "WebsocketRater":
        """Open the link, as a browser does: the page, then its websocket with the page's cookies; wait for the page."""
        address = urlsplit(self.link)
        await asyncio.to_thread(self._load_page)
        self._socket = await connect(
            f"{'wss' if address.scheme == 'https' else 'ws'}://{address.netloc}{address.path.rstrip('/')}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            origin=f"{address.scheme}://{address.netloc}",  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookies} if self.cookies else None,
            ssl=self.tls,
            max_size=None,
        )
        await self._send()
        await self._read_page()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def take_part(self, trials: int | None = None, pause: float = 0.0, fetch_images: bool = False) -> None:
        """To the end of the study, or for so many screens. Raises TimeoutError when no screen follows an answer.

        pause: seconds before each answer. fetch_images: load every image of a screen first, as a browser does.
        """
        while trials is None or self.screens < trials:
            screen = self.screen()
            if screen is None:
                if not await self.leave_page():
                    return
                continue
            if fetch_images:
                await asyncio.gather(*(asyncio.to_thread(self.fetch, url) for url in images_of(screen)))
            if pause:
                await asyncio.sleep(pause)
            await self.answer(screen)

    def screen(self) -> dict[str, Any] | None:
        """What the trial's component was told; None on every other page."""
        found = self._component()
        return None if found is None else json.loads(found.json)

    def text(self) -> str:
        """The headings and paragraphs of the page, as they were sent."""
        kinds = ("heading", "markdown")
        shown = [(kind, e) for e in self.elements.values() for kind in kinds if e.WhichOneof("type") == kind]
        return "\n".join(getattr(element, kind).body for kind, element in shown)

    async def answer(self, screen: dict[str, Any]) -> None:
        """Answer the screen's questions, and wait for the next screen."""
        answers = {q["id"]: q["answers"][self.screens % len(q["answers"])]["value"] for q in screen["questions"]}
        timing = {"load_ms": 100, "dwell_ms": 5000, "zooms": 0, "shown_at": "2026-01-01T00:00:00Z"}
        started = time.perf_counter()
        await self.send_event("answer", {"key": screen["key"], "answers": answers, "timing": timing})
        while True:
            following = self.screen()
            if following is None or (following["key"], following["attempt"]) != (screen["key"], screen["attempt"]):
                break
            await self._read_page()
        self.answer_seconds.append(time.perf_counter() - started)
        self.screens += 1

    async def send_event(self, name: str, value: Any) -> None:
        """What the component's page sends when something happens in it; waits for the page that follows."""
        component = self._component()
        assert component is not None, "there is no trial on this page"
        event = json.dumps([{"event": name, "value": value}])
        trigger = WidgetState(id=_EVENTS.format(id=component.id), json_trigger_value=event)
        await self._send(WidgetState(id=component.id, json_value="{}"), trigger)
        await self._read_page()

    async def leave_page(self) -> bool:
        """Agree or go on; False on a page that leads nowhere: the end of the study."""
        kinds = {e.WhichOneof("type"): e for e in self.elements.values()}
        if "checkbox" in kinds and kinds["checkbox"].checkbox.id not in self._widgets:
            box = kinds["checkbox"].checkbox.id
            self._widgets[box] = WidgetState(id=box, bool_value=True)
            await self._send()
        elif "button" in kinds:
            await self._send(WidgetState(id=kinds["button"].button.id, trigger_value=True))
        else:
            return False
        await self._read_page()
        return True

    def _component(self) -> Any:
        found = (e.bidi_component for e in self.elements.values() if e.WhichOneof("type") == "bidi_component")
        return next(found, None)

    async def _send(self, *triggers: WidgetState) -> None:
        assert self._socket is not None
        message = BackMsg()
        message.rerun_script.query_string = urlsplit(self.link).query
        message.rerun_script.widget_states.widgets.extend([*self._widgets.values(), *triggers])
        await self._socket.send(message.SerializeToString())

    async def _read_page(self) -> None:
        """Read until a run of the script has finished, keeping what it put on the page."""
        assert self._socket is not None
        elements: dict[str, Any] = {}
        while True:
            message = ForwardMsg()
            message.ParseFromString(await asyncio.wait_for(self._socket.recv(), _PATIENCE_SECONDS))  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "new_session":
                elements, self.session = {}, message.new_session.initialize.session_id
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                elements[str(list(message.metadata.delta_path))] = message.delta.new_element
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.elements = elements
                return

    def fetch(self, url: str) -> int:
        """Load an image; its bytes. Raises urllib.error.HTTPError when it is refused."""
        address = urlsplit(self.link)
        with self._open(f"{address.scheme}://{address.netloc}{url}") as reply:
            return len(reply.read())

    def _load_page(self) -> None:
        """The page itself, for its cookies."""
        with self._open(self.link) as reply:
            kept = SimpleCookie(self.cookies)
            for header in reply.headers.get_all("Set-Cookie", []):
                kept.load(header)
        self.cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in kept.items())

    def _open(self, url: str) -> Any:
        request = urllib.request.Request(url, headers={"Cookie": self.cookies} if self.cookies else {})
        return urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS, context=self.tls)


def images_of(screen: dict[str, Any]) -> list[str]:
    """The addresses of all images on a screen."""
    return [url for side in screen["sets"] for url in side["images"]]
