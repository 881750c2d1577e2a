"""Several processes of a launcher: the run, features and scores of one process, whichever of them fails or dies."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from drawbench.cli.main import main
from drawbench.errors import StageError, UserError
from drawbench.launcher import Place, launched
from drawbench.models.registry import resolve_model
from drawbench.progress import Progress
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs import ranks as ranks_module
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate, help_drawing
from drawbench.runs.journal import Attempt
from drawbench.runs.ranks import Ranks
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import image_store
from drawbench.scoring.protocols import get_protocol
from drawbench.scoring.shared_features import share_features
from drawbench.terminal_progress import shown_progress
from metrics.features.cache import content_ids
from tests.drawbench.runs.noise_model import working_directory

OPTIONS = ("--prompts", "prompts.txt", "--samples", "2", "--size", "32", "--slice", "3")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with a model in it and 12 prompts."""
    monkeypatch.setattr(ranks_module, "BEAT", 0.05)
    monkeypatch.setattr(ranks_module, "POLL", 0.01)
    monkeypatch.setattr(ranks_module, "FAREWELL", 0.5)
    with working_directory(tmp_path, 12, monkeypatch) as folder:
        yield folder


def request(out: str = "run", model: str = "Noise", delay: float = 0.01, seed: int = 0) -> Request:
    made = resolve_model(f"python:noise_model:{model}", {"delay": str(delay)}, "cpu")
    prompts = load_prompt_set("prompts.txt")
    return Request(made, prompts, Path(out), samples=2, size=32, slice_size=3, seed=seed)


Work = Callable[[Ranks], object]


def together(*work: Work, store: object = None) -> list[object]:
    """What each rank's work returns or raises, all at once in threads of this process."""
    from torch.distributed import HashStore

    shared = store or HashStore()
    ended: list[object] = [None] * len(work)

    def go(rank: int) -> None:
        ranks = Ranks(shared, Place(rank, len(work), rank))  # type: ignore[arg-type]
        try:
            ended[rank] = work[rank](ranks)
            ranks.leave()
        except Exception as error:
            ended[rank] = error
            ranks.fail(error)

    threads = [threading.Thread(target=go, args=(rank,)) for rank in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return ended


def drawn(ranks: Ranks, asked: Request) -> RunDirectory:
    if ranks.is_member:
        return RunDirectory(help_drawing(asked, ranks), *_opened(asked))
    return generate(asked, ranks=ranks)


def _opened(asked: Request) -> tuple[object, ...]:
    run = RunDirectory.open(asked.out or "")
    return run.manifest, run.prompts


@pytest.mark.parametrize(("model", "count"), [("Noise", 2), ("Singly", 4)])
def test_any_number_of_ranks_makes_the_run_of_one_process(place: Path, model: str, count: int) -> None:
    alone = generate(request("alone", model))
    first, *_others = together(*[lambda ranks: drawn(ranks, request("run", model))] * count)
    assert isinstance(first, RunDirectory), first
    run = RunDirectory.open("run")
    assert run.require_seal() == alone.require_seal()
    assert len(run.attempts) == count
    assert sum(attempt.slices_done for attempt in run.attempts) == len(run.slices())
    assert sum(attempt.slices_done > 0 for attempt in run.attempts) > 1, "several have drawn"
    assert all(attempt.end for attempt in run.attempts)


def test_a_finished_run_is_finished_for_all(place: Path) -> None:
    generate(request())
    together(*[lambda ranks: drawn(ranks, request())] * 2)
    assert len(RunDirectory.open("run").attempts) == 1


def test_progress_counts_the_images_of_all(place: Path) -> None:
    class Counting(Progress):
        done = 0

        def advance(self, count: int) -> None:
            self.done += count

    shown = Counting()
    together(
        lambda ranks: generate(request(), shown, ranks=ranks),
        lambda ranks: help_drawing(request(), ranks),
    )
    assert shown.done == 24


def test_a_rank_that_fails_is_named_by_rank_0_and_the_run_goes_on(place: Path) -> None:
    (place / "broken").touch()
    first, *_ = together(*[lambda ranks: drawn(ranks, request())] * 3)
    assert isinstance(first, StageError)
    assert "ValueError: out of paint" in str(first)
    (place / "broken").unlink()
    together(*[lambda ranks: drawn(ranks, request())] * 2)
    assert RunDirectory.open("run").require_seal() == generate(request("alone")).require_seal()


def test_a_rank_that_cannot_begin_is_named_by_rank_0(place: Path) -> None:
    def unable(ranks: Ranks) -> None:
        raise UserError("there is no folder x: name another.")

    first, second = together(lambda ranks: drawn(ranks, request()), unable)
    assert isinstance(first, UserError)
    assert str(first) == "rank 1: there is no folder x: name another."
    assert isinstance(second, UserError)


def test_a_rank_with_another_plan_is_named(place: Path) -> None:
    first, _ = together(lambda ranks: drawn(ranks, request()), lambda ranks: drawn(ranks, request(seed=1)))
    assert isinstance(first, UserError)
    assert "rank 1 would draw another plan" in str(first)


def test_a_rank_that_is_silent_is_lost(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks_module, "SILENCE", 0.3)
    monkeypatch.setattr(Ranks, "_beat", lambda ranks: None)

    def silent(ranks: Ranks) -> None:
        ranks.join(generate_plan())

    def generate_plan() -> str:
        from drawbench.runs.generate import make_plan

        return make_plan(request())[0].sha256

    monkeypatch.setattr(Ranks, "leave", lambda ranks: None)
    first, _ = together(lambda ranks: drawn(ranks, request()), silent)
    assert isinstance(first, StageError)
    assert "rank 1 has given no sign of life" in str(first)


def test_what_an_earlier_launch_left_in_the_store_is_not_heard(place: Path) -> None:
    """torchrun's store outlives a restart, and so does what ranks that were killed wrote into it."""
    from torch.distributed import HashStore

    store = HashStore()
    together(*[lambda ranks: drawn(ranks, request("earlier"))] * 2, store=store)
    together(*[lambda ranks: drawn(ranks, request())] * 2, store=store)
    assert RunDirectory.open("run").require_seal() == RunDirectory.open("earlier").require_seal()


@pytest.mark.parametrize(("model", "workers"), [("Noise", 2), ("Several", None), ("Server", None)])
def test_what_ranks_cannot_share_is_refused_before_anything_is_written(
    place: Path, model: str, workers: int | None
) -> None:
    asked = replace(request(model=model), workers=workers)
    first, _ = together(*[lambda ranks: drawn(ranks, asked)] * 2)
    assert isinstance(first, UserError)
    assert not Path("run").exists()


def test_features_are_computed_in_the_batches_of_one_process(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, whoever computes which; a batch that one of them cannot compute is left to scoring."""
    monkeypatch.setattr("drawbench.scoring.shared_features.default_batch", lambda device: 4)
    protocol, run = get_protocol("bundled"), generate(request())
    name = protocol.metrics[0].extractor.name
    ids = content_ids(dict.fromkeys(digest for s in run.samples() if (digest := run.pixel_sha256(s))))
    found = []
    for count in (1, 3):
        monkeypatch.setenv("DRAWBENCH_CACHE", str(place / f"cache-{count}"))

        def work(ranks: Ranks) -> None:
            drawn(ranks, request())
            extractors = Extractors([metric.extractor for metric in protocol.metrics], "cpu", print)
            share_features(run.path, protocol, False, extractors, ranks, Progress())

        assert together(*[work] * count) == [None] * count
        extractors = Extractors([metric.extractor for metric in protocol.metrics], "cpu", print)
        found.append(image_store(extractors, name, 32).lookup(ids))
    assert found[0][0].all()
    assert found[1][0].all()
    assert (found[0][1] == found[1][1]).all()


def test_the_variables_of_a_launcher(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert launched() is None
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    assert launched() is None
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert main(["prompts", "list"]) == 2
    assert "prompts is one process, and a launcher started 4" in capsys.readouterr().err
    monkeypatch.setenv("RANK", "2")
    assert launched() == Place(2, 4, 0)
    assert main(["prompts", "list"]) == 2
    assert capsys.readouterr().err == "", "only rank 0 speaks"
    assert type(shown_progress()) is Progress
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(UserError, match="RANK 4"):
        launched()


def torchrun(count: int, *options: str, command: str = "generate", restarts: int = 0) -> "subprocess.Popen[str]":
    """The command in so many ranks of this machine, with nothing else to do for them than the launcher does."""
    launcher = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={count}", "--standalone"]
    words = [*launcher, f"--max-restarts={restarts}", "-m", "drawbench", command, *options]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_torchrun_starts_a_killed_rank_again_and_the_run_is_whole(place: Path) -> None:
    (place / "deadly").write_text("rank 1")
    slow = ("--set", "delay=0.2")  # or rank 0 may have drawn all of it before rank 1 comes
    options = ("--model", "python:noise_model:Noise", *slow, *OPTIONS, "--out", "run", "--json")
    shown, said = torchrun(2, *options, restarts=1).communicate(timeout=120)
    facts = json.loads(shown)
    run = RunDirectory.open("run")
    assert not (place / "deadly").exists(), said
    assert len(run.attempts) == 4, "two ranks, twice"
    assert facts["pixels_sha256"] == generate(request("alone", delay=0.0)).require_seal().pixels_sha256


def settled(out: str) -> tuple[object, object]:
    """The seal of a run, and its scores."""
    scores = json.loads(Path(out, "scores/bundled.json").read_text())
    return RunDirectory.open(out).require_seal(), scores["scores"]


def killed_and_finished(words: list[list[str]], kills: int) -> None:
    """Start all of these at once; kill what they are in the middle so many times, and then let them end."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for left in reversed(range(kills + 1)):
        before = sum(attempt.slices_done for attempt in attempts())
        started = [
            subprocess.Popen(one, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, text=True)
            for one in words
        ]
        if left:
            end = time.monotonic() + 120
            while sum(attempt.slices_done for attempt in attempts()) < before + 2 and time.monotonic() < end:
                time.sleep(0.05)
            for process in started:
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
                process.kill()
                process.communicate()
        else:
            for process in started:
                assert (process.communicate()[1], process.returncode)[1] == 0


def attempts() -> tuple[Attempt, ...]:
    try:
        return RunDirectory.open("run").attempts
    except UserError:
        return ()


@pytest.mark.proof
@pytest.mark.parametrize("model", ["python:noise_model:Noise", "python:noise_model:Singly", "reference"])
@pytest.mark.parametrize("way", ["workers", "2 ranks", "4 ranks", "fewer ranks", "accelerate", "shards"])
def test_whatever_draws_and_is_killed_three_times_makes_the_same_run_and_scores(
    place: Path, model: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    python = [sys.executable, "-m"]
    delay = [] if model == "reference" else ["--set", "delay=0.03"]
    options = ["--model", model, *delay, *OPTIONS[:-3], "64", "--slice", "1", "--device", "cpu", "--out"]
    monkeypatch.setenv("DRAWBENCH_CACHE", str(place / "cache-alone"))
    workers = ["--workers", "1"]
    subprocess.run([*python, "drawbench", "run", *options, "alone", *workers], check=True, capture_output=True)
    monkeypatch.setenv("DRAWBENCH_CACHE", str(place / "cache"))
    command = ["drawbench", "run", *options, "run"]
    launch = ["torch.distributed.run", "--standalone"]
    if way == "workers":
        killed_and_finished([[*python, *command, "--workers", "2"]], kills=3)
    elif way == "shards":
        shard = ["drawbench", "generate", *options, "run"]
        killed_and_finished([[*python, *shard, "--shard", f"{n}/2"] for n in range(2)], kills=3)
        for line in (["merge", "run"], ["score", "run", "--device", "cpu"]):
            subprocess.run([*python, "drawbench", *line], check=True, capture_output=True)
    elif way == "accelerate":  # which starts ranks only for GPUs, whatever --device they are told
        options = [
            "--multi_gpu",
            "--num_processes=2",
            "--num_machines=1",
            "--mixed_precision=no",
            "--dynamo_backend=no",
        ]
        killed_and_finished([[*python, "accelerate.commands.launch", *options, "-m", *command]], kills=3)
    elif way == "fewer ranks":
        killed_and_finished([[*python, *launch, "--nproc-per-node=3", "-m", *command]], kills=1)
        killed_and_finished([[*python, *launch, "--nproc-per-node=2", "-m", *command]], kills=0)
    else:
        killed_and_finished([[*python, *launch, f"--nproc-per-node={way[0]}", "-m", *command]], kills=3)
    assert settled("run") == settled("alone")
