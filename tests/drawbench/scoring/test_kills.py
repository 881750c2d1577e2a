"""Scoring that is killed at any moment: the next scoring gives the numbers of an undisturbed one, to the last bit."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.runs.generate import Request, generate
from tests.drawbench.scoring import scoring_to_kill

PROMPTS = PromptSet("made-up", tuple(Prompt(f"p-{i:03d}", "AB"[i % 2], f"prompt {i * 7919}") for i in range(24)))
SIZE = 12
REPOSITORY = Path(__file__).resolve().parents[3]


class _Noise(TextToImage):
    def card(self) -> ModelCard:
        return ModelCard(adapter="python", spec="tests", name="noise")

    def generate(self, samples: list[Sample], size: int) -> list[np.ndarray | Refused]:
        return [np.random.default_rng(s.seed).integers(0, 256, (size, size, 3), dtype=np.uint8) for s in samples]


@dataclass(frozen=True)
class Scene:
    """A run and references, copied for each scoring; what an undisturbed one wrote, and how long it took."""

    folder: Path
    numbers: dict[str, object]
    seconds: float


def _start(scene: Path, cache: Path) -> subprocess.Popen[str]:
    """Scoring as its own process, begun and past its imports."""
    variables = {**os.environ, "DRAWBENCH_CACHE": str(cache), "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        [sys.executable, scoring_to_kill.__file__, scene / "run", scene / "references"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "scoring\n"
    return process


def _finish(process: subprocess.Popen[str], scene: Path) -> dict[str, object]:
    """What it wrote, once it is done: all but the date, and the table of samples byte for byte."""
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "damaged" not in errors
    scores = scene / "run" / "scores"
    aggregates = json.loads((scores / "slow.json").read_bytes())
    return aggregates | {"date": "any", "samples": (scores / "slow.parquet").read_bytes()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """48 images and 30 references, and their scores."""
    folder = tmp_path_factory.mktemp("scene")
    generate(Request(_Noise(), PROMPTS, folder / "run", samples=2, size=SIZE))
    (folder / "references").mkdir()
    for number in range(30):
        pixels = np.random.default_rng(number).integers(0, 256, (SIZE, SIZE + 3, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "references" / f"{number}.png")
    process, began = _start(folder, folder / "cache"), time.monotonic()
    numbers = _finish(process, folder)
    return Scene(folder, numbers, time.monotonic() - began)


def _kill_and_compare(scene: Scene, tmp_path: Path, seed: int) -> None:
    """One scoring killed at a random moment, once or twice, then one that is left alone."""
    moments = random.Random(seed)
    copy = tmp_path / str(seed)
    for name in ("run", "references"):
        shutil.copytree(scene.folder / name, copy / name, ignore=shutil.ignore_patterns("scores"))
    for _ in range(moments.randint(1, 2)):
        process = _start(copy, copy / "cache")
        time.sleep(moments.uniform(0, scene.seconds))
        process.kill()
        process.communicate(timeout=60)
    assert _finish(_start(copy, copy / "cache"), copy) == scene.numbers


def test_a_kill(undisturbed: Scene, tmp_path: Path) -> None:
    _kill_and_compare(undisturbed, tmp_path, seed=0)


@pytest.mark.proof
def test_twenty_kills(undisturbed: Scene, tmp_path: Path) -> None:
    for seed in range(100, 120):
        _kill_and_compare(undisturbed, tmp_path, seed)


def test_two_that_score_at_once_do_not_disturb_each_other(undisturbed: Scene, tmp_path: Path) -> None:
    for name in ("run", "references"):
        shutil.copytree(undisturbed.folder / name, tmp_path / name, ignore=shutil.ignore_patterns("scores"))
    both = [_start(tmp_path, tmp_path / "cache") for _ in range(2)]
    for process in both:
        assert _finish(process, tmp_path) == undisturbed.numbers
