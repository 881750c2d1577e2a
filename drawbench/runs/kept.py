"""Finished samples of a slice that is not whole yet, for models that draw one at a time."""

from contextlib import suppress
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from drawbench.interface import Refused
from drawbench.runs.journal import Outcome
from drawbench.runs.plan import Slice
from drawbench.runs.png import Encoded, encoded
from metrics.errors import MetricInputError
from metrics.images.decode import pixel_hash, read_image

PARTIAL = ".partial"  # inside the run, so that a rename never crosses a file system; outside images/, which stays valid


class KeptSamples:
    """Images and refusals in folders of the run, each with a file of its outcome, until their slice is whole.

    A process writes into a folder of its own, `own`, and finds what earlier ones kept in theirs. Neither file is
    synced: an image that is not the one of its outcome, after a power failure, is none.
    """

    def __init__(self, root: Path, own: str = "") -> None:
        self._folder = root / own
        earlier = sorted(root.iterdir(), reverse=True) if root.is_dir() else []
        # Runs of schema version 1 kept samples in the root itself.
        folders = [self._folder, root, *(path for path in earlier if path.is_dir())]
        self._folders = tuple(dict.fromkeys(folders))

    def image_path(self, part: Slice, number: int) -> Path:
        """Where this process writes the image of the slice's `number`-th sample."""
        return self._folder / f"{part.index}-{number}.png"

    def add(self, part: Slice, number: int, output: np.ndarray | Refused | Encoded) -> None:
        """Keep one sample, so that another process finds it. Raises OSError."""
        text = self.write(part, number, output).model_dump_json(exclude_none=True)
        self.image_path(part, number).with_suffix(".json").write_text(text, encoding="utf-8")

    def write(self, part: Slice, number: int, output: np.ndarray | Refused | Encoded) -> Outcome:
        """Write the image only, where there is one. Raises OSError."""
        if isinstance(output, Refused):
            return Outcome(refused=output.reason)
        image = encoded(output) if isinstance(output, np.ndarray) else output
        self.image_path(part, number).write_bytes(image.png)
        return Outcome(pixels=image.pixel_sha256)

    def find(self, part: Slice, number: int) -> tuple[Outcome, Path] | None:
        """What was recorded of a kept sample, and where its image is if it has one; None where nothing was."""
        for folder in self._folders:
            image = folder / f"{part.index}-{number}.png"
            with suppress(OSError, ValidationError):
                return Outcome.model_validate_json(image.with_suffix(".json").read_bytes()), image
        return None

    def get(self, part: Slice, number: int) -> np.ndarray | Refused | None:
        """The sample's image or refusal; None where it was not kept, or is no longer what was kept."""
        found = self.find(part, number)
        if found is None:
            return None
        outcome, image = found
        if outcome.refused is not None:
            return Refused(outcome.refused)
        try:
            pixels = read_image(image)
        except (OSError, MetricInputError):
            return None
        return pixels if pixel_hash(pixels) == outcome.pixels else None

    def drop(self, part: Slice) -> None:
        """Forget the slice's samples, whose images have gone elsewhere."""
        for number in range(len(part.samples)):
            for folder in self._folders:
                (folder / f"{part.index}-{number}.json").unlink(missing_ok=True)

    def enter(self) -> None:
        """Before anything is kept. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def leave(self) -> None:
        """This process keeps nothing more; its folder goes if nothing is in it."""
        with suppress(OSError):
            self._folder.rmdir()
