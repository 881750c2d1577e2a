"""Runs in object storage: the run of a directory, whoever draws at once and whoever is killed; no slice by halves."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from drawbench.cli.main import main
from drawbench.errors import StageError, UserError
from drawbench.interface import Refused
from drawbench.remote import object_store
from drawbench.remote.object_store import StoreUrl, client_options
from drawbench.runs.claim import Shard
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import generate, help_drawing
from drawbench.runs.hardware import drawer_here
from drawbench.runs.into_store import draw_stored, pull
from drawbench.runs.ranks import Ranks
from drawbench.runs.slice_tar import pack, unpack
from drawbench.runs.stored import StoredRun, StoreWriter, open_stored
from tests.drawbench.runs.noise_model import working_directory
from tests.drawbench.runs.test_ranks import OPTIONS, place, request, together
from tests.drawbench.store_server import careless_server, s3_server, use

__all__ = ["place"]  # a fixture
URL = StoreUrl("bucket", "runs/x")
PULL = ["runs", "pull", str(URL), "pulled"]
MODEL = ("--model", "python:noise_model:Noise")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """An empty one, which commands find by their environment."""
    with s3_server() as endpoint:
        use(endpoint, monkeypatch)
        yield S3Store("bucket", prefix=URL.prefix, client_options=client_options())  # type: ignore[arg-type]


def names(bucket: S3Store) -> list[str]:
    return [each["path"] for page in obstore.list(bucket, "slices") for each in page]


def tars(bucket: S3Store) -> dict[str, bytes]:
    return {name: bytes(obstore.get(bucket, name).bytes()) for name in names(bucket)}


def images(run: str | Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in Path(run, "images").rglob("*.png")}


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one sentence of a command that ends with exit code 2."""
    capsys.readouterr()
    assert main(list(words)) == 2
    said = capsys.readouterr()
    assert not said.out
    *shown, sentence = said.err.splitlines()
    assert sentence.startswith("drawbench: ")
    assert all(line.startswith("pulling: ") for line in shown), said.err
    return sentence


@pytest.mark.parametrize("model", ["Noise", "Singly"])
def test_a_stored_run_is_that_of_a_directory(place: Path, bucket: S3Store, model: str) -> None:
    alone = generate(request("alone", model))
    draw_stored(request(model=model), URL)
    assert len(tars(bucket)) == len(alone.slices())
    run = pull(URL, Path("pulled"))
    assert run.require_seal() == alone.require_seal()
    assert images("pulled") == images("alone")
    stored = [*tars(bucket).values(), bytes(obstore.get(bucket, "plan.json").bytes())]
    for content in [*stored, *(path.read_bytes() for path in Path("pulled").rglob("*") if path.is_file())]:
        assert not any(os.environ[f"AWS_{what}"].encode() in content for what in ("SECRET_ACCESS_KEY", "ENDPOINT_URL"))
    [here], [there] = alone.attempts, run.attempts
    assert there.end
    assert there.model_copy(update={"start": here.start, "end": here.end}) == here
    assert {path.name for path in Path("pulled").iterdir()} == {path.name for path in Path("alone").iterdir()}
    before = tars(bucket)
    draw_stored(request(model=model), URL)
    assert pull(URL, Path("pulled")).attempts == run.attempts
    assert tars(bucket) == before, "a finished run is left as it is"


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.proof)])
def test_kills_leave_whole_slices_and_equal_scores(
    tmp_path: Path, bucket: S3Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kills: int
) -> None:
    chance = random.Random(kills)
    with working_directory(tmp_path, 7 * kills, monkeypatch):
        words = [*MODEL, *OPTIONS, "--device", "cpu", "--set", "delay=0.03"]
        drawing = ["generate", *words, "--out", str(URL)]
        for _ in range(kills):
            before = len(names(bucket))
            killed(drawing, lambda there=before: len(names(bucket)) > there, chance)
            for content in tars(bucket).values():
                unpack(content)
        assert len(tars(bucket)) < len(StoredRun.open(URL).slices())
        if kills > 3:
            beside = [started(drawing) for _ in range(2)]
            assert [process.wait() for process in beside] == [0, 0]
            for number in range(3):
                killed(PULL, lambda there=number: len(images("pulled")) > 10 * there, chance)
                with pytest.raises(UserError, match="not finished"):
                    RunDirectory.open("pulled").require_seal()
        results = []
        for out in (str(URL), "alone"):
            capsys.readouterr()
            assert main(["run", *words, "--out", out, "--json"]) == 0
            results.append(json.loads(capsys.readouterr().out))
        assert results[0]["result"]["scores"] == results[1]["result"]["scores"]
        assert results[0]["pixels_sha256"] == results[1]["pixels_sha256"]
        assert main(PULL) == 0
        assert images("pulled") == images("alone")
        assert main(["score", "pulled", "--protocol", "bundled"]) == 0
        scores = [json.loads(Path(run, "scores/bundled.json").read_text())["scores"] for run in ("pulled", "alone")]
        assert scores[0] == scores[1]
        assert main(["compare", "pulled", "alone"]) == 0
        assert "within noise" in capsys.readouterr().out


def started(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "drawbench", *words], stderr=subprocess.DEVNULL)


def killed(words: list[str], ready: Callable[[], bool], chance: random.Random) -> None:
    """Start a command and kill it soon after it is ready."""
    process = started(words)
    while not ready():
        assert process.poll() is None
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.06))
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_writers_at_once_make_one_run(place: Path, bucket: S3Store) -> None:
    """As machines that know nothing of each other: each draws what the other has not."""
    words = ["generate", *MODEL, *OPTIONS, "--set", "delay=0.03", "--out", str(URL)]
    other = started(words)
    while not names(bucket):
        assert other.poll() is None
    assert main(words) == 0
    assert other.wait() == 0
    run = pull(URL, Path("pulled"))
    assert run.require_seal() == generate(request("alone", delay=0.03)).require_seal()
    assert [attempt.slices_done > 0 for attempt in run.attempts] == [True, True]
    assert sum(attempt.slices_done for attempt in run.attempts) == len(run.slices())


def test_the_first_whole_slice_stays(place: Path, bucket: S3Store) -> None:
    asked = request()
    run = draw_stored(asked, URL, shard=Shard(0, 8))
    before = tars(bucket)
    with open_stored(run, print) as writer:
        writer.begin(drawer_here("cpu"))
        part = writer.run.slices()[0]
        assert not writer.wants(part)
        writer.put(part, [Refused("other")] * len(part.samples))
        writer.drain()
        assert tars(bucket) == before
        writer.put(writer.run.slices()[1], [Refused("other")] * len(part.samples))
        writer.drain()
    assert len(tars(bucket)) == 2
    draw_stored(asked, URL)
    assert [refusal.reason for refusal in pull(URL, Path("pulled")).require_seal().refusals][:3] == ["other"] * 3


def test_shards_and_ranks_fill_a_store(place: Path, bucket: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", *MODEL, *OPTIONS, "--set", "delay=0.01", "--out", str(URL)]
    assert main([*words, "--shard", "0/2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["slices"] == 4
    assert main(PULL) == 1
    assert "12 of 24 samples are missing (prompt-00004 sample 0" in capsys.readouterr().err
    begun = tars(bucket)

    def work(ranks: Ranks) -> object:
        member = ranks.is_member
        return help_drawing(request(), ranks, URL) if member else draw_stored(request(), URL, ranks=ranks)

    first, *others = together(work, work)
    assert isinstance(first, StoredRun), first
    assert others == [Path(str(URL))]
    assert begun.items() <= tars(bucket).items()
    assert main(PULL) == 0
    assert "pulling: 12 of 24 images" in capsys.readouterr().err
    assert RunDirectory.open("pulled").require_seal() == generate(request("alone")).require_seal()
    assert together(work, work)[0], "a finished run is finished for all"


def test_a_run_goes_on_with_the_threads_that_it_began_with(place: Path, bucket: S3Store) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        draw_stored(request(), URL, shard=Shard(0, 2))
        torch.set_num_threads(1)
        draw_stored(request(), URL)
    finally:
        torch.set_num_threads(before)
    assert [attempt.threads for attempt in pull(URL, Path("pulled")).attempts] == [3, 3]


def test_damaged_slices_are_refused(place: Path, bucket: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    draw_stored(request(), URL)
    name, other = "slices/000003.tar", "slices/000002.tar"
    whole = tars(bucket)
    record, files = unpack(whole[name])
    content = {name: file for name, file in zip(record.images, files, strict=True) if name and file}
    swapped = dict(zip(content, reversed(content.values()), strict=True))
    place_of = next(iter(content.values()))
    damaged = {
        "cut": whole[name][: len(whole[name]) // 2],
        "cut between files": whole[name][: 512 + -(-len(place_of) // 512) * 512],
        "empty": b"",
        "a bit": whole[name].replace(place_of, place_of[:-20] + bytes([place_of[-20] ^ 1]) + place_of[-19:]),
        "a reason": whole[name].replace(b"seed", b"SEED") if b'"seed"' in whole[name] else b"",
        "other images": pack(record, swapped),
        "an image less": pack(record, dict(list(content.items())[1:])),
        "another slice": whole[other],
        "another plan": pack(record.model_copy(update={"plan_sha256": "0" * 64}), content),
        "no tar": b"<html>" * 1000,
    }
    for how, bytes_ in damaged.items():
        obstore.put(bucket, name, bytes_)
        said = refused(capsys, "runs", "pull", str(URL), "pulled", "--json")
        assert f"{URL}/{name} is not as it was written" in said, how
        assert "delete it, then run the command that draws this run again" in said
        assert RunDirectory.open("pulled").seal is None
    obstore.delete(bucket, name)
    draw_stored(request(), URL)
    assert tars(bucket).keys() == whole.keys()
    assert main(PULL) == 0
    assert RunDirectory.open("pulled").require_seal() == generate(request("alone")).require_seal()


def test_what_cannot_be_is_said_in_one_sentence(
    place: Path, bucket: S3Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["generate", *MODEL, *OPTIONS, "--set", "delay=0.0", "--out"]
    draw_stored(request(delay=0.0), URL, shard=Shard(0, 8))
    for said, out, *more in (
        ("holds another plan (seed: 0 -> 1", str(URL), "--seed", "1"),
        ("samples: 2 -> 3", str(URL), "--samples", "3"),
        ("there is no bucket elsewhere", "s3://elsewhere/x"),
        ("s3://bucket is no place for a run", "s3://bucket"),
        ("https://host/bucket is no place for a run", "https://host/bucket"),
        ("holds a user or key: keys come from AWS_ACCESS_KEY_ID", "s3://key:secret@bucket/x"),
        ("holds a user or key", "https://key:secret@host/x"),
        ("--dry-run looks at directories", str(URL), "--dry-run"),
        ("its model asks a server", "s3://bucket/z", "--model", "python:noise_model:Server"),
        ("s3://bucket/runs holds other objects (such as x/plan.json)", "s3://bucket/runs"),
    ):
        sentence = refused(capsys, *words, out, *more)
        assert said in sentence
        assert "secret" not in sentence
    assert f"{URL} is in object storage: `drawbench runs pull`" in refused(capsys, "score", str(URL))
    assert "only run and generate draw there" in refused(capsys, "sweep", *words[1:], "s3://bucket/s")
    assert "holds no run" in refused(capsys, "runs", "pull", "s3://bucket/none", "pulled")
    assert "is no place in object storage" in refused(capsys, "runs", "pull", "runs/x", "pulled")
    obstore.put(bucket, "plan.json", bytes(obstore.get(bucket, "plan.json").bytes()).replace(b"thing 3", b"thing 4"))
    assert "the hash of the prompts is not the plan's" in refused(capsys, "runs", "pull", str(URL), "pulled")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "cannot be reached" in refused(capsys, *words, str(URL))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "there are no credentials for s3://bucket/runs/x" in refused(capsys, *words, str(URL))
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    assert "needs the extra s3: pip install 'drawbench[s3]'" in refused(capsys, *words, str(URL))
    assert not Path("pulled").exists()


def test_a_store_without_conditional_writes_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with careless_server() as endpoint:
        use(endpoint, monkeypatch)
        said = refused(capsys, "generate", *MODEL, *OPTIONS, "--out", str(URL))
    assert "accepts a second create-only write" in said
    assert "use a store with conditional writes, or a directory" in said


def test_a_store_that_is_lost_on_the_way_stops_the_run(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "PATIENT", {"max_retries": 0})
    with ExitStack() as server, monkeypatch.context() as patch:
        use(server.enter_context(s3_server()), patch)
        kept = StoreWriter.commit

        def commit(writer: StoreWriter, *slice_: Any) -> None:
            kept(writer, *slice_)
            server.close()

        patch.setattr(StoreWriter, "commit", commit)
        assert main(["generate", *MODEL, *OPTIONS, "--out", str(URL)]) == 1
    assert "cannot be reached" in (said := capsys.readouterr().err)
    assert "run the same command again when it can" in said


def test_a_model_that_fails_leaves_its_traceback(place: Path, bucket: S3Store) -> None:
    Path("broken").touch()
    with pytest.raises(StageError, match=r"see (\S+error\.log)") as met:
        draw_stored(request(), URL)
    assert "out of paint" in Path(str(met.value).split("see ")[1].split(",")[0]).read_text()
    Path("broken").unlink()
    draw_stored(request(), URL)
    assert pull(URL, Path("pulled")).require_seal() == generate(request("alone")).require_seal()
