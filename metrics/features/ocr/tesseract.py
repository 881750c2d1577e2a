"""Tesseract 5, as Debian and others package the program, with its English model."""

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from metrics.errors import MetricInputError
from metrics.features.ocr.sizes import at_sides, sizes
from metrics.features.weights import file_sha256

PROGRAM = "tesseract"
FLOOR = 0.75  # of the confidence in a word
SIDES = (256, 512)  # pixels
MODES = ("6", "11", "11")  # at each side and as it is: a block of text, then sparse text
DPI = "70"  # images say nothing of it
INSTALL = "sudo apt install tesseract-ocr"


class Tesseract:
    """Reads an image's words, line by line, on one thread."""

    def __init__(self) -> None:
        """Find the program. Raises MetricInputError when it or its English model is missing."""
        self._program = installed().program

    def __call__(self, image: np.ndarray) -> list[list[str]]:
        """The words in an image, uint8 (H, W, 3), of which the engine is sure enough, at each of the sizes."""
        return [[text for text, confidence in words if confidence >= FLOOR] for words in self.with_confidence(image)]

    def with_confidence(self, image: np.ndarray) -> list[list[tuple[str, float]]]:
        """All words at each of the sizes, each with the engine's confidence in it, 0 to 1.

        Raises MetricInputError where the program fails.
        """
        return [self._words(each, mode) for each, mode in zip(at_sides(image, SIDES), MODES, strict=False)]

    def _words(self, image: np.ndarray, mode: str) -> list[tuple[str, float]]:
        height, width = image.shape[:2]
        options = ["--dpi", DPI, "-l", "eng", "--oem", "1", "--psm", mode, "tsv"]
        pixels = b"P6 %d %d 255\n" % (width, height) + image.tobytes()
        told = _run([self._program, "stdin", "stdout", *options], pixels)
        if told.returncode:
            said = " ".join(told.stderr.decode(errors="replace").split())[-200:]
            raise MetricInputError(f"{PROGRAM} failed on an image of {width}x{height} px: {said}")
        rows = csv.DictReader(io.StringIO(told.stdout.decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["text"], float(row["conf"]) / 100) for row in rows if (row["text"] or "").strip()]


@dataclass(frozen=True)
class Installed:
    """program: its path. version: as it says. model: the SHA-256 of its English model."""

    program: str
    version: str
    model: str


@cache
def installed() -> Installed:
    """The program on this machine. Raises MetricInputError when it or its English model is missing."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise MetricInputError(f"the program {PROGRAM}, which reads text, is not installed: run `{INSTALL}`")
    version = re.search(r"tesseract v?(5[\w.-]*)", _run([program, "--version"]).stdout.decode())
    folder = re.search(r'languages in "(.+)"', _run([program, "--list-langs"]).stdout.decode())
    model = Path(folder[1]) / "eng.traineddata" if folder else None
    if not version or not model or not model.is_file():
        raise MetricInputError(f"{program} is not tesseract 5 with its English model: run `{INSTALL}`")
    return Installed(program, version[1], file_sha256(model))


def tesseract_description() -> str:
    """For definitions. Raises MetricInputError where the program is missing."""
    found = installed()
    return f"Tesseract {found.version}, English ({found.model[:12]}), {_choices()}"


def tesseract_parts() -> dict[str, object]:
    """What decides what it reads, for fingerprints. Raises MetricInputError where the program is missing."""
    found = installed()
    return {"engine": f"tesseract {found.version}", "weights": found.model, "choices": _choices(), "dpi": DPI}


def _choices() -> str:
    return f"words of confidence {FLOOR} or more, page modes {', '.join(MODES)}, {sizes(SIDES)}"


def _run(command: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    return subprocess.run(command, input=given, capture_output=True, env=environment, check=False)
