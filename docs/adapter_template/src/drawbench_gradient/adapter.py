"""The adapter: everything that drawbench asks of a model."""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from drawbench import ModelCard, Refused, Sample, TextToImage
from drawbench.errors import UserError
from drawbench.models.registry import parse_setting


class Gradient(TextToImage):
    """`gradient[:COLOUR]` draws noise on a gradient of that colour; texts decide the direction."""

    native_size = 64  # when --size is not given
    known_settings: Mapping[str, str] = {"contrast": "1.0: how far the gradient goes, from 0 to 1"}

    def __init__(self, argument: str | None, settings: Mapping[str, str], device: str) -> None:
        """Load the model here, once. UserError is one sentence: what is wrong, and what to do."""
        unknown = sorted(set(settings) - set(self.known_settings))
        if unknown:
            raise UserError(f"gradient has no setting '{unknown[0]}': it takes {', '.join(self.known_settings)}.")
        contrast = parse_setting(settings.get("contrast", "1.0"))
        if isinstance(contrast, bool) or not isinstance(contrast, int | float) or not 0 <= contrast <= 1:
            raise UserError(f"--set contrast={settings['contrast']} is no number from 0 to 1: write one.")
        colours = {"red": 0, "green": 1, "blue": 2}
        if (argument or "red") not in colours:
            raise UserError(f"there is no gradient '{argument}': write gradient:{', gradient:'.join(colours)}.")
        self._colour, self._contrast, self.device = argument or "red", float(contrast), device
        self._channel = colours[self._colour]

    def card(self) -> ModelCard:
        """What goes into the plan: everything that changes pixels, so a hash of the weights where there are any."""
        return ModelCard(
            adapter="gradient",
            spec=f"gradient:{self._colour}",
            name=f"Gradient, {self._colour}",
            settings={"contrast": self._contrast},
        )

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One image or refusal for each; of a sample's text and seed alone, whatever stands beside it in the batch."""
        return [self._image(sample, size) if sample.text.strip() else Refused("no text") for sample in samples]

    def _image(self, sample: Sample, size: int) -> np.ndarray:
        angle = int.from_bytes(hashlib.sha256(sample.text.encode()).digest()[:2]) / 2**16 * 2 * np.pi
        y, x = np.mgrid[0:size, 0:size] / max(1, size - 1) - 0.5
        image = np.random.default_rng(sample.seed).uniform(0, 40, (size, size, 3))
        image[..., self._channel] += 100 + 140 * self._contrast * (np.cos(angle) * x + np.sin(angle) * y)
        return image.clip(0, 255).astype(np.uint8)
