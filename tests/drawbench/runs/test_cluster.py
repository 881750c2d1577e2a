"""Processes of a Ray cluster: the run and scores of one process, whichever of them fails, stops or dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from drawbench.cli.main import main
from drawbench.errors import StageError
from drawbench.interface import Sources
from drawbench.launcher import Place
from drawbench.results.scores import read_scores, scores_path
from drawbench.runs import cluster as cluster_module
from drawbench.runs.claim import open_run
from drawbench.runs.cluster import Cluster
from drawbench.runs.cluster_connection import connected
from drawbench.runs.directory import RunDirectory
from drawbench.runs.journal import Drawer
from tests.drawbench.runs.noise_model import working_directory
from tests.drawbench.runs.test_ranks import settled

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'drawbench[ray]'")

ENGINE = ("--engine", "ray", "--workers", "2")


@pytest.fixture(scope="module")
def ray() -> Iterator[str]:
    """The address of a Ray on this machine, which all connections of this process then use."""
    with connected(workers=3):
        import ray

        yield ray.get_runtime_context().gcs_address


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with a model in it and 12 prompts."""
    with working_directory(tmp_path, 12, monkeypatch) as folder:
        yield folder


def command(verb: str, out: str, *options: str, model: str = "Noise") -> list[str]:
    what = ["--model", f"python:noise_model:{model}", "--prompts", "prompts.txt", "--samples", "2", "--size", "64"]
    return [verb, *what, "--slice", "3", "--out", out, *options]


def drawn(out: str, *options: str, model: str = "Noise") -> RunDirectory:
    assert main(command("generate", out, *options, model=model)) == 0
    return RunDirectory.open(out)


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def test_a_cluster_makes_the_run_and_the_scores_of_one_process(
    place: Path, ray: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(place / "cache-alone"))
    assert main(command("run", "alone")) == 0
    (place / "pids" / str(os.getpid())).unlink()
    monkeypatch.setenv("DRAWBENCH_CACHE", str(place / "cache"))
    assert main(command("run", "run", *ENGINE)) == 0
    assert str(os.getpid()) not in {path.name for path in (place / "pids").iterdir()}
    assert contents("run") == contents("alone")
    alone, run = RunDirectory.open("alone"), RunDirectory.open("run")
    assert run.require_seal() == alone.require_seal()
    files = [read_scores(scores_path(Path(name), "bundled")) for name in ("run", "alone")]
    assert files[0].model_copy(update={"cost": None}) == files[1].model_copy(update={"cost": None})
    assert run.attempts[-1].warnings == ("the paint is thin",)
    assert run.attempts[-1].threads == 1


def contents(out: str) -> dict[str, bytes]:
    images = Path(out, "images")
    return {str(path.relative_to(images)): path.read_bytes() for path in images.rglob("*.png")}


def test_a_failure_there_is_a_failure_here(place: Path, ray: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for engine in ((), ENGINE):
        assert main(command("generate", "none", *engine, model="Nobody")) == 2
        said.append(capsys.readouterr().err.splitlines()[-1])
    assert said[0] == said[1]
    assert not (place / "none").exists()
    (place / "broken").touch()
    assert main(command("generate", "run", *ENGINE)) == 1
    assert "ValueError: out of paint" in capsys.readouterr().err
    assert "in one" in (place / "run/error.log").read_text()
    (place / "broken").unlink()
    assert drawn("run").require_seal() == drawn("whole").require_seal()


def test_models_that_draw_one_at_a_time(place: Path, ray: str) -> None:
    (place / "broken").touch()
    run = drawn("run", "--on-error", "retry:2", *ENGINE, model="Singly")
    assert "failed: ValueError: out of paint (3 tries)" in {one.reason for one in run.require_seal().refusals}
    assert run.require_seal() == drawn("alone", "--on-error", "retry:2", model="Singly").require_seal()


@pytest.fixture(scope="module")
def two(ray: str) -> Iterator[Cluster]:
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with connected(workers=2) as cluster:
        yield cluster
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def stops_once(flag: Path, number: int) -> tuple[int, int]:
    """Number and process; the first process that gets number 0 stops, and stays like that."""
    if number == 0 and not flag.exists():
        flag.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(0.05)
    return number, os.getpid()


def test_a_process_that_stops_holds_up_nobody(two: Cluster, tmp_path: Path) -> None:
    flag = tmp_path / "stopped"
    found = dict(two.map(two.made(lambda: flag), stops_once, range(8), lambda number: (number,)))
    stopped = psutil.Process(int(flag.read_text()))
    assert stopped.status() == psutil.STATUS_STOPPED
    assert [found[number][0] for number in range(8)] == list(range(8)), "each once, and its own"
    assert stopped.pid not in {process for _, process in found.values()}
    assert two.call(two.made(lambda: flag), stops_once, 1)[1] != stopped.pid
    stopped.kill()


def dies(made: object, number: int, flag: Path) -> int:
    time.sleep(0.05)
    if number == 3 and not flag.exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 2 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_the_work_of_a_killed_process_is_done_by_another(
    two: Cluster, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sent = two.map(two.made(dict), dies, [1, 2, 4, 5], lambda one: (one, tmp_path / "killed"))
    assert sorted(sent) == [(1, 1), (2, 2), (4, 4), (5, 5)]
    assert capfd.readouterr() == ("", "")


def test_work_that_kills_every_process_is_named(two: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "LOSSES", 2)
    send, name = lambda one: (one, tmp_path / "killed"), lambda one: f"number {one}"
    with pytest.raises(StageError, match="2 processes of the cluster were killed at number 3 "):
        list(two.map(two.made(dict), dies, [0, 1, 3, 4], send, name))


def test_processes_that_cannot_begin_end_in_one_sentence(two: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking:
        def __init__(self, folder: str) -> None:
            raise ModuleNotFoundError("No module named 'drawbench'")

        def hello(self) -> None: ...

    two.close()
    monkeypatch.setattr(cluster_module, "LOSSES", 1)
    monkeypatch.setattr(cluster_module, "_Work", Lacking)
    with pytest.raises(StageError, match=r"ended before they were ready \(.*No module named 'drawbench'"):
        two.call(two.made(dict), len)


def test_options_that_make_no_sense_are_one_sentence(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*options: str) -> str:
        assert main(command("generate", "run", *options)) == 2
        return capsys.readouterr().err

    assert "--address auto needs --engine ray" in said("--address", "auto")
    assert "--address ray://a:1 is not known" in said("--engine", "ray", "--address", "ray://a:1")
    assert "there is no Ray cluster at 127.0.0.1:1 (" in said("--engine", "ray", "--address", "127.0.0.1:1")
    assert "--workers 0 makes no run" in said("--engine", "ray", "--workers", "0")
    assert "leave --shard out" in said("--engine", "ray", "--shard", "0/2")
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'drawbench[ray]'" in said("--engine", "ray")
    monkeypatch.setattr("drawbench.cli.generate.launched", lambda: Place(0, 2, 0))
    assert "leave one of them out" in said("--engine", "ray")
    assert not (place / "run").exists()


@pytest.mark.parametrize("own", [False, pytest.param(True, marks=pytest.mark.proof)])
def test_ctrl_c_ends_all_and_leaves_a_run_that_goes_on(place: Path, ray: str, own: bool) -> None:
    """On a cluster, and with a Ray of the command's own; neither says anything itself."""
    words = command("generate", "run", "--set", "delay=0.1", *ENGINE, *(() if own else ("--address", ray)))
    process = subprocess.Popen(
        [sys.executable, "-m", "drawbench", *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until(lambda: recorded("run") > 0)
    workers = [psutil.Process(int(path.name)) for path in (place / "pids").iterdir()]
    below = psutil.Process(process.pid).children(recursive=True) if own else workers
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not psutil.wait_procs(below, timeout=30)[1]
    lines = said.strip().splitlines()
    assert lines[-1].startswith("drawbench: stopped; what is drawn is kept")
    assert all(line.startswith(("loading python:", "drawing: ", "warned while drawing: ")) for line in lines[:-1]), said
    assert 0 < recorded("run") < 8
    assert drawn("run", "--set", "delay=0.1").require_seal() == drawn("alone", "--set", "delay=0.1").require_seal()


def recorded(out: str) -> int:
    """Slices."""
    return sum(path.read_bytes().count(b'{"slice":') for path in Path(out, "journals").glob("*.jsonl"))


def test_who_drew_beside_the_first_is_recorded(place: Path) -> None:
    """Once for each kind; another processor is said."""
    run, notes = drawn("run"), list[str]()
    first = Drawer(versions={"torch": "2"}, device="cpu", cpu="AVX2")
    second = first.model_copy(update={"cpu": "AVX512"})
    with open_run(Path("new"), run.plan, run.prompts, notes.append) as writer:
        writer.prepare(Sources())
        writer.begin(first)
        for drawer in (first, second, None, second, first):
            writer.drawn_by(drawer)
        writer.end()
    assert [one.drawers for one in RunDirectory.open("new").attempts] == [(first, second)]
    assert [" ".join(note.split()[:5]) for note in notes] == ["begun on a processor with"]


def actors(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Those of a command with a Ray of its own."""
    found = []
    for one in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):
            found += [one] if one.cmdline()[0].startswith("ray::_Work") else []
    return found


@pytest.mark.proof
@pytest.mark.parametrize("model", ["python:noise_model:Noise", "python:noise_model:Singly", "reference"])
def test_killed_three_times_it_makes_the_same_run_and_scores(
    place: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command twice, an actor once; at last an actor stops for good."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    delay = [] if model == "reference" else ["--set", "delay=0.1"]
    what = ["--model", model, *delay, "--prompts", "prompts.txt", "--samples", "2", "--size", "64", "--slice", "1"]
    line = [sys.executable, "-m", "drawbench", "run", *what, "--device", "cpu", "--out"]
    monkeypatch.setenv("DRAWBENCH_CACHE", str(place / "cache-alone"))
    subprocess.run([*line, "alone", "--workers", "1"], check=True, capture_output=True)
    monkeypatch.setenv("DRAWBENCH_CACHE", str(place / "cache"))
    for harm in ("command", "actor", "command", "stop"):
        before = recorded("run")
        process = subprocess.Popen([*line, "run", *ENGINE], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        until(lambda seen=before: recorded("run") >= seen + 2)  # type: ignore[misc]
        below = psutil.Process(process.pid).children(recursive=True)
        below = [one for one in below if "Agent" not in one.name()]  # Ray's own, which end by themselves, but later
        if harm != "command":
            until(lambda one=process: len(actors(one)) == 2)  # type: ignore[misc]
            actors(process)[-1].send_signal(signal.SIGSTOP if harm == "stop" else signal.SIGKILL)
            before = recorded("run")
            until(lambda seen=before, one=process: recorded("run") >= seen + 2 or one.poll() is not None)  # type: ignore[misc]
        if harm == "stop":
            said = process.communicate(timeout=300)[1]
            assert process.returncode == 0, said
        else:
            process.kill()
            process.communicate()
        assert not psutil.wait_procs(below, timeout=30)[1], "nothing of it is left"
    assert contents("run") == contents("alone")
    assert settled("run") == settled("alone")
