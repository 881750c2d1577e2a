"""What drawing took: warm-up apart, summed over all that drew, carried to results and shown on request only."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drawbench
from drawbench.cli.main import main
from drawbench.results.files import read_result, result_text
from drawbench.runs.directory import RunDirectory

TEXTS = [f"a red cup beside {n} blue cars" for n in range(12)]
WAIT, WARM_UP = 0.02, 0.2


class Slow(drawbench.TextToImage):
    """Draws at a known pace, after a first batch that takes longer. fails_at: the batch at which it stops."""

    native_size = 16

    def __init__(self, one_at_a_time: bool = False, fails_at: int = 0) -> None:
        self.one_at_a_time, self.fails_at, self.batches = one_at_a_time, fails_at, 0

    def card(self) -> drawbench.ModelCard:
        return drawbench.ModelCard(adapter="python", spec="slow", name="slow")

    def generate(self, samples: Any, size: int) -> Any:
        self.batches += 1
        if self.batches == self.fails_at:
            raise RuntimeError("stopped")
        time.sleep(WAIT * len(samples) + (WARM_UP if self.batches == 1 else 0))
        return [np.random.default_rng(s.seed32).integers(0, 256, (size, size, 3), np.uint8) for s in samples]


@pytest.mark.parametrize(("one_at_a_time", "first"), [(False, 4), (True, 1)])
def test_the_first_batch_is_warm_up_and_stands_apart(tmp_path: Path, one_at_a_time: bool, first: int) -> None:
    scores = drawbench.run(Slow(one_at_a_time), TEXTS, samples=1, slice_size=4, out=tmp_path / "run", progress=False)
    cost = scores.result.cost
    assert cost is not None
    assert (cost.images, cost.warm_up_images) == (12 - first, first)
    assert cost.seconds_per_image >= WAIT
    assert cost.warm_up_seconds >= WARM_UP + first * WAIT
    assert cost.peak_memory_bytes > 2**20
    assert cost.devices == ("not stated",)


@dataclass
class WithoutHash(Slow):
    """As data classes are that can be compared."""

    batches: int = 0
    one_at_a_time: bool = False
    fails_at: int = 0


def test_a_model_without_a_hash_is_drawn_too(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        hash(WithoutHash())
    found = drawbench.run(WithoutHash(), TEXTS, samples=1, slice_size=4, out=tmp_path / "run", progress=False)
    assert found.result.cost is not None
    assert (found.result.cost.images, found.result.cost.warm_up_images) == (8, 4)


def test_a_run_that_goes_on_adds_what_both_took(tmp_path: Path) -> None:
    with pytest.raises(drawbench.StageError):
        drawbench.run(Slow(fails_at=3), TEXTS, samples=1, slice_size=4, out=tmp_path / "run", progress=False)
    assert RunDirectory.open(tmp_path / "run").cost() is not None
    drawbench.run(Slow(), TEXTS, samples=1, slice_size=4, out=tmp_path / "run", progress=False)
    cost = RunDirectory.open(tmp_path / "run").cost()
    assert cost is not None
    assert (cost.images, cost.warm_up_images) == (4, 8)
    drawbench.run(Slow(), TEXTS, samples=2, slice_size=4, out=tmp_path / "run", progress=False)
    more = RunDirectory.open(tmp_path / "run").cost()
    assert more is not None
    assert more.images == 12


def test_it_is_shown_on_request_without_a_rank(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawbench.run(Slow(), TEXTS, samples=1, slice_size=4, out=tmp_path / "run", progress=False)
    given = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), np.uint8)
    drawbench.score(given, TEXTS, out=tmp_path / "given")
    runs = [str(tmp_path / name) for name in ("run", "given")]
    assert main(["leaderboard", *runs]) == 0
    assert "seconds/image" not in capsys.readouterr().out
    assert main(["leaderboard", *runs, "--cost"]) == 0
    shown = capsys.readouterr().out
    assert "seconds/image" in shown
    assert "do not compare" in shown
    assert main(["leaderboard", runs[0], "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["tables"][0]["rows"]
    assert row["result"]["cost"]["images"] == 8
    assert main(["same", runs[0], runs[0], "--margin", "clip_score=1"]) == 0
    assert "s an image over 8" in capsys.readouterr().out


def test_results_from_before_it_was_recorded_stay_as_they_are() -> None:
    path = Path(__file__).parents[3] / "results/imagen-tiny--open--bundled.json"
    result = read_result(path)
    assert (result.cost is None) == ('"cost"' not in path.read_text())
    assert result_text(result) == path.read_text()
