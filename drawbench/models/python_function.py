"""`python:module:factory`: a model in the user's own Python file, without packaging it."""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, Setting, combined_sha256
from drawbench.models.any_class import ModelAround
from drawbench.models.drawing_function import FunctionModel, drawing_parameters, parameters_of, required, takes_any
from drawbench.models.registry import parse_setting
from drawbench.models.user_module import load_user_module
from drawbench.terminal import printed_to_stderr
from metrics.features.weights import file_sha256

FUNCTIONS = "(prompt, seed, size) or (prompts, seeds, size)"
ALIKE = {"prompt", "prompts", "text", "texts", "caption", "seed", "seeds"}  # what a function that draws may ask for


class PythonAdapter(ModelAround):
    """What `factory(**settings)` returns: a TextToImage, or a function (prompt: str, seed: int, size: int) that returns
    an image as `FunctionModel` takes it, or a Refused; its seed is below 2**32. One (prompts, seeds, size) returns a
    list of these.

    `factory` may also be such a function itself, and its other parameters are then the settings. The module is looked
    for among the installed packages, then in the working directory; the path of a file names it, too. Its source is
    hashed into the plan, and so is every file or folder that a setting names, such as a checkpoint: changed code and
    changed weights make another plan. What the user's code prints goes to stderr.
    """

    def __init__(self, argument: str | None, settings: dict[str, str], device: str) -> None:
        """Raises UserError when module or factory is not there, shadows a package, or does not take the settings."""
        place, _, attribute = (argument or "").rpartition(":")
        if not (place and attribute):
            raise UserError(f"'python:{argument or ''}' names no model: write python:module:factory.")
        parsed = _parsed(settings)
        with printed_to_stderr():
            module = load_user_module(place)
            self._spec = f"{module.__name__}:{attribute}"
            factory = getattr(module, attribute, None)
            if not callable(factory):
                raise UserError(f"{module.__file__} defines no function '{attribute}': write python:module:factory.")
            self._source_sha256 = hashlib.sha256(Path(module.__file__ or os.devnull).read_bytes()).hexdigest()
            self._take(parsed)
            drawing = drawing_parameters(factory)
            self._parameters = {
                name: "needed" if parameter.default is parameter.empty else repr(parameter.default)
                for name, parameter in parameters_of(factory).items()
                if name not in drawing
            }
            super().__init__(_model_of(factory, self._spec, parsed))

    def _take(self, settings: dict[str, Setting]) -> None:
        self._settings, self._weights_sha256 = settings, _files_sha256(settings)

    @property
    def known_settings(self) -> Mapping[str, str]:  # type: ignore[override]
        """The parameters of the factory, or of the function, that are no part of drawing."""
        return dict(self._parameters)

    def with_settings(self, settings: Mapping[str, str]) -> Self | None:
        """The model's own answer, with the card that an adapter of these settings would have."""
        other = super().with_settings(settings)
        if other is not None:
            other._take(_parsed(settings))
        return other

    def card(self) -> ModelCard:
        """The model's own card, with adapter, spec, settings and the hash of the source filled in."""
        with printed_to_stderr():
            card = self._model.card()
        if not isinstance(card, ModelCard):
            raise UserError(f"card() of python:{self._spec} returned a {type(card).__name__}: return a ModelCard.")
        revision = " ".join(part for part in (card.revision, self._source_sha256) if part)
        settings = {**self._settings, **card.settings}
        weights = combined_sha256([digest for digest in (card.weights_sha256, self._weights_sha256) if digest])
        own = {"adapter": "python", "spec": self._spec, "revision": revision, "settings": settings}
        return card.model_copy(update={**own, "weights_sha256": weights})

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """The model's images, unchecked."""
        with printed_to_stderr():
            return super().generate(samples, size)


def _parsed(settings: Mapping[str, str]) -> dict[str, Setting]:
    return {key: parse_setting(value) for key, value in settings.items()}


def _files_sha256(settings: Mapping[str, Setting]) -> str:
    """One digest over the files and folders that settings name, by their place there; empty where none does."""
    named = [Path(value) for _, value in sorted(settings.items()) if isinstance(value, str) and Path(value).exists()]
    files = [(root, file) for root in named for file in ([root] if root.is_file() else sorted(root.rglob("*")))]
    digests = [f"{file.relative_to(root)}\t{file_sha256(file)}" for root, file in files if file.is_file()]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest() if digests else ""


def _model_of(factory: Callable[..., Any], spec: str, settings: dict[str, Setting]) -> Any:
    drawing = drawing_parameters(factory)
    _check_settings(factory, spec, settings, drawing)
    if drawing:
        return FunctionModel(factory, spec, settings)
    try:
        made = factory(**settings)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # the user's code runs here, and can raise anything
        raise UserError(f"python:{spec} fails when called ({type(error).__name__}: {error}): mend it.") from error
    if hasattr(made, "card") and hasattr(made, "generate"):
        return made
    if callable(made):
        drawing = drawing_parameters(made)
        if drawing and set(required(made)) <= set(drawing):
            return FunctionModel(made, spec)
    parameters = f" with the parameters ({', '.join(parameters_of(made))})" if callable(made) else ""
    raise UserError(
        f"python:{spec} returned a {type(made).__name__}{parameters}: return an object with card() and "
        f"generate(samples, size), or a function {FUNCTIONS}."
    )


def _check_settings(
    function: Callable[..., Any], spec: str, settings: Mapping[str, Setting], drawing: Collection[str]
) -> None:
    """drawing: parameters that every image has of its own. Raises UserError for a setting too many or too few."""
    keys = [name for name in parameters_of(function) if name not in drawing]
    unknown = sorted(name for name in settings if name in drawing or (name not in keys and not takes_any(function)))
    if unknown:
        known = f"its settings are {', '.join(keys)}" if keys else "it takes none"
        raise UserError(f"python:{spec} has no setting '{unknown[0]}': {known}.")
    absent = [name for name in required(function) if name not in settings and name not in drawing]
    if absent:
        draws = f"; a function that draws is one of {FUNCTIONS}" if ALIKE & {*keys} else ""
        raise UserError(f"python:{spec} needs a value for '{absent[0]}': give it with --set {absent[0]}=VALUE{draws}.")
