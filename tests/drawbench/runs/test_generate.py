"""Generating: resumed equals undisturbed, also after kills; extension, refusal of other plans, locks, full disks."""

import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from drawbench.errors import StageError, UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.runs.directory import RunDirectory
from drawbench.runs.drawing import check_outputs
from drawbench.runs.generate import Request, generate, make_plan
from drawbench.runs.journal import Drawer
from drawbench.runs.writer import MOST_WARNINGS

N_PROMPTS = 12
SET = PromptSet("mine", tuple(Prompt(f"colors-{n:03d}", "Colors", f"thing {n}") for n in range(1, N_PROMPTS + 1)))

# A model for a process of its own: slow enough to be killed between and inside slices, and it refuses some samples.
SLOW_PROGRAM = """
import sys, time
from pathlib import Path
import numpy as np
from drawbench.runs.generate import Request, generate
from drawbench.interface import ModelCard, Refused, TextToImage
from drawbench.prompts.prompt_set import Prompt, PromptSet

SET = PromptSet("mine", tuple(Prompt(f"colors-{n:03d}", "Colors", f"thing {n}") for n in range(1, 13)))

class Slow(TextToImage):
    def card(self):
        return ModelCard(adapter="test", spec="slow", name="slow")

    def generate(self, samples, size):
        print("slice", flush=True)
        return [self.one(sample, size) for sample in samples]

    def one(self, sample, size):
        time.sleep(DELAY)
        if sample.seed % 5 == 0:
            return Refused("seed")
        return np.random.default_rng(sample.seed).integers(0, 256, (size, size, 3), dtype=np.uint8)

DELAY = float(sys.argv[2])
print("ready", flush=True)
run = generate(Request(Slow(), SET, Path(sys.argv[1]), samples=2, size=32, slice_size=3))
print(run.require_seal().pixels_sha256)
"""


class Noise(TextToImage):
    """Noise from each sample's seed; fails at the slice whose number it is given."""

    device = "cpu"

    def __init__(self, fails_at: int | None = None, error: BaseException | None = None) -> None:
        self.fails_at = fails_at
        self.error = error or RuntimeError("out of paint")
        self.calls = 0

    def card(self) -> ModelCard:
        return ModelCard(adapter="test", spec="noise", name="My Noise", settings={"dtype": "float32"})

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        if self.calls == self.fails_at:
            raise self.error
        self.calls += 1
        return [np.random.default_rng(s.seed).integers(0, 256, (size, size, 3), dtype=np.uint8) for s in samples]


class Notes(Progress):
    """Keeps what a user would see."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done = 0
        self.total = 0

    def start(self, label: str, done: int, total: int, unit: str = "images") -> None:
        self.done, self.total = done, total

    def advance(self, count: int) -> None:
        self.done += count

    def note(self, message: str) -> None:
        self.notes.append(message)


def fill(
    path: Path, model: TextToImage | None = None, progress: Progress | None = None, **changes: Any
) -> RunDirectory:
    options: dict[str, Any] = {"samples": 2, "size": 8, "slice_size": 5}
    return generate(Request(model or Noise(), SET, path, **options | changes), progress)


def pixels(path: Path) -> str:
    return RunDirectory.open(path).require_seal().pixels_sha256


def test_a_request_makes_the_run_that_it_plans(tmp_path: Path) -> None:
    request = Request(Noise(), SET, tmp_path / "requested", samples=2, size=32, seed=3, limit=4, slice_size=3)
    plan, prompts = make_plan(request)
    assert not (tmp_path / "requested").exists()
    run = generate(request)
    assert (run.plan, plan.prompt_ids) == (plan, tuple(prompt.id for prompt in prompts))
    assert (plan.samples, plan.size, plan.seed, plan.limit, plan.slice_size) == (2, 32, 3, 4, 3)
    again = generate(replace(request, out=tmp_path / "again"))
    assert (again.plan, again.require_seal()) == (plan, run.require_seal())


def test_a_finished_run_is_left_alone_and_says_so(tmp_path: Path) -> None:
    fill(tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run").rglob("*") if path.name != ".lock"}
    model, notes = Noise(), Notes()
    fill(tmp_path / "run", model, progress=notes)
    assert model.calls == 0
    assert "nothing to do" in notes.notes[0]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_progress_counts_every_sample(tmp_path: Path) -> None:
    notes = Notes()
    fill(tmp_path / "run", progress=notes)
    assert (notes.done, notes.total) == (2 * N_PROMPTS, 2 * N_PROMPTS)


def test_the_same_plan_draws_the_same_pixels(tmp_path: Path) -> None:
    assert fill(tmp_path / "a").seal == fill(tmp_path / "b").seal
    assert fill(tmp_path / "a").seal != fill(tmp_path / "c", seed=1).seal


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(-(2**70), 2**70), slice_size=st.integers(1, 30))
def test_slices_do_not_change_what_a_sample_is(
    tmp_path_factory: pytest.TempPathFactory, seed: int, slice_size: int
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    one = fill(folder / "a", seed=seed, slice_size=slice_size, size=2)
    other = fill(folder / "b", seed=seed, slice_size=4, size=2)
    assert one.require_seal().pixels_sha256 == other.require_seal().pixels_sha256


@pytest.mark.parametrize("error", [RuntimeError("out of paint"), KeyboardInterrupt()])
def test_what_was_drawn_before_a_stop_is_kept(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises((StageError, KeyboardInterrupt)):
        fill(tmp_path / "run", Noise(fails_at=2, error=error))
    assert len(RunDirectory.open(tmp_path / "run").missing()) == 2 * N_PROMPTS - 2 * 5
    model = Noise()
    fill(tmp_path / "run", model)
    assert model.calls == 6 - 2
    fill(tmp_path / "undisturbed")
    assert pixels(tmp_path / "run") == pixels(tmp_path / "undisturbed")


def test_a_failing_model_is_named_and_its_traceback_kept(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"colors-001 sample 0.*RuntimeError: out of paint") as caught:
        fill(tmp_path / "run", Noise(fails_at=0))
    assert "\n" not in str(caught.value)
    assert "out of paint" in (tmp_path / "run/error.log").read_text()


def test_attempts_tell_versions_device_and_progress(tmp_path: Path) -> None:
    with pytest.raises(StageError):
        fill(tmp_path / "run", Noise(fails_at=2))
    attempts = fill(tmp_path / "run").attempts
    assert [attempt.slices_done for attempt in attempts] == [2, 4]
    assert all(attempt.device == "cpu" and attempt.end is not None for attempt in attempts)
    assert {"python", "numpy", "drawbench"} <= set(attempts[0].versions)


def test_more_samples_extend_a_run_and_keep_its_images(tmp_path: Path) -> None:
    fill(tmp_path / "run", samples=1)
    (tmp_path / "run/scores").mkdir()
    (tmp_path / "run/scores/bundled.json").write_text("{}")
    model, notes = Noise(), Notes()
    extended = fill(tmp_path / "run", model, samples=3, progress=notes)
    assert model.calls == 2 * 3
    assert "from 1 to 3 samples" in notes.notes[0]
    assert extended.require_seal().pixels_sha256 == fill(tmp_path / "straight", samples=3).require_seal().pixels_sha256
    assert not (tmp_path / "run/scores").exists()
    assert len(list((tmp_path / "run").glob("scores-*/bundled.json"))) == 1


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"size": 16}, "size: 8 -> 16"),
        ({"seed": 3}, "seed: 0 -> 3"),
        ({"slice_size": 4}, "slice_size: 5 -> 4"),
        ({"samples": 1}, "samples: 2 -> 1"),
        ({"limit": 1}, "limit: none -> 1"),
        ({"samples": 3, "seed": 1}, "samples: 2 -> 3; seed: 0 -> 1"),
    ],
)
def test_another_plan_is_refused_with_the_difference(tmp_path: Path, changes: dict[str, int], difference: str) -> None:
    before = fill(tmp_path / "run").manifest
    with pytest.raises(UserError, match=difference):
        fill(tmp_path / "run", **changes)
    assert RunDirectory.open(tmp_path / "run").manifest == before


def test_a_limit_is_a_plan_of_its_own_and_partial(tmp_path: Path) -> None:
    run = fill(tmp_path / "run", limit=3)
    assert (run.plan.n_prompts, run.plan.complete) == (3, False)
    assert run.plan.prompt_set_sha256 == SET.sha256 != run.plan.prompts_sha256
    assert fill(tmp_path / "all").plan.sha256 != run.plan.sha256


def test_the_default_directory_names_model_set_and_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = generate(Request(Noise(), SET, samples=1, size=8))
    assert run.path == Path(f"runs/my-noise--mine--{run.plan.sha256[:8]}")
    assert run.plan.dtype == "float32"


@pytest.mark.parametrize("option", ["samples", "size", "slice_size", "limit"])
def test_options_out_of_range_are_refused(tmp_path: Path, option: str) -> None:
    with pytest.raises(UserError, match="at least 1"):
        fill(tmp_path / "run", **{option: 0})
    assert not (tmp_path / "run").exists()


def test_a_model_that_reuses_its_memory_is_written_as_it_was(tmp_path: Path) -> None:
    class Reusing(Noise):
        canvas = np.zeros((1, 8, 8, 3), np.uint8)

        def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
            self.canvas[0] = super().generate(samples, size)[0]
            return list(self.canvas)

    fill(tmp_path / "run", Reusing(), slice_size=1)
    assert pixels(tmp_path / "run") == pixels(fill(tmp_path / "plain", slice_size=1).path)


def test_check_plan_comes_before_anything_is_written(tmp_path: Path) -> None:
    class Picky(Noise):
        def check_plan(self, samples: Sequence[Sample], size: int) -> None:
            raise UserError(f"no image for {len(samples)} samples of {size} px")

    with pytest.raises(UserError, match="no image for 24 samples of 8 px"):
        fill(tmp_path / "run", Picky())
    assert not (tmp_path / "run").exists()


SAMPLES = [Sample("colors-001", "Colors", "a", 0, 1), Sample("colors-002", "Colors", "b", 0, 2)]
GOOD = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("outputs", "sentence"),
    [
        ([GOOD], "1 images for 2 samples"),
        (None, "a NoneType for 2 samples"),
        ([GOOD, None], "colors-002 sample 0 is a NoneType"),
        ([GOOD.astype(np.float32), GOOD], "colors-001 sample 0 is an array of float32"),
        ([GOOD, GOOD[:, :, :1]], r"array of uint8 \(4, 4, 1\)"),
        ([GOOD, GOOD[:3]], r"array of uint8 \(3, 4, 3\)"),
        ([GOOD, GOOD.astype(np.int64)], "array of int64"),
    ],
)
def test_a_models_answer_is_checked(outputs: Any, sentence: str) -> None:
    check_outputs([GOOD, Refused("no")], SAMPLES, 4)
    with pytest.raises(UserError, match=sentence):
        check_outputs(outputs, SAMPLES, 4)


def test_a_second_process_is_turned_away(tmp_path: Path) -> None:
    fill(tmp_path / "run", samples=1)
    with FileLock(tmp_path / "run/.lock"), pytest.raises(StageError, match="another process is filling"):
        fill(tmp_path / "run", samples=2)
    assert fill(tmp_path / "run", samples=2).seal is not None


def test_a_place_that_cannot_hold_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.tex").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        fill(tmp_path / "file")
    with pytest.raises(UserError, match="cannot write"):
        fill(tmp_path / "file/run")
    with pytest.raises(UserError, match=r"thesis\.tex"):
        fill(tmp_path / "full")
    assert sorted(path.name for path in (tmp_path / "full").iterdir()) == ["thesis.tex"]


def test_a_full_disk_leaves_a_resumable_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.startswith("2-"):
            raise OSError(28, "No space left on device", str(path))
        return written(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StageError, match="No space left on device"):
        fill(tmp_path / "run")
    monkeypatch.undo()
    assert len(RunDirectory.open(tmp_path / "run").missing()) == 2 * N_PROMPTS - 2 * 5
    fill(tmp_path / "run")
    assert pixels(tmp_path / "run") == pixels(fill(tmp_path / "undisturbed").path)


def test_a_record_cut_short_is_no_record(tmp_path: Path) -> None:
    run = fill(tmp_path / "run")
    journal = tmp_path / "run/journals/0001.jsonl"
    *records, _end = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(records)[:-30])
    assert run.slices()[-1].samples == tuple(RunDirectory.open(tmp_path / "run").missing())
    assert fill(tmp_path / "run").seal == run.seal


def start(path: Path, delay: float) -> subprocess.Popen[str]:
    """The slow program in a process of its own, at the moment its model is ready."""
    program = subprocess.Popen(
        [sys.executable, "-c", SLOW_PROGRAM, str(path), str(delay)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    return program


def finish(path: Path) -> str:
    program = start(path, delay=0)
    output, _ = program.communicate(timeout=60)
    assert program.returncode == 0
    return output.splitlines()[-1]


def kill_after_slices(path: Path, slices: int, pause: float) -> bool:
    """Kill -9 `pause` seconds after the model was asked for its nth slice; False when the program had ended by then."""
    program = start(path, delay=0.02)
    assert program.stdout is not None
    for _ in range(slices):
        program.stdout.readline()
    time.sleep(pause)
    program.send_signal(signal.SIGKILL)
    program.communicate()
    return program.returncode == -signal.SIGKILL


def test_killed_and_resumed_is_undisturbed(tmp_path: Path) -> None:
    undisturbed = finish(tmp_path / "undisturbed")
    for slices, pause in ((0, 0.002), (2, 0.001), (3, 0.05)):
        assert kill_after_slices(tmp_path / "run", slices, pause)
    assert finish(tmp_path / "run") == undisturbed
    run = RunDirectory.open(tmp_path / "run")
    assert run.missing() == []
    assert len(run.require_seal().refusals) > 0
    assert run.require_seal().refusals == RunDirectory.open(tmp_path / "undisturbed").require_seal().refusals
    assert [attempt.end is None for attempt in run.attempts[-3:]] == [True, True, False]


@pytest.mark.proof
def test_thirty_kills(tmp_path: Path) -> None:
    undisturbed = finish(tmp_path / "undisturbed")
    dice = random.Random(20220523)
    for number in range(30):
        path = tmp_path / f"run-{number // 3}"  # three kills to a run
        kill_after_slices(path, dice.randrange(0, 8), dice.random() * 0.07)
        if number % 3 == 2:
            assert finish(path) == undisturbed
            assert RunDirectory.open(path).missing() == []


def test_two_processes_on_one_directory_make_one_run(tmp_path: Path) -> None:
    first = start(tmp_path / "run", delay=60)
    assert first.stdout is not None
    first.stdout.readline()
    second = start(tmp_path / "run", delay=0)
    _, complaint = second.communicate(timeout=60)
    first.kill()
    first.communicate()
    assert second.returncode != 0
    assert "another process is filling" in complaint
    assert finish(tmp_path / "run") == finish(tmp_path / "undisturbed")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(UserError, match="Permission denied"):
        fill(tmp_path / "locked/run")


def test_a_plan_can_be_made_without_a_directory() -> None:
    plan, prompts = make_plan(Request(Noise(), SET, samples=1, size=8))
    assert plan.prompt_ids == tuple(prompt.id for prompt in prompts)


class Warner(Noise):
    """Warns of the same thing in every slice, and of another one in each."""

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        warnings.warn("the paint\n is thin", stacklevel=1)
        warnings.warn(f"slice {self.calls}", stacklevel=1)
        return super().generate(samples, size)


def test_warnings_stand_in_the_attempt_and_are_shown_once_each(tmp_path: Path) -> None:
    notes = Notes()
    run = fill(tmp_path / "run", Warner(), notes, slice_size=1)
    (attempt,) = RunDirectory.open(run.path).attempts
    assert attempt.warnings[:3] == ("the paint is thin", "slice 0", "slice 1")
    assert len(attempt.warnings) == MOST_WARNINGS < 2 * N_PROMPTS + 1
    assert notes.notes == [f"warned while drawing: {text}" for text in attempt.warnings]
    assert attempt.slices_done == 2 * N_PROMPTS


def test_what_was_warned_of_before_a_failure_is_kept(tmp_path: Path) -> None:
    with pytest.raises(StageError):
        fill(tmp_path / "run", Warner(fails_at=1))
    (attempt,) = RunDirectory.open(tmp_path / "run").attempts
    assert attempt.warnings == ("the paint is thin", "slice 0", "slice 1")


@pytest.mark.parametrize(("cpu", "noted"), [("AVX2", False), ("AVX512", True), ("", False)])
def test_another_kind_of_processor_is_noted_where_both_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpu: str, noted: bool
) -> None:
    notes = Notes()

    def on(kind: str) -> None:
        drawer = Drawer(versions={}, device="cpu", cpu=kind)
        monkeypatch.setattr("drawbench.runs.generate.drawer_here", lambda device, threads: drawer)

    on("AVX2")
    with pytest.raises(StageError):
        fill(tmp_path / "run", Noise(fails_at=2))
    on(cpu)
    fill(tmp_path / "run", progress=notes)
    assert any("the last bits may differ" in note for note in notes.notes) == noted
