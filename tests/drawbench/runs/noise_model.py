"""A model in a file of a user: noise from each seed, and faults where files beside it ask for them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# deadly: a file with the text of the sample, or the rank, at which the process that draws is killed, once.
MODEL = """
import os, time, warnings
from pathlib import Path
import numpy as np
from drawbench import ModelCard, Refused, TextToImage

class Noise(TextToImage):
    def __init__(self, delay=0.0):
        self.delay = delay

    def card(self):
        return ModelCard(adapter="test", spec="noise", name="noise")

    def generate(self, samples, size):
        Path("pids", str(os.getpid())).touch()
        return [self.one(sample, size) for sample in samples]

    def one(self, sample, size):
        time.sleep(self.delay)
        if Path("broken").exists() and sample.text == "thing 7":
            raise ValueError("out of paint")
        place = "rank " + os.environ.get("RANK", "")
        if Path("deadly").exists() and Path("deadly").read_text() in (sample.text, place):
            Path("deadly").unlink()
            os.kill(os.getpid(), 9)
        warnings.warn("the paint is thin")
        if sample.seed % 5 == 0:
            return Refused("seed")
        return np.random.default_rng(sample.seed).integers(0, 256, (size, size, 3), dtype=np.uint8)

class Singly(Noise):
    one_at_a_time = True

class Several(Singly):
    concurrency = 2

class Server(Singly):
    def log_requests(self, file):
        pass
"""


@contextmanager
def working_directory(folder: Path, prompts: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Inside, the folder is where processes work; it holds `noise_model.py` and `prompts.txt`."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.path", ["", *sys.path])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", *sys.path]))
    (folder / "noise_model.py").write_text(MODEL)
    (folder / "pids").mkdir()
    (folder / "prompts.txt").write_text("".join(f"thing {n}\n" for n in range(prompts)))
    yield folder
    sys.modules.pop("noise_model", None)
