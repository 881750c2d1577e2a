"""http:URL: what is asked, what an image must be, and what a whole run keeps, counts and never writes."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.interface import Refused, Sample
from drawbench.models.images_api import ImagesApi
from drawbench.models.registry import resolve_model
from drawbench.remote import client as client_module
from drawbench.remote.answers import AnswerError
from drawbench.runs.directory import RunDirectory
from metrics.images.decode import decode_image
from tests.drawbench.remote.images_server import Answer, ImagesServer, at, error, images_server, packed, png

KEY = "sk-test-0123456789abcdef"
SAMPLE = Sample("colors-001", "Colors", "a red cup", 2, 2**50 + 1)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImagesServer]:
    monkeypatch.setattr(client_module, "PAUSE", 0.01)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with images_server() as state:
        yield state


def model(server: ImagesServer, **settings: str) -> ImagesApi:
    return ImagesApi(
        server.url, {"model": "cups-1", **{name.replace("__", "."): v for name, v in settings.items()}}, ""
    )


def drawn(server: ImagesServer, answer: Answer | None = None, size: int = 8, **settings: str) -> np.ndarray | Refused:
    server.answers = lambda number, body: answer
    [output] = model(server, **settings).generate([SAMPLE], size)
    return output


def test_a_request_holds_prompt_size_seed_and_what_is_set(server: ImagesServer) -> None:
    settings = {"extra__quality": "high", "extra__steps": "4", "extra__lora": '[{"name": "x"}]', "extra__style": "none"}
    image = drawn(server, **settings)
    [body] = server.bodies
    body.pop("path")
    fields = {"quality": "high", "steps": 4, "lora": [{"name": "x"}], "style": None}
    assert body == {"model": "cups-1", "prompt": "a red cup", "size": "8x8", "seed": SAMPLE.seed32, **fields}
    assert isinstance(image, np.ndarray)
    assert (image == decode_image(png(8, SAMPLE.seed32), "x")).all()


def test_the_plan_holds_what_decides_pixels_and_nothing_else(server: ImagesServer) -> None:
    plain = model(server, extra__quality="high")
    card = plain.card()
    assert (card.adapter, card.spec, card.name) == ("http", server.url, "cups-1")
    assert card.settings == {"model": "cups-1", "seed": "sent", "extra.quality": "high"}
    pace = model(server, extra__quality="high", concurrency="9", price="2", timeout="3", key_env="OPENAI_API_KEY")
    assert pace.card() == card
    assert (pace.concurrency, pace.price, pace.may_cost) == (9, 2, True)
    assert not model(server, price="0").may_cost
    assert KEY not in card.model_dump_json()


def test_without_seeds_images_are_draws_and_every_score_says_so(server: ImagesServer) -> None:
    drawn(server, seed="false")
    assert "seed" not in server.bodies[0]
    unseeded = model(server, seed="false")
    assert unseeded.card().settings["seed"] == "not sent"
    assert "draws, which no second run repeats" in unseeded.sources().notes[0]
    assert model(server).sources().notes == ()


@pytest.mark.parametrize(
    "answer",
    [
        packed(png(8)),
        packed(png(8, form="WEBP")),
        Answer(200, packed(png(8)).content.replace(b'"b64_json": "', b'"url": "data:image/png;base64,')),
        Answer(200, json.dumps({"data": [{"b64_json": base64.encodebytes(png(8)).decode()}]}).encode()),
    ],
)
def test_base64_in_any_wrapping_is_an_image(server: ImagesServer, answer: Answer) -> None:
    assert isinstance(drawn(server, answer), np.ndarray)


def test_an_image_by_its_address_is_fetched_without_the_key(server: ImagesServer) -> None:
    server.files["/files/1.png"] = Answer(200, png(8, 5), kind="image/png")
    image = drawn(server, at(f"{server.address}/files/1.png"))
    assert (image == decode_image(png(8, 5), "x")).all()
    assert server.keys == [f"Bearer {KEY}"]
    assert server.fetched == [("/files/1.png", None)]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (packed(png(16)), "drew 16x16 px where 8x8 were asked for.*--size"),
        (packed(png(8)[:90]), "damaged or truncated"),
        (packed(b"<html>"), "not a PNG, JPEG or WebP"),
        (packed(b"%PDF"), "not a PNG, JPEG or WebP"),
        (Answer(200, b'{"data": [{"b64_json": "!!!!"}]}'), "no base64"),
        (Answer(200, b'{"data": [{"b64_json": "abc"}]}'), "no base64"),
        (Answer(200, b'{"data": [{}]}'), "neither b64_json nor url"),
        (Answer(200, b'{"data": []}'), "0 images where one"),
        (Answer(200, b'{"data": [{}, {}]}'), "2 images where one"),
        (Answer(200, b'{"data": null}'), "no list of images"),
        (at("http://127.0.0.2/x.png"), "private address"),
        (error(200, "out of memory"), "out of memory"),
    ],
)
def test_what_is_no_image_of_the_size_is_no_image(server: ImagesServer, answer: Answer, why: str) -> None:
    with pytest.raises(AnswerError, match=why):
        drawn(server, answer)


def test_the_servers_policy_is_a_refusal(server: ImagesServer) -> None:
    refused = drawn(server, error(400, "Your request was\nrejected", code="content_policy_violation"))
    assert refused == Refused("by the server's content policy (127.0.0.1: Your request was rejected)")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"model": ""}, "add --set model=NAME"),
        ({"quality": "high"}, "--set extra.quality=VALUE"),
        ({"extra.size": "1x1"}, "--size says it"),
        ({"extra.n": "2"}, "is set here"),
        ({"extra.api_key": "x"}, "looks like a key"),
        ({"extra.hint": f"it is {KEY}"}, "holds the key"),
        ({"extra.x": "{1"}, "no JSON"),
        ({"price": "-1"}, "not a number of 0 or more"),
        ({"price": "free"}, "not a number"),
        ({"concurrency": "0"}, "from 1 to 256"),
        ({"seed": "3"}, "neither true nor false"),
        ({"timeout": "0"}, "waits for nothing"),
    ],
)
def test_settings_that_cannot_be_are_refused(server: ImagesServer, settings: dict[str, str], why: str) -> None:
    with pytest.raises(UserError, match=why):
        ImagesApi(server.url, {"model": "cups-1", **settings}, "")


def test_addresses_are_understood_as_people_write_them() -> None:
    settings = {"model": "m", "key_env": "none"}
    for spec in ("http:http://localhost:8000/v1", "http://localhost:8000/v1/"):
        assert resolve_model(spec, settings, "auto").card().spec == "http://localhost:8000/v1"
    with pytest.raises(UserError, match=r"write --model http:https://api\.openai\.com/v1"):
        resolve_model("https://api.openai.com/v1", settings, "auto")


def test_lossy_images_are_counted(server: ImagesServer, tmp_path: Path) -> None:
    lossy = model(server)
    lossy.log_requests(tmp_path / "requests.jsonl")
    for form in ("JPEG", "WEBP", "PNG"):
        server.answers = lambda number, body, form=form: packed(png(8, form=form))
        lossy.generate([Sample(form, "", "x", 0, 1)], 8)
    assert lossy.sources().lossy == 2


def test_rewritten_prompts_are_counted_in_the_notes(server: ImagesServer, tmp_path: Path) -> None:
    rewriting = model(server)
    rewriting.log_requests(tmp_path / "requests.jsonl")
    for number, text in enumerate(("a red  cup", "A photo of a red cup", "", None)):
        answer = json.loads(packed(png(8)).content)
        answer["data"][0]["revised_prompt"] = text
        server.answers = lambda n, body, answer=answer: Answer(200, json.dumps(answer).encode())
        rewriting.generate([Sample("a", "", "a red cup", number, 1)], 8)
    assert rewriting.sources().notes == ("images drawn from prompts that the server rewrote: 1",)


# Whole runs, by the command.


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("many.csv").write_text("category,prompt\n" + "".join(f"Things,thing {n}\n" for n in range(1, 25)))
    return tmp_path


def words(server: ImagesServer, *more: str) -> list[str]:
    common = ["--model", f"http:{server.url}", "--prompts", "many.csv", "--size", "8", "--samples", "1"]
    return [*common, "--set", "model=cups-1", *more]


def asked(server: ImagesServer) -> Counter[str]:
    return Counter(body["prompt"] for body in server.bodies)


def no_key_in(folder: Path) -> bool:
    return not any(KEY.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_run_asks_once_for_every_image_at_once_and_counts(
    server: ImagesServer, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.pause = 0.05
    assert (
        main(["generate", *words(server, "--set", "price=0.25", "--set", "concurrency=6"), "--out", "run", "--json"])
        == 0
    )
    facts = json.loads(capsys.readouterr().out)
    assert facts["images"] == len(server.bodies) == 24
    assert {**facts["usage"], "seconds": 0} == {"requests": 24, "answered": 24, "seconds": 0, "cost": 6.0}
    assert server.most == 6
    run = RunDirectory.open("run")
    for sample in run.samples():
        assert (run.pixels(sample) == decode_image(png(8, sample.seed32), "x")).all()
    assert run.attempts[0].device == "server 127.0.0.1"
    assert no_key_in(desk)


def test_refusals_failures_and_throttling_end_as_on_error_says(
    server: ImagesServer, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answers(number: int, body: dict[str, Any]) -> Answer | None:
        if body["prompt"] in ("thing 3", "thing 14"):
            return error(400, "unsafe", code="moderation_blocked")
        if body["prompt"] == "thing 7":
            return error(400, f"no such thing, {KEY}", param="prompt")
        if body["prompt"] == "thing 9":
            return packed(png(16))
        return error(429, headers={"Retry-After": "0.01"}) if number % 5 == 0 else None

    server.answers = answers
    assert main(["generate", *words(server), "--out", "run"]) == 1
    said = capsys.readouterr().err
    assert "the model failed at things-00" in said
    assert "--on-error refuse" in said
    kept = [body["prompt"] for body in server.bodies]
    assert main(["generate", *words(server, "--on-error", "refuse"), "--out", "run", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["images"], facts["refused"]) == (20, 4)
    assert facts["usage"]["requests"] == len(server.bodies) > len(kept)
    reasons = {r.prompt_id: r.reason for r in RunDirectory.open("run").require_seal().refusals}
    assert reasons["things-003"] == "by the server's content policy (127.0.0.1: unsafe)"
    assert reasons["things-007"] == "failed: AnswerError: 127.0.0.1: no such thing, [key] (400)"
    assert "16x16 px where 8x8" in reasons["things-009"]
    good = asked(server) - Counter(["thing 7", "thing 9"] * 99)
    assert sum(server.answered[prompt] for prompt in good) == 20
    assert no_key_in(desk)


def test_a_run_records_refusals_and_that_its_images_are_draws(server: ImagesServer, desk: Path) -> None:
    server.answers = lambda number, body: error(400, code="moderation_blocked") if body["prompt"] == "thing 2" else None
    assert main(["generate", *words(server, "--set", "seed=false"), "--out", "run"]) == 0
    run = RunDirectory.open("run")
    assert run.require_seal().refused == 1
    assert "the images are draws" in run.manifest.sources.notes[0]


def test_whatever_a_server_does_no_image_is_lost_invented_or_kept_twice(
    server: ImagesServer, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["/moved.png"] = Answer(302, b"", {"Location": "http://169.254.169.254/latest"})
    faults = [
        error(429, headers={"Retry-After": "0.01"}),
        packed(png(16)),
        error(503),
        Answer(200, b'{"data": [{"b64_json": "AA', cut=12),
        Answer(200, b"<html>log in</html>", kind="text/html"),
        error(200, f"cannot use {KEY}"),
        packed(png(8)[:70]),
        Answer(200, b'{"data": [{"b64_json": "@@@@"}]}'),
        at(f"{server.address}/moved.png"),
        Answer(200, b'{"data": []}'),
        error(500, "boom"),
    ]
    good: Counter[str] = Counter()

    def answers(number: int, body: dict[str, Any]) -> Answer | None:
        if body["prompt"] == "thing 20":
            return error(400, "unsafe", code="content_policy_violation")
        if number % 2 == 0 and faults:
            return faults.pop()
        good[body["prompt"]] += 1
        return None

    server.answers = answers
    options = ["--set", "price=1", "--on-error", "retry:20", "--out", "run", "--json"]
    assert main(["generate", *words(server, *options)]) == 0
    assert not faults
    facts = json.loads(capsys.readouterr().out)
    assert (facts["images"], facts["refused"]) == (23, 1)
    assert len(good) == sum(good.values()) == 23
    assert facts["usage"]["requests"] == len(server.bodies) == 23 + 11 + 1
    run = RunDirectory.open("run")
    for sample in run.samples():
        if run.refusal(sample) is None:
            assert (run.pixels(sample) == decode_image(png(8, sample.seed32), "x")).all()
    assert server.keys == [f"Bearer {KEY}"] * len(server.bodies)
    assert {key for _, key in server.fetched} == {None}
    assert no_key_in(desk)


@pytest.mark.proof
def test_scores_and_report_count_its_refusals_and_note_draws(
    server: ImagesServer, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = lambda number, body: error(400, code="moderation_blocked") if body["prompt"] == "thing 2" else None
    common = words(server, "--set", "seed=false", "--limit", "8")
    common[common.index("--size") + 1] = "32"
    assert main(["run", *common, "--device", "cpu", "--out", "run", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["refusals"] == 1
    for score in result["scores"]:
        assert "1 of 8 images were refused by the model and are left out" in score["note"]
        assert "the images are draws" in score["note"]
    page = Path("run/report/index.html").read_text()
    assert "8 requests (1 of them without an image)" in page
    assert "content policy" in page


def test_a_dry_run_of_what_may_cost_sends_nothing(
    server: ImagesServer, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    estimate = ["generate", *words(server), "--out", "run", "--dry-run"]
    assert main([*estimate, "--set", "price=0.04"]) == 0
    said = capsys.readouterr().out
    assert "requests: 24" in said
    assert "cost: 0.96" in said
    assert "time: not known" in said
    assert main(estimate) == 0
    assert "cost: not known: --set price=P" in capsys.readouterr().out
    assert not server.bodies
    assert main([*estimate, "--set", "price=0", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["drawn"], facts["cost"], len(server.bodies)) == (8, 0, 8)
    assert facts["seconds"] > 0
    assert not Path("run").exists()


def test_a_dry_run_of_a_run_that_stopped_knows_what_is_left(
    server: ImagesServer, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = lambda number, body: error(402, "pay") if number >= 11 else None
    price = ["--set", "price=0.5", "--out", "run"]
    assert main(["generate", *words(server, *price)]) == 1
    assert "pay: see to the account" in capsys.readouterr().err
    left = 24 - sum(server.answered.values())
    assert main(["generate", *words(server, *price, "--dry-run", "--json")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["requests"], facts["cost"], facts["drawn"]) == (left, left / 2, 0)
    assert facts["seconds"] > 0
    assert facts["bytes"] is None or facts["bytes"] > 0


def _started(desk: Path, server: ImagesServer, until: Callable[[], bool]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "drawbench.cli.main", "generate", *words(server, "--set", "concurrency=3")]
    process = subprocess.Popen([*command, "--out", "run"], cwd=desk, stderr=subprocess.PIPE)
    while not until():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.005)
    return process


def test_kill_9_in_the_middle_pays_for_nothing_twice(
    server: ImagesServer, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.pause = 0.2
    process = _started(desk, server, lambda: sum(server.answered.values()) >= 7)
    time.sleep(0.1)  # what was answered is kept by then, and what is under way is not answered yet
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    run = RunDirectory.open("run")
    left = run.missing_slices()
    found = Path("run/.partial/0001")
    kept = {(part.index, n) for part in left for n in range(8) if (found / f"{part.index}-{n}.json").exists()}
    finished = [
        sample.text
        for part in run.slices()
        for n, sample in enumerate(part.samples)
        if part not in left or (part.index, n) in kept
    ]
    assert len(finished) >= 7
    server.pause = 0.0
    assert main(["generate", *words(server), "--out", "run", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["images"] == len(asked(server)) == 24
    assert {asked(server)[text] for text in finished} == {1}
    assert facts["usage"]["requests"] == len(server.bodies) <= 24 + 3
    assert facts["usage"]["answered"] <= 24


def test_ctrl_c_stops_at_once_with_requests_under_way(server: ImagesServer, desk: Path) -> None:
    server.answers = lambda number, body: time.sleep(60) if number >= 4 else None  # type: ignore[func-returns-value]
    process = _started(desk, server, lambda: len(server.bodies) >= 6)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)  # of the 60 s that the server takes
    assert process.returncode == 130
    assert b"this resumes" in said
    server.answers = lambda number, body: None
    assert main(["generate", *words(server), "--out", "run"]) == 0
    assert sum(count - 1 for count in asked(server).values()) <= 3


@pytest.mark.proof
def test_requests_of_worker_processes_are_counted_too(server: ImagesServer, desk: Path, capsys: Any) -> None:
    options = ["--set", "concurrency=1", "--workers", "2", "--limit", "6", "--out", "run", "--json"]
    assert main(["generate", *words(server, *options)]) == 0
    assert json.loads(capsys.readouterr().out)["usage"]["requests"] == len(server.bodies) == 6
