"""What stands before the pages: nothing can be uploaded, asked for or learnt that no page needs."""

import asyncio
import json
import os
import platform
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from http.cookies import SimpleCookie
from importlib.metadata import version
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import human_eval_app
from benchmarks.websocket_rater import WebsocketRater
from human_eval_app.app.guard import LARGEST_MESSAGE, visitor_of
from human_eval_app.app.rater.trial_component import read_report
from human_eval_app.app.service import Service, open_service
from human_eval_app.app.tokens import TOKEN
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import Server, run_async, serving, status_of, write_study

CONNECTIONS = 20  # that one address may have
TOO_BIG = 1009  # of RFC 6455


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    study, settings = tmp_path_factory.mktemp("guarded") / "study", f"connections_per_address = {CONNECTIONS}"
    with serving(write_study(make_design(samples=1), study, settings)) as running:
        yield running


@pytest.fixture(scope="module")
def service(server: Server) -> Iterator[Service]:
    opened = open_service(server.study)
    yield opened
    opened.store.close()


def _memory_mib(server: Server) -> float:
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _upload(server: Server, session: str, megabytes: int) -> int:
    """Try to upload a file as Streamlit's own page would; the status, 0 when the server hangs up."""
    with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=30) as reply:
        cookies = SimpleCookie(reply.headers["Set-Cookie"])
    token = cookies["_streamlit_xsrf"].value
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n%b\r\n--x--\r\n' % bytes(
        megabytes << 20
    )
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Cookie": f"_streamlit_xsrf={token}",
        "X-Xsrftoken": token,
    }
    url = f"{server.url}/_stcore/upload_file/{session}/file-1"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"), timeout=60) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_an_anonymous_visitor_can_upload_nothing(server: Server) -> None:
    async def visit() -> None:
        async with WebsocketRater(f"{server.url}/") as visitor:
            before = _memory_mib(server)
            assert await asyncio.to_thread(_upload, server, visitor.session, 60) not in (200, 201, 204)
            assert _memory_mib(server) < before + 30

    run_async(visit())


def test_what_no_page_asks_for_is_not_there(server: Server) -> None:
    for path in (
        "/_stcore/metrics",
        "/_stcore/agent/openapi.json",
        "/_stcore/agent/mcp",
        "/_stcore/script-health-check",
    ):
        assert status_of(server, path) == 404
        assert status_of(server, f"/any{path}") == 404
    for method in ("POST", "PUT", "DELETE"):
        request = urllib.request.Request(f"{server.url}/_stcore/agent/interact", b"{}", method=method)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        assert refused.value.code == 405


async def _ended(server: Server, *sent: bytes) -> int | None:
    """With which code the server ends a websocket after these bytes, frames as they go over the line."""
    async with connect(f"ws{server.url[4:]}/_stcore/stream", subprotocols=["streamlit"]) as websocket:  # type: ignore[list-item]
        with suppress(ConnectionClosed, OSError):
            for frame in sent:
                websocket.transport.write(frame)
                await asyncio.sleep(0.01)
        await asyncio.wait_for(websocket.wait_closed(), 30)
        return websocket.close_code


def _frame(length: int, kind: int) -> bytes:
    """The beginning of a frame of so many bytes, as RFC 6455 has it; kind: its first byte."""
    return struct.pack("!BBQ4s", kind, 0xFF, length, b"mask")


def test_a_message_that_no_page_sends_ends_its_connection_before_it_is_here(server: Server) -> None:
    whole, begun, further = 0x82, 0x02, 0x00
    for announced in (LARGEST_MESSAGE + 1, 8 << 20, 1 << 60):
        assert run_async(_ended(server, _frame(announced, whole))) == TOO_BIG  # none of its bytes came
    piece = LARGEST_MESSAGE // 2 + 1
    pieces = [_frame(piece, begun) + bytes(piece), _frame(piece, further)]
    assert run_async(_ended(server, *pieces)) == TOO_BIG


def test_the_longest_message_of_a_page_is_far_below_the_bound() -> None:
    report = {"key": "1" * 12 + "-training-999999-999999", "number": 999, "text": "🦉" * 1000}
    message = BackMsg()
    message.rerun_script.query_string = "q" * 8000  # as long as servers take
    message.rerun_script.widget_states.widgets.add(
        json_trigger_value=json.dumps([{"event": "report", "value": report}])
    )
    assert read_report(report) is not None
    assert len(message.SerializeToString()) < LARGEST_MESSAGE / 2


def test_one_address_has_so_many_connections_and_no_more(server: Server, service: Service) -> None:
    async def crowd() -> None:
        url = f"ws{server.url[4:]}/_stcore/stream"
        async with AsyncExitStack() as stack:
            for _ in range(CONNECTIONS):
                await stack.enter_async_context(connect(url, subprotocols=["streamlit"]))  # type: ignore[list-item]
            with pytest.raises(InvalidStatus):
                await stack.enter_async_context(connect(url, subprotocols=["streamlit"]))  # type: ignore[list-item]
        await asyncio.sleep(0.5)
        link = f"{server.url}/?{TOKEN}={service.signer.invitation('after the crowd')}"
        async with WebsocketRater(link) as rater:
            assert "Before you start" in rater.text()

    run_async(crowd())


def test_connections_are_counted_by_what_one_visitor_has() -> None:
    assert visitor_of("192.0.2.1") == "192.0.2.1" == visitor_of("::ffff:192.0.2.1")
    assert visitor_of("2001:db8:0:1::1") == visitor_of("2001:db8:0:1:ffff::2") != visitor_of("2001:db8:0:2::1")
    assert visitor_of("fe80::1%eth0") == visitor_of("fe80::2%eth0")
    assert visitor_of("this machine") == "this machine"


def test_no_message_tells_paths_or_versions(server: Server, service: Service) -> None:
    async def listen() -> bytes:
        async with connect(f"ws{server.url[4:]}/_stcore/stream", subprotocols=["streamlit"]) as websocket:  # type: ignore[list-item]
            token = service.signer.invitation("listening")
            await websocket.send(BackMsg(rerun_script={"query_string": f"{TOKEN}={token}"}).SerializeToString())
            heard = b""
            with suppress(TimeoutError):
                while True:
                    message = await asyncio.wait_for(websocket.recv(), 30 if b"Before you start" not in heard else 0.3)
                    heard += message if isinstance(message, bytes) else message.encode()
            return heard

    heard = run_async(listen())
    assert b"Before you start" in heard
    for told in (str(Path(human_eval_app.__file__).parent), platform.python_version(), version("streamlit")):
        assert told.encode() not in heard


def test_pages_may_load_and_reach_nothing_but_this_server(server: Server) -> None:
    for path in ("/", "/admin", "/_stcore/health"):
        with urllib.request.urlopen(server.url + path, timeout=30) as reply:
            policy = reply.headers["Content-Security-Policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'self'"
        assert "'unsafe" not in rules["script-src"]
        assert rules["frame-ancestors"] == rules["object-src"] == "'none'"
        assert not any("http" in rule or "*" in rule for rule in rules.values())
