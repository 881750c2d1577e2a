"""The client against a server that throttles, drops, refuses, redirects and says anything but JSON."""

import email.utils
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from drawbench.errors import StageError, UserError
from drawbench.remote import client as client_module
from drawbench.remote import download as download_module
from drawbench.remote.answers import LONGEST_MESSAGE, AnswerError, PolicyError
from drawbench.remote.client import RemoteClient
from drawbench.remote.request_log import RequestLog, Usage, read_usage
from tests.drawbench.remote.images_server import Answer, ImagesServer, client, error, png

PATH = "/images/generations"
BODY = {"prompt": "a cup", "size": "8x8", "seed": 3}
KEY = "sk-test-0123456789abcdef"


def first(*answers: Answer) -> Any:
    """These answers, then images."""
    return lambda number, body: answers[number] if number < len(answers) else None


def test_an_answer_is_an_object_and_the_body_is_sent_as_it_is(server: ImagesServer) -> None:
    answer = client(server).ask(PATH, BODY, "a-0")
    assert set(answer) == {"created", "data"}
    assert server.bodies == [{**BODY, "path": "/v1/images/generations"}]


def test_the_key_is_that_of_the_variable_and_none_is_sent_without(
    server: ImagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client(server).ask(PATH, BODY, "a-0")
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    monkeypatch.setenv("MINE", "another")
    for key_env in ("", "MINE", "none"):
        client(server, key_env=key_env).ask(PATH, BODY, "a-0")
    assert server.keys == [None, f"Bearer {KEY}", "Bearer another", None]
    with pytest.raises(UserError, match="variable that key_env names is not set") as caught:
        client(server, key_env="NOT_SET")
    assert "NOT_SET" not in str(caught.value)


def test_a_key_does_not_go_unencrypted_unless_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(UserError, match="would go to gpu-box unencrypted") as caught:
        RemoteClient("http://gpu-box:8000/v1")
    assert KEY not in str(caught.value)
    RemoteClient("http://gpu-box:8000/v1", key_env="OPENAI_API_KEY")
    RemoteClient("https://gpu-box:8000/v1")
    with pytest.raises(UserError, match="holds the key"):
        RemoteClient(f"https://host/{KEY}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "ollama")  # no secret, and perhaps part of a name
    assert RemoteClient("https://ollama/v1").redacted("ollama") == "ollama"


def test_the_servers_own_wait_is_kept_in_every_form(server: ImagesServer) -> None:
    soon = email.utils.formatdate(time.time() + 1.5, usegmt=True)
    waits = ({"Retry-After": "0.3"}, {"Retry-After-Ms": "200"}, {"Retry-After": soon})
    server.answers = first(*(error(429, headers=wait) for wait in waits))
    client(server).ask(PATH, BODY, "a-0")
    gaps = [after - before for before, after in zip(server.sent_on, server.sent_on[1:], strict=False)]
    assert all(gap >= least for gap, least in zip(gaps, (0.3, 0.2, 0.0), strict=True))
    assert len(server.bodies) == 4


def test_a_wait_holds_for_all_requests(server: ImagesServer) -> None:
    server.answers = first(error(429, headers={"Retry-After": "0.4"}))
    asking = client(server)
    asking._not_before = time.monotonic() + 0.3
    began = time.monotonic()
    asking.ask(PATH, BODY, "a-0")
    assert server.sent_on[0] - began >= 0.3
    assert server.sent_on[1] - server.sent_on[0] >= 0.4


def test_too_long_a_wait_stops(server: ImagesServer) -> None:
    server.answers = lambda number, body: error(429, "slow down", headers={"Retry-After": "7200"})
    with pytest.raises(StageError, match=r"slow down; it asks to wait 7200 s: what is drawn is kept"):
        client(server).ask(PATH, BODY, "a-0")
    assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: ImagesServer, status: int, tmp_path: Path) -> None:
    server.answers = first(error(status), Answer(status, b"<html>bad gateway", kind="text/html"))
    asking = client(server)
    asking.log = RequestLog(tmp_path / "requests.jsonl")
    assert asking.ask(PATH, BODY, "a-0", price=0.5)["data"]
    usage = read_usage(tmp_path / "requests.jsonl")
    assert usage is not None
    assert (usage.requests, usage.answered, usage.cost) == (3, 1, 0.5)


def test_pauses_grow_and_differ(server: ImagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(client_module, "time", SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic))
    monkeypatch.setattr(client_module, "PAUSE", 1.0)
    server.answers = lambda number, body: error(503)
    for _ in range(2):
        with pytest.raises(StageError, match="no: what is drawn is kept"):
            client(server).ask(PATH, BODY, "a-0")
    assert len(pauses) == 10
    assert all(2**n / 2 <= pause <= 2**n for n, pause in enumerate(pauses[:5]))
    assert pauses[:5] != pauses[5:]


def test_one_prompt_that_breaks_the_server_is_no_reason_to_stop_others(server: ImagesServer) -> None:
    server.answers = lambda number, body: error(500, "assert failed")
    with pytest.raises(AnswerError, match=r"assert failed \(500\)"):
        client(server).ask(PATH, BODY, "a-0")
    assert len(server.bodies) == 6


def test_a_dropped_connection_is_tried_again(server: ImagesServer, tmp_path: Path) -> None:
    whole = Answer(200, b'{"data": [{"b64_json": "AAAA"}]}')
    server.answers = first(Answer(200, whole.content, cut=0), Answer(200, whole.content, cut=20))
    asking = client(server)
    asking.log = RequestLog(tmp_path / "requests.jsonl")
    asking.ask(PATH, BODY, "a-0")
    assert len(server.bodies) == 3
    assert read_usage(tmp_path / "requests.jsonl") != Usage(requests=3, answered=3)


def test_a_server_that_is_not_there_stops(server: ImagesServer) -> None:
    asking = RemoteClient("http://127.0.0.1:9/v1")
    with pytest.raises(StageError, match=r"127\.0\.0\.1: the connection failed \(ConnectError\)"):
        asking.ask(PATH, BODY, "a-0")


def test_silence_is_a_failed_connection(server: ImagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TRIES", 2)
    server.pause = 0.5
    with pytest.raises(StageError, match=r"connection failed \(ReadTimeout\)"):
        client(server, timeout=0.1).ask(PATH, BODY, "a-0")


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (
            Answer(200, b"<html>log in</html>", kind="text/html; charset=utf-8"),
            AnswerError,
            r"no JSON object .text/html",
        ),
        (Answer(200, b'{"data": [{"b64'), AnswerError, "no JSON object"),
        (Answer(200, b"[1, 2]"), AnswerError, "no JSON object"),
        (Answer(200, b""), AnswerError, "0 bytes"),
        (error(200, "out of memory"), AnswerError, "out of memory"),
        (Answer(200, b'{"error": "model not loaded"}'), AnswerError, "model not loaded"),
        (error(200, "unsafe", code="content_policy_violation"), PolicyError, "unsafe"),
        (error(400, "unsafe", code="moderation_blocked"), PolicyError, "unsafe"),
        (error(400, "x", innererror={"code": "ResponsibleAIPolicyViolation"}), PolicyError, "x"),
        (error(400, "too long", param="prompt"), AnswerError, r"too long \(400\)"),
        (error(400, "Unknown parameter: 'seed'", param="seed"), UserError, "--set seed=false leaves it out"),
        (error(400, "Unknown parameter", param="quality"), UserError, "the field 'quality'"),
        (Answer(422, b'{"detail": [{"loc": ["body", "seed"], "msg": "extra"}]}'), UserError, "extra .the field 'seed'"),
        (error(404, "no such model"), UserError, r"no such model \(404\).*--set model"),
        (Answer(404, b"<html>nginx", kind="text/html"), UserError, "check the address"),
        (error(401, f"Incorrect API key provided: {KEY[:5]}***"), UserError, "does not let us in"),
        (error(403, "verify your organization"), UserError, r"verify your organization \(403\): see to the account"),
        (error(400, "unsafe", code="InputTextSensitiveContentDetected"), PolicyError, "unsafe"),
        (Answer(400, b'{"code": "DataInspectionFailed", "message": "unsafe"}'), PolicyError, "unsafe"),
        (Answer(200, b"[" * 200_000), AnswerError, "no JSON object"),
        (Answer(400, b'{"error":' * 200_000), AnswerError, "no JSON object"),
        (error(200, "odd", code="²"), AnswerError, "odd"),
        (error(200, "odd", code="9" * 5000), AnswerError, "odd"),
        (error(400, "red \ud800 \x1b[31m", code="content_filter"), PolicyError, r"red \[31m$"),
        (Answer(302, b"", {"Location": "http://[x"}), UserError, r"redirects to http://\[x: redirects are not"),
        (Answer(307, b"", {"Location": "/login?to=x"}), UserError, "redirects to /login: redirects are not"),
        (Answer(307, b"", {"Location": "http://me:secret@x/y"}), UserError, "redirects to http://x/y: redirects are"),
        (Answer(302, b""), UserError, "redirects to nowhere"),
        (error(429, "pay first", code="insufficient_quota"), StageError, "see to the account"),
        (error(402, "pay first"), StageError, "see to the account"),
    ],
)
def test_other_answers_say_whose_fault_they_are(
    server: ImagesServer, answer: Answer, kind: type[Exception], says: str, tmp_path: Path
) -> None:
    server.answers = lambda number, body: answer
    asking = client(server)
    asking.log = RequestLog(tmp_path / "requests.jsonl")
    with pytest.raises(kind, match=says) as caught:
        asking.ask(PATH, BODY, "a-0", price=1.0)
    assert type(caught.value) is kind
    assert len(server.bodies) == 1
    assert read_usage(tmp_path / "requests.jsonl") == Usage(requests=1)


def test_an_error_in_a_good_answer_may_mean_to_wait(server: ImagesServer) -> None:
    server.answers = first(error(200, code=503), error(200, code="rate_limit_exceeded"))
    assert client(server).ask(PATH, BODY, "a-0")["data"]
    assert len(server.bodies) == 3


def test_the_key_is_in_no_message(server: ImagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for status in (400, 404, 418, 503, 200):
        server.answers = lambda number, body, status=status: error(status, f"header was: Bearer {KEY}", param=KEY)
        with pytest.raises((UserError, StageError, AnswerError)) as caught:
            client(server).ask(PATH, BODY, "a-0")
        assert KEY not in str(caught.value)
        assert caught.value.__cause__ is caught.value.__context__ is None


def test_no_part_of_the_key_is_in_a_message_not_even_where_that_is_cut_or_changes_case(
    server: ImagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    said = [error(400, "x" * before + KEY) for before in range(LONGEST_MESSAGE - len(KEY), LONGEST_MESSAGE)]
    for answer in (*said, Answer(302, b"", {"Location": f"http://{KEY.upper()}/"})):
        server.answers = lambda number, body, answer=answer: answer
        with pytest.raises((UserError, AnswerError)) as caught:
            client(server).ask(PATH, BODY, "a-0")
        assert "sk-" not in str(caught.value).lower()


def test_redirects_are_not_followed(server: ImagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for status in (301, 302, 307, 308):
        server.answers = lambda number, body, status=status: Answer(
            status, b"", {"Location": f"{server.address}/elsewhere?token=secret"}
        )
        with pytest.raises(
            UserError, match=r"redirects to http://127\.0\.0\.1:\d+/elsewhere: redirects are not"
        ) as caught:
            client(server).ask(PATH, BODY, "a-0")
        assert "secret" not in str(caught.value)
    assert len(server.bodies) == 4
    assert not server.fetched


def test_answers_are_read_up_to_a_size(server: ImagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MOST_BYTES", 1 << 20)
    for status in (200, 400):
        server.answers = lambda number, body, status=status: Answer(status, b" " * (3 << 20))
        with pytest.raises(AnswerError, match="longer than 1 MiB"):
            client(server).ask(PATH, BODY, "a-0")
    server.answers = lambda number, body: Answer(200, b"{}", {"Content-Encoding": "gzip"})
    with pytest.raises(AnswerError, match="packed"):
        client(server).ask(PATH, BODY, "a-0")


def test_an_answer_that_drips_without_end_is_given_up_and_not_paid_again(
    server: ImagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download_module, "LONGEST", 0.3)
    server.answers = lambda number, body: Answer(200, b" " * 1000, drip=0.02)
    with pytest.raises(AnswerError, match="began but did not end within 1 s"):
        client(server, timeout=1.0).ask(PATH, BODY, "a-0")
    assert len(server.bodies) == 1


def test_waits_that_no_calendar_has_are_none(server: ImagesServer) -> None:
    for date in ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", "Fri, 31 Dec 2026 23:59:59 +99999999999999999999"):
        server.answers = first(error(429, headers={"Retry-After": date}))
        server.bodies.clear()
        assert client(server).ask(PATH, BODY, "a-0")["data"]


def test_a_proxy_of_the_environment_is_used(server: ImagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.address)
    asking = RemoteClient("http://nowhere.invalid/v1")
    assert asking.ask(PATH, BODY, "a-0")["data"]
    assert server.bodies[0]["path"] == "http://nowhere.invalid/v1/images/generations"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # which a proxy of this machine's own servers would see in the open
    monkeypatch.setenv("HTTP_PROXY", "http://nowhere.invalid")
    assert client(server).ask(PATH, BODY, "a-0")["data"]
    assert (server.bodies[1]["path"], server.keys[1]) == ("/v1/images/generations", f"Bearer {KEY}")


def test_without_the_package_the_extra_is_named(server: ImagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    with pytest.raises(UserError, match=r"pip install 'drawbench\[http\]'"):
        client(server)


def test_a_log_counts_what_a_kill_left(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    assert read_usage(file) is None
    log = RequestLog(file)
    for number in range(3):
        name = log.sent(f"a-{number}")
    log.answered(name, "answer", 2.0, 0.25)
    log.lossy("a-2")
    with file.open("a") as torn:
        torn.write('{"request": "x", "se')
    assert read_usage(file) == Usage(requests=3, answered=1, seconds=2.0, cost=0.25, lossy=1)
    assert json.loads(file.read_text().splitlines()[0])["sample"] == "a-0"


def test_other_endpoints_are_asked_alike(server: ImagesServer) -> None:
    """As judges do, which answer in chat completions."""
    answer = {"choices": [{"message": {"content": "yes"}}]}
    server.answers = lambda number, body: Answer(200, json.dumps(answer).encode())
    assert client(server).ask("/chat/completions", {"prompt": "is it red?"}, "a-0") == answer
    assert server.bodies[0]["path"] == "/v1/chat/completions"


def test_the_server_of_these_tests_sends_what_it_says(server: ImagesServer) -> None:
    server.files["/x.png"] = Answer(200, png(4), kind="image/png")
    assert httpx2.get(f"{server.address}/x.png").content == png(4)
