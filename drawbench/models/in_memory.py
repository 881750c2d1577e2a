"""Models that a program has in memory: images that are there already, and functions that draw."""

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.models.any_class import as_text_to_image
from drawbench.models.drawing_function import FunctionModel, drawing_parameters
from metrics.images.decode import pixel_hash
from metrics.images.in_memory import Range, equal_sides, listed, one_image

Output = np.ndarray | Refused


class GivenImages(TextToImage):
    """Images of the prompts of a set, in its order: a list for each prompt, of as many for all.

    size: pixels. samples: images per prompt.
    """

    device = "none"

    def __init__(self, name: str, ids: Sequence[str], images: Sequence[Sequence[Output]]) -> None:
        """Raises UserError for other numbers of images, MetricInputError for images that are not square or differ."""
        self._name = name
        if len(images) != len(ids):
            raise UserError(f"{len(images)} images and {len(ids)} prompts were given: one each, or a list each, is it.")
        counts = {len(each) for each in images}
        if len(counts) > 1 or 0 in counts:
            raise UserError(f"prompts have from {min(counts)} to {max(counts)} images: give as many for each.")
        self.samples = counts.pop()
        drawn = [image for each in images for image in each if not isinstance(image, Refused)]
        if not drawn:
            raise UserError("every image was refused: there is nothing to score.")
        self.native_size = equal_sides(drawn)
        self._images = dict(zip(ids, images, strict=True))

    def card(self) -> ModelCard:
        """The images by their pixels: others make another plan."""
        digest = hashlib.sha256()
        for each in self._images.values():
            for image in each:
                digest.update(f"{image.reason if isinstance(image, Refused) else pixel_hash(image)}\n".encode())
        return ModelCard(adapter="memory", spec=self._name, name=self._name, revision=digest.hexdigest())

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        return [self._images[sample.prompt_id][sample.index] for sample in samples]


def listed_images(images: Any, value_range: Range | None) -> list[list[Output]]:
    """For each prompt its images or refusals as arrays. Raises MetricInputError naming what is no image."""
    found = []
    for number, given in enumerate(listed(images)):
        several = given if isinstance(given, list | tuple) else [given]
        named = [f"image {number}" if len(several) == 1 else f"image {number}, {i}" for i in range(len(several))]
        pairs = zip(several, named, strict=True)
        found.append([one if isinstance(one, Refused) else one_image(one, name, value_range) for one, name in pairs])
    return found


class _Function(FunctionModel):
    """A function of the running program. Its source is part of the plan, as far as it can be read."""

    def __init__(self, draw: Callable[..., Any], settings: Mapping[str, Any]) -> None:
        super().__init__(draw, getattr(draw, "__name__", type(draw).__name__).strip("<>"), settings)
        self._given = dict(settings)
        try:
            source = inspect.getsource(draw)
        except (OSError, TypeError):
            source = ""
        self._source = hashlib.sha256(source.encode()).hexdigest() if source else ""

    def card(self) -> ModelCard:
        card = super().card()
        return card.model_copy(update={"adapter": "memory", "revision": self._source, "settings": self._given})


def model_in_memory(model: Any, settings: Mapping[str, Any]) -> TextToImage:
    """A TextToImage of an object with `card` and `generate`, or of a function as `FunctionModel` takes it.

    Raises UserError for anything else, and for settings of an object, which has its own.
    """
    if drawing_parameters(model):
        return _Function(model, settings)
    if settings:
        raise UserError(
            f"a {type(model).__name__} has its own settings: leave settings out, or name the model by a spec."
        )
    if callable(model) and not hasattr(model, "generate"):
        raise UserError("the function does not draw: it needs the parameters prompt, seed and size.")
    return as_text_to_image(model, "the caller")
