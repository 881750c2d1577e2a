"""Finished samples of a slice that is not whole yet, for models that draw one at a time."""

from pathlib import Path

import numpy as np
from pydantic import ValidationError

from drawbench.interface import Refused
from drawbench.runs.directory import Outcome
from drawbench.runs.plan import Slice
from drawbench.runs.png import encode_png
from metrics.errors import MetricInputError
from metrics.images.decode import pixel_hash, read_image

PARTIAL = ".partial"  # inside the run, so that a rename never crosses a file system; outside images/, which stays valid


class KeptSamples:
    """Images and refusals in a folder of the run, each with a file of its outcome, until their slice is whole.

    Neither file is synced: an image that is not the one of its outcome, after a power failure, is none.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def image_path(self, part: Slice, number: int) -> Path:
        """Where the image of the slice's `number`-th sample is, or would be."""
        return self._folder / f"{part.index}-{number}.png"

    def add(self, part: Slice, number: int, output: np.ndarray | Refused) -> None:
        """Keep one sample, so that another process finds it. Raises OSError."""
        text = self.write(part, number, output).model_dump_json(exclude_none=True)
        self._outcome_path(part, number).write_text(text, encoding="utf-8")

    def write(self, part: Slice, number: int, output: np.ndarray | Refused) -> Outcome:
        """Write the image only, where there is one. Raises OSError."""
        if isinstance(output, Refused):
            return Outcome(refused=output.reason)
        self.image_path(part, number).write_bytes(encode_png(output))
        return Outcome(pixels=pixel_hash(output))

    def outcome(self, part: Slice, number: int) -> Outcome:
        """What was recorded of a kept sample. Raises OSError or ValidationError where that is nothing."""
        return Outcome.model_validate_json(self._outcome_path(part, number).read_bytes())

    def get(self, part: Slice, number: int) -> np.ndarray | Refused | None:
        """The sample's image or refusal; None where it was not kept, or is no longer what was kept."""
        try:
            outcome = self.outcome(part, number)
            if outcome.refused is not None:
                return Refused(outcome.refused)
            pixels = read_image(self.image_path(part, number))
        except (OSError, ValidationError, MetricInputError):
            return None
        return pixels if pixel_hash(pixels) == outcome.pixels else None

    def drop(self, part: Slice) -> None:
        """Forget the slice's samples, whose images have gone elsewhere."""
        for number in range(len(part.samples)):
            self._outcome_path(part, number).unlink(missing_ok=True)

    def _outcome_path(self, part: Slice, number: int) -> Path:
        return self.image_path(part, number).with_suffix(".json")
