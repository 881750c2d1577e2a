"""A rater without a browser: speaks the app's own websocket protocol, as Streamlit's page does."""

import asyncio
import json
import time
import urllib.request
from dataclasses import dataclass, field
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
    """One rater: opens a link, takes part to the end, and measures from each answer to the next screen."""

    link: str
    answer_seconds: list[float] = field(default_factory=list)
    screens: int = 0
    ended: str = ""
    _elements: dict[str, Any] = field(default_factory=dict)
    _widgets: dict[str, WidgetState] = field(default_factory=dict)
    _socket: ClientConnection | None = None

    async def take_part(self, trials: int | None = None, pause: float = 0.0, fetch_images: bool = False) -> None:
        """From the invitation to the end, or for so many screens. Raises TimeoutError when no screen follows."""
        address = urlsplit(self.link)
        async with connect(
            f"ws://{address.netloc}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
        ) as self._socket:
            await self._send()
            await self._screen()
            while trials is None or self.screens < trials:
                screen = self.screen()
                if screen is None:
                    if not await self._leave_page():
                        return
                    continue
                if fetch_images:
                    await asyncio.gather(*(asyncio.to_thread(self._fetch, url) for url in _images(screen)))
                if pause:
                    await asyncio.sleep(pause)
                await self._answer(screen)

    def screen(self) -> dict[str, Any] | None:
        """What the trial's component was told; None on every other page."""
        found = [each for each in self._elements.values() if each.WhichOneof("type") == "bidi_component"]
        return json.loads(found[0].bidi_component.json) if found else None

    async def _answer(self, screen: dict[str, Any]) -> None:
        answers = {q["id"]: q["answers"][self.screens % len(q["answers"])]["value"] for q in screen["questions"]}
        timing = {"load_ms": 100, "dwell_ms": 5000, "zooms": 0, "shown_at": "2026-01-01T00:00:00Z"}
        event = {"event": "answer", "value": {"key": screen["key"], "answers": answers, "timing": timing}}
        component = next(e for e in self._elements.values() if e.WhichOneof("type") == "bidi_component")
        state = WidgetState(id=_EVENTS.format(id=component.bidi_component.id), json_trigger_value=json.dumps([event]))
        started = time.perf_counter()
        await self._send(state)
        while True:
            await self._screen()
            following = self.screen()
            if following is None or (following["key"], following["attempt"]) != (screen["key"], screen["attempt"]):
                break
        self.answer_seconds.append(time.perf_counter() - started)
        self.screens += 1

    async def _leave_page(self) -> bool:
        """Agree, go on; False at the end of the study."""
        kinds = {e.WhichOneof("type"): e for e in self._elements.values()}
        if "checkbox" in kinds and kinds["checkbox"].checkbox.id not in self._widgets:
            box = kinds["checkbox"].checkbox.id
            self._widgets[box] = WidgetState(id=box, bool_value=True)
            await self._send()
        elif "button" in kinds:
            await self._send(WidgetState(id=kinds["button"].button.id, trigger_value=True))
        else:
            self.ended = " ".join(e.markdown.body for e in self._elements.values() if e.WhichOneof("type") == "markdown")
            return False
        await self._screen()
        return True

    async def _send(self, *triggers: WidgetState) -> None:
        assert self._socket is not None
        message = BackMsg()
        message.rerun_script.query_string = urlsplit(self.link).query
        message.rerun_script.widget_states.widgets.extend([*self._widgets.values(), *triggers])
        await self._socket.send(message.SerializeToString())

    async def _screen(self) -> None:
        """Read until a run of the script has finished, keeping what it put on the page."""
        assert self._socket is not None
        elements: dict[str, Any] = {}
        while True:
            message = ForwardMsg()
            message.ParseFromString(await asyncio.wait_for(self._socket.recv(), _PATIENCE_SECONDS))  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "new_session":
                elements = {}
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                elements[str(list(message.metadata.delta_path))] = message.delta.new_element
            elif kind == "script_finished":
                self._elements = elements
                return

    def _fetch(self, url: str) -> int:
        address = urlsplit(self.link)
        with urllib.request.urlopen(f"{address.scheme}://{address.netloc}{url}", timeout=_PATIENCE_SECONDS) as reply:
            return len(reply.read())


def _images(screen: dict[str, Any]) -> list[str]:
    return [url for side in screen["sets"] for url in side["images"]]
