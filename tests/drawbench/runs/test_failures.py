"""Models that fail: what they drew one at a time is kept, and --on-error says how a run goes on."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from drawbench.cli.main import main
from drawbench.errors import StageError, UserError
from drawbench.interface import Refused, Sample
from drawbench.runs.directory import RunDirectory
from drawbench.runs.failures import OnError, parse_on_error
from drawbench.runs.generate import Request, generate
from tests.drawbench.runs.test_generate import SET, Noise, Notes, pixels

FAILS = """
import numpy as np
def draw(prompt, seed, size, steps=1):
    if prompt == "thing 3":
        raise RuntimeError("no\\nsuch thing")
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
"""
SLOW = """
import sys, time
import numpy as np
def draw(prompt, seed, size):
    with open("calls.txt", "a") as calls:
        calls.write(f"{seed}\\n")
    time.sleep(0.05)
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
"""


class Single(Noise):
    """Draws one sample a call; fails at the calls whose numbers, from 1, `fails` picks."""

    one_at_a_time = True

    def __init__(self, fails: Callable[[int], bool] = lambda call: False, error: BaseException | None = None) -> None:
        super().__init__(error=error)
        self.fails = fails

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        assert len(samples) == 1
        self.calls += 1
        if self.fails(self.calls):
            raise self.error
        return [self.image(sample, size) for sample in samples]

    def image(self, sample: Sample, size: int) -> np.ndarray | Refused:
        image: np.ndarray = np.random.default_rng(sample.seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
        return image


def fill(path: Path, model: Noise, on_error: str = "stop", slice_size: int = 8, notes: Notes | None = None) -> str:
    """Twelve prompts, two samples of each; the pixels' hash."""
    options = {"samples": 2, "size": 8, "slice_size": slice_size}
    request = Request(model, SET, path, **options, on_error=parse_on_error(on_error))
    return generate(request, notes).require_seal().pixels_sha256


@pytest.mark.parametrize("error", [RuntimeError("tired"), SystemExit(0), KeyboardInterrupt()])
def test_a_model_that_fails_at_every_seventh_call_draws_each_sample_once(tmp_path: Path, error: BaseException) -> None:
    undisturbed = fill(tmp_path / "undisturbed", Noise())
    model = Single(lambda call: call % 7 == 0, error)
    for _ in range(3):
        with pytest.raises((StageError, KeyboardInterrupt)):
            fill(tmp_path / "run", model)
    assert fill(tmp_path / "run", model) == undisturbed
    assert model.calls == 24 + 3
    assert not (tmp_path / "run/.partial").exists()


def test_the_sample_that_failed_is_named_and_the_way_on(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"failed at colors-003 sample 0 \(SystemExit: 5\).*--on-error refuse"):
        fill(tmp_path / "run", Single(lambda call: call == 3, SystemExit(5)))
    assert "SystemExit: 5" in (tmp_path / "run/error.log").read_text()


def test_kept_refusals_stay_and_damaged_images_are_drawn_again(tmp_path: Path) -> None:
    class Half(Single):
        def image(self, sample: Sample, size: int) -> np.ndarray | Refused:
            return Refused("odd") if sample.seed % 2 else super().image(sample, size)

    with pytest.raises(StageError):
        fill(tmp_path / "run", Half(lambda call: call == 8))
    images = sorted((tmp_path / "run/.partial/0001").glob("*.png"))
    images[0].write_bytes(images[0].read_bytes()[:60])
    images[1].with_suffix(".json").write_text('{"pix')
    model = Half()
    assert fill(tmp_path / "run", model) == fill(tmp_path / "undisturbed", Half())
    assert model.calls == 24 - 7 + 2
    assert len(images) < 7


def test_an_image_is_copied_before_the_next_is_drawn(tmp_path: Path) -> None:
    class Reusing(Single):
        canvas = np.zeros((8, 8, 3), np.uint8)

        def image(self, sample: Sample, size: int) -> np.ndarray | Refused:
            self.canvas[:] = super().image(sample, size)
            return self.canvas

    class Seen:
        def __init__(self) -> None:
            self.images: list[bytes] = []

        def begin(self, run: RunDirectory, missing: object) -> None: ...

        def add(self, outputs: Sequence[np.ndarray | Refused]) -> None:
            self.images += [output.tobytes() for output in outputs if isinstance(output, np.ndarray)]

        def end(self, complete: bool) -> None: ...

    request = Request(Reusing(), SET, tmp_path / "run", samples=2, size=8)
    seen = Seen()
    assert generate(request, watcher=seen).require_seal().pixels_sha256 == fill(tmp_path / "plain", Noise())
    assert len({*seen.images}) == 24


def test_a_killed_process_loses_the_image_that_it_was_drawing(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "prompts.csv").write_text("prompt\n" + "".join(f"thing {n}\n" for n in range(12)))
    words = ["generate", "--model", "python:slow:draw", "--prompts", "prompts.csv", "--samples", "1", "--size", "8"]
    command = [sys.executable, "-m", "drawbench.cli.main", *words, "--slice", "12", "--out", "run"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    calls = tmp_path / "calls.txt"
    while not calls.exists() or len(calls.read_text().split()) < 5:
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert len({*calls.read_text().split()}) == 12
    assert len(calls.read_text().split()) <= 12 + 2  # the one being drawn, and one that the writer had not yet kept
    assert RunDirectory.open(tmp_path / "run").require_seal().images == 12


def test_refuse_records_what_fails_and_goes_on(tmp_path: Path) -> None:
    notes = Notes()
    fill(tmp_path / "run", Single(lambda call: call in (2, 20), RuntimeError("no\nroom")), "refuse", notes=notes)
    seal = RunDirectory.open(tmp_path / "run").require_seal()
    assert (seal.images, seal.refused) == (22, 2)
    assert {refusal.reason for refusal in seal.refusals} == {"failed: RuntimeError: no"}
    assert notes.notes[0] == "colors-002 sample 0 counts as refused (failed: RuntimeError: no)"


@pytest.mark.parametrize("slice_size", [8, 100])
def test_a_run_without_any_image_is_not_sealed_and_drawn_again(tmp_path: Path, slice_size: int) -> None:
    """A model that fails at every sample: a command that resumes once it is mended gives the undisturbed run."""
    run = tmp_path / "run"
    for _ in range(2):
        broken = Single(lambda call: True, RuntimeError("no key"))
        with pytest.raises(
            StageError, match=r"nothing was drawn .* 24 of 24 samples \(first: colors-001 sample 0, failed: .*key"
        ):
            fill(run, broken, "refuse", slice_size)
        assert broken.calls == 24
        with pytest.raises(UserError, match="24 of 24 samples are missing"):
            RunDirectory.open(run).require_seal()
    undisturbed = fill(tmp_path / "undisturbed", Single(), slice_size=slice_size)
    assert fill(run, Single(), "refuse", slice_size) == undisturbed


def test_a_command_that_draws_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.py").write_text(FAILS.replace('if prompt == "thing 3"', "if steps"))
    Path("prompts.csv").write_text("text\nthing 1\nthing 2\n")
    command = "run --model python:broken.py:draw --prompts prompts.csv --samples 1 --size 8 --on-error refuse --out r"
    assert main(command.split()) == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[-1].startswith(
        "drawbench: nothing was drawn for r: the model failed at 2 of 2 samples"
    )
    assert not said.out
    assert main([*command.split(), "--set", "steps=0", "--out", "other"]) == 0


def test_retry_tries_again_and_then_refuses(tmp_path: Path) -> None:
    model = Single(lambda call: call in (2, 3, 9))
    assert fill(tmp_path / "run", model, "retry:2") == fill(tmp_path / "plain", Noise())
    assert model.calls == 24 + 3
    model = Single(lambda call: 2 <= call <= 4)
    fill(tmp_path / "again", model, "retry:2")
    seal = RunDirectory.open(tmp_path / "again").require_seal()
    assert [refusal.reason for refusal in seal.refusals] == ["failed: RuntimeError: out of paint (3 tries)"]


def test_a_run_that_stopped_goes_on_with_another_choice(tmp_path: Path) -> None:
    model = Single(lambda call: call in (5, 6))
    with pytest.raises(StageError):
        fill(tmp_path / "run", model)
    fill(tmp_path / "run", model, "refuse")
    assert RunDirectory.open(tmp_path / "run").require_seal().refused == 1
    assert model.calls == 24 + 1


class OutOfMemoryError(RuntimeError):
    """As torch calls it."""


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError(), RuntimeError("CUDA error: device-side assert")])
def test_a_machine_that_gives_out_is_no_prompts_fault(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(StageError, match="failed at colors-003 sample 0"):
        fill(tmp_path / "run", Single(lambda call: call >= 3, error), "retry:9")
    assert len(list((tmp_path / "run/.partial/0001").glob("*.json"))) == 2


def test_a_wrong_answer_stops_whatever_is_asked(tmp_path: Path) -> None:
    class Grey(Single):
        def image(self, sample: Sample, size: int) -> np.ndarray | Refused:
            return np.zeros((size, size), np.uint8)

    with pytest.raises(UserError, match=r"an array of uint8 \(8, 8\)"):
        fill(tmp_path / "run", Grey(), "refuse")


def test_a_model_that_draws_slices_must_be_asked_for_single_images(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this model draws slices: add --slice 1"):
        fill(tmp_path / "run", Noise(), "refuse")
    assert not (tmp_path / "run").exists()
    fill(tmp_path / "run", Noise(), "refuse", slice_size=1)
    assert pixels(tmp_path / "run") == fill(tmp_path / "plain", Noise())


@pytest.mark.parametrize(
    "text", ["", "ignore", "retry", "retry:", "retry:0", "retry:-1", "retry:x", "retry:1000", "Stop"]
)
def test_what_on_error_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="write stop, refuse or retry:N"):
        parse_on_error(text)
    assert parse_on_error("stop") == OnError()


def test_failures_are_counted_in_every_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("fails.py").write_text(FAILS)
    Path("four.csv").write_text("category,prompt\n" + "".join(f"Things,thing {n}\n" for n in range(1, 5)))

    def shown(*words: str) -> str:
        assert main([*words]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    common = ["--model", "python:fails:draw", "--prompts", "four.csv", "--size", "32", "--samples", "2"]
    assert main(["generate", *common, "--out", "run"]) == 1
    assert "failed at things-003 sample 0 (RuntimeError: no): see run/error.log" in capsys.readouterr().err
    common += ["--on-error", "retry:1", "--device", "cpu"]
    assert json.loads(shown("generate", *common, "--dry-run", "--json"))["refused"] == 2
    facts = json.loads(shown("run", *common, "--out", "run", "--json"))
    assert (facts["images"], facts["refused"], facts["result"]["refusals"]) == (6, 2, 2)
    note = "2 of 8 images were refused by the model, 2 of them because it failed, and are left out"
    assert all(note in score["note"] for score in facts["result"]["scores"])
    assert "2 refused" in shown("generate", *common, "--out", "run")
    assert "2 refused" in shown("runs", "list", ".")
    assert "2 refused" in shown("compare", "run", "run")
    for form in ("table", "markdown", "latex", "html"):
        table = shown("leaderboard", "run", "--format", form)
        assert "refused" in table
        assert "because it failed" in " ".join(table.split())
    pages = [path.read_text() for path in Path("run/report").rglob("*") if path.suffix in (".html", ".js")]
    assert any("failed: RuntimeError: no (2 tries)" in page for page in pages)
    rows = csv.DictReader(shown("leaderboard", "run", "--format", "csv").splitlines())
    assert {row["refusals"] for row in rows} == {"2"}
    shown("sweep", *common, "--vary", "steps=1,2", "--out", "sweep")
    heading, *points = Path("sweep/sweep.csv").read_text().splitlines()
    column = heading.split(",").index("refusals")
    assert {point.split(",")[column] for point in points} == {"2"}
