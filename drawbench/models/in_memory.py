"""Models that a program has in memory: images that are there already, and functions that draw."""

import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FunctionType
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


class FunctionInMemory(FunctionModel):
    """A function of the running program. Its source is part of the plan, as far as it can be read, and so are the plain
    values that it holds: of its closure, its object, its partial arguments and the globals that it names.

    untold: names of what else it holds, such as networks, of which no plan can tell whether they are what they were.
    """

    def __init__(self, draw: Callable[..., Any], settings: Mapping[str, Any]) -> None:
        """Raises UserError for settings that are no text, number or truth value."""
        if other := next((key for key, value in settings.items() if not isinstance(value, str | int | float)), None):
            kind = type(settings[other]).__name__
            raise UserError(f"the setting {other} is a {kind}: give a text, a number, or True or False.")
        super().__init__(draw, getattr(draw, "__name__", type(draw).__name__).strip("<>"), settings)
        self._given = dict(settings)
        called, held = _taken_apart(draw)
        try:
            source = inspect.getsource(called)
        except (OSError, TypeError):
            source = ""
        told = sorted((name, repr(value)) for name, value in held if _is_plain(value))
        self.untold = sorted({name for name, value in held if not _is_plain(value)})
        facts = source + json.dumps(told) if told else source
        self._revision = hashlib.sha256(facts.encode()).hexdigest() if facts else ""

    def card(self) -> ModelCard:
        card = super().card()
        return card.model_copy(update={"adapter": "memory", "revision": self._revision, "settings": self._given})


Held = list[tuple[str, Any]]


def _taken_apart(draw: Any) -> tuple[Any, Held]:
    """The function that is called in the end, and what it holds, with names; modules, classes and functions that close
    over nothing are left out."""
    held: Held = []
    while isinstance(draw, functools.partial):
        held += [(f"argument {n}", value) for n, value in enumerate(draw.args)] + [*draw.keywords.items()]
        draw = draw.func
    called = draw if inspect.isroutine(draw) else type(draw).__call__
    owner = getattr(draw, "__self__", None) if inspect.isroutine(draw) else draw
    if owner is not None and not inspect.ismodule(owner):
        held += getattr(owner, "__dict__", {}).items()
    called = getattr(called, "__func__", called)
    if inspect.isfunction(called):
        held += _of_function(called)
    return called, [(name, value) for name, value in held if not _is_code(value)]


def _of_function(called: FunctionType) -> Held:
    """Its closure, the globals that it names, its defaults."""
    held: Held = []
    for name, cell in zip(called.__code__.co_freevars, called.__closure__ or (), strict=True):
        with suppress(ValueError):  # not filled yet
            held.append((name, cell.cell_contents))
    held += [(name, called.__globals__[name]) for name in called.__code__.co_names if name in called.__globals__]
    parameters = inspect.signature(called).parameters.values()
    return held + [(each.name, each.default) for each in parameters if each.default is not each.empty]


def _is_code(value: Any) -> bool:
    return inspect.ismodule(value) or inspect.isclass(value) or (inspect.isroutine(value) and not _closes(value))


def _closes(function: Any) -> bool:
    return getattr(function, "__closure__", None) is not None or hasattr(
        getattr(function, "__self__", None), "__dict__"
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(each) for key, each in value.items())
    return value is None or isinstance(value, str | bytes | int | float | Path)


def model_in_memory(model: Any, settings: Mapping[str, Any]) -> TextToImage:
    """A TextToImage of an object with `card` and `generate`, or of a function as `FunctionModel` takes it.

    Raises UserError for anything else, and for settings of an object, which has its own.
    """
    if drawing_parameters(model):
        return FunctionInMemory(model, settings)
    if settings:
        raise UserError(
            f"a {type(model).__name__} has its own settings: leave settings out, or name the model by a spec."
        )
    if callable(model) and not hasattr(model, "generate"):
        raise UserError("the function does not draw: it needs the parameters prompt, seed and size.")
    return as_text_to_image(model, "the caller")
