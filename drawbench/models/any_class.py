"""Models of other classes than TextToImage: whatever has `card` and `generate` is taken, and given the rest."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import Any, Self, cast

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage

CONTRACT = frozenset(name for name in vars(TextToImage) if not name.startswith("_")) - {"recipe"}  # of the outer model


def as_text_to_image(model: Any, origin: str) -> TextToImage:
    """`model` itself, or what makes a TextToImage of it.

    Raises UserError that begins with `origin`, where the model is from, when it lacks `card` or `generate`.
    """
    if isinstance(model, TextToImage):
        return model
    if not (hasattr(model, "card") and hasattr(model, "generate")):
        raise UserError(
            f"{origin} returned a {type(model).__name__}: return a drawbench.TextToImage, or another object with "
            "card() and generate(samples, size)."
        )
    return ModelAround(model)


class ModelAround(TextToImage):
    """Another model, of any class. What a subclass does not say itself is the other's, or else TextToImage's."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattribute__(self, name: str) -> Any:
        """Looks at the other model when it is asked for something, never before: its size may be read from disk."""
        if name in CONTRACT and getattr(type(self), name) is getattr(TextToImage, name):
            with suppress(AttributeError):
                return getattr(self._model, name)
        return super().__getattribute__(name)

    def card(self) -> ModelCard:
        return cast(ModelCard, self._model.card())

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """The model's images, unchecked: the caller checks every model's images alike."""
        return cast("list[np.ndarray | Refused]", self._model.generate(samples, size))

    def with_settings(self, settings: Mapping[str, str]) -> Self | None:
        change = getattr(self._model, "with_settings", None)
        changed = change(settings) if change is not None else None
        if changed is None:
            return None
        other = copy(self)
        other._model = changed
        return other
