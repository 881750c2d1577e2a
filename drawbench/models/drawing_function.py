"""A model made of a function that draws: how it is called, and how what it returns becomes an image."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
from PIL import Image

from drawbench.errors import UserError
from drawbench.interface import DEFAULT_SIZE, ModelCard, Refused, Sample, Setting, TextToImage
from metrics.images.decode import rgb_pixels
from metrics.images.in_memory import Range, array_of, channels_last, checked_range, levels

ONE = ("prompt", "seed", "size")  # the parameters of a function that draws one image
MANY = ("prompts", "seeds", "size")  # and of one that draws a batch
HOW = "state it by an attribute of the function, such as draw.value_range = (0, 1)"


def parameters_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters that have a name of their own, in order; none of a function that hides its signature."""
    return {p.name: p for p in _signature(function) if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def takes_any(function: Callable[..., Any]) -> bool:
    """Whether it takes arguments of any name (**kwargs)."""
    return any(p.kind is p.VAR_KEYWORD for p in _signature(function))


def required(function: Callable[..., Any]) -> list[str]:
    """The names of the parameters without a default, in order."""
    return [name for name, parameter in parameters_of(function).items() if parameter.default is parameter.empty]


def drawing_parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """ONE or MANY, whichever the function has among its parameters, in any order; empty where it does not draw."""
    names = parameters_of(function).keys()
    return next((wanted for wanted in (ONE, MANY) if names >= set(wanted)), ())


class FunctionModel(TextToImage):
    """A TextToImage made of a function that draws one image at a time, or a batch.

    An image may be a uint8 array (size, size, 3), a PIL image without transparency, or an array or tensor of numbers
    within the range that the function states by its attribute `value_range`, such as (0, 1) or (-1, 1); its channels
    may come first, and a batch of one may be around it. It is copied before the function is called again.
    """

    def __init__(self, draw: Callable[..., Any], name: str, settings: Mapping[str, Setting] | None = None) -> None:
        """settings: further arguments of every call. Raises MetricInputError for a `value_range` that is none."""
        self._draw, self._name, self._settings = draw, name, dict(settings or {})
        parameters = parameters_of(draw)
        self._first = [each.name for each in parameters.values() if each.kind is each.POSITIONAL_ONLY]
        self._range = _stated_range(draw, name)
        self.one_at_a_time = drawing_parameters(draw) == ONE
        size = parameters["size"].default
        self.native_size = size if isinstance(size, int) and size > 0 else DEFAULT_SIZE

    def card(self) -> ModelCard:
        """A card that says no more than the function's name."""
        return ModelCard(adapter="python", spec=self._name, name=self._name)

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One call per sample, or one for all. Raises UserError for what is no image, or not one for each prompt."""
        if self.one_at_a_time:
            return [self._image(self._call(prompt=s.text, seed=s.seed32, size=size), s, size) for s in samples]
        drawn = self._call(prompts=[s.text for s in samples], seeds=[s.seed32 for s in samples], size=size)
        images = _listed(drawn)
        if images is None or len(images) != len(samples):
            what = f"a {type(drawn).__name__}" if images is None else f"{len(images)} images"
            raise UserError(f"{self._name} returned {what} for {len(samples)} prompts: return one image for each.")
        return [self._image(image, sample, size) for image, sample in zip(images, samples, strict=True)]

    def _call(self, **drawing: Any) -> Any:
        given = {**self._settings, **drawing}
        first = [given.pop(name) for name in takewhile(given.__contains__, tuple(self._first))]
        return self._draw(*first, **given)

    def _image(self, drawn: Any, sample: Sample, size: int) -> Any:
        """An image of one's own memory; what is none is left to the check of all models' images."""
        told = f"{self._name}'s image for {sample.prompt_id} sample {sample.index}"
        if isinstance(drawn, Image.Image):
            return rgb_pixels(drawn, told)
        array = array_of(drawn)
        if array is None:
            return drawn
        array = channels_last(array)
        if not np.issubdtype(array.dtype, np.floating):
            return np.array(array, order="C")
        if not np.isfinite(array).all():
            raise FloatingPointError("the image holds values that are no numbers, nan or infinite")  # a failure
        return levels(array, self._range, told, HOW)


def _signature(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return []


def _stated_range(draw: Callable[..., Any], name: str) -> Range | None:
    while isinstance(draw, functools.partial):
        draw = draw.func
    return checked_range(getattr(draw, "value_range", None), f"value_range of {name}")


def _listed(drawn: Any) -> list[Any] | None:
    """The images of a batch; None for what holds none."""
    array = array_of(drawn)
    if array is not None:
        return list(array) if array.ndim else None
    return list(drawn) if isinstance(drawn, list | tuple) else None
