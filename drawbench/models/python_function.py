"""`python:module:factory`: a model in the user's own Python file, without packaging it."""

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np
from PIL import Image

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, Setting, TextToImage, combined_sha256
from drawbench.models.any_class import ModelAround
from drawbench.models.registry import parse_setting
from metrics.features.weights import file_sha256

OURS = ("drawbench", "metrics", "reference_model", "human_eval_app")
DRAWING = ["prompt", "seed", "size"]  # the parameters of a plain drawing function

DrawingFunction = Callable[[str, int, int], Any]


class PythonAdapter(ModelAround):
    """What `factory(**settings)` returns: a TextToImage, or a function (prompt: str, seed: int, size: int) that returns
    a PIL image in mode RGB, a uint8 array (size, size, 3), or a Refused; its seed is below 2**32.

    `factory` may also be such a function itself. The module is looked for among the installed packages, then in
    the working directory. Its source is hashed into the plan, and so is every file or folder that a setting names, such
    as a checkpoint: changed code and changed weights make another plan.
    """

    def __init__(self, argument: str | None, settings: dict[str, str], device: str) -> None:
        """Raises UserError when module or factory is not there, shadows a package, or does not take the settings."""
        module_name, _, attribute = (argument or "").partition(":")
        if not (module_name and attribute):
            raise UserError(f"'python:{argument or ''}' names no model: write python:module:factory.")
        self._spec = f"{module_name}:{attribute}"
        module = load_user_module(module_name)
        factory = getattr(module, attribute, None)
        if not callable(factory):
            raise UserError(f"{module.__file__} defines no function '{attribute}': write python:module:factory.")
        self._source_sha256 = hashlib.sha256(Path(module.__file__ or os.devnull).read_bytes()).hexdigest()
        parsed = _parsed(settings)
        self._take(parsed)
        super().__init__(_model_of(factory, self._spec, parsed))

    def _take(self, settings: dict[str, Setting]) -> None:
        self._settings, self._weights_sha256 = settings, _files_sha256(settings)

    def with_settings(self, settings: Mapping[str, str]) -> Self | None:
        """The model's own answer, with the card that an adapter of these settings would have."""
        other = super().with_settings(settings)
        if other is not None:
            other._take(_parsed(settings))
        return other

    def card(self) -> ModelCard:
        """The model's own card, with adapter, spec, settings and the hash of the source filled in."""
        card = self._model.card()
        if not isinstance(card, ModelCard):
            raise UserError(f"card() of python:{self._spec} returned a {type(card).__name__}: return a ModelCard.")
        revision = " ".join(part for part in (card.revision, self._source_sha256) if part)
        settings = {**self._settings, **card.settings}
        weights = combined_sha256([digest for digest in (card.weights_sha256, self._weights_sha256) if digest])
        own = {"adapter": "python", "spec": self._spec, "revision": revision, "settings": settings}
        return card.model_copy(update={**own, "weights_sha256": weights})


def _parsed(settings: Mapping[str, str]) -> dict[str, Setting]:
    return {key: parse_setting(value) for key, value in settings.items()}


def _files_sha256(settings: Mapping[str, Setting]) -> str:
    """One digest over the files and folders that settings name, by their place there; empty where none does."""
    named = [Path(value) for _, value in sorted(settings.items()) if isinstance(value, str) and Path(value).exists()]
    files = [(root, file) for root in named for file in ([root] if root.is_file() else sorted(root.rglob("*")))]
    digests = [f"{file.relative_to(root)}\t{file_sha256(file)}" for root, file in files if file.is_file()]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest() if digests else ""


class FunctionModel(TextToImage):
    """A TextToImage made of a function that draws one image at a time."""

    def __init__(self, draw: DrawingFunction, name: str) -> None:
        self._draw = draw
        self._name = name

    def card(self) -> ModelCard:
        """A card that says no more than the function's name."""
        return ModelCard(adapter="python", spec=self._name, name=self._name)

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        """One call per sample. Raises UserError for a PIL image that is not RGB."""
        return [self._image(self._draw(sample.text, sample.seed32, size), sample) for sample in samples]

    def _image(self, drawn: Any, sample: Sample) -> np.ndarray | Refused:
        if not isinstance(drawn, Image.Image):
            return drawn
        if drawn.mode != "RGB":
            raise UserError(
                f"{self._name} drew {sample.prompt_id} sample {sample.index} in mode {drawn.mode}: "
                "return mode RGB, for example with image.convert('RGB')."
            )
        return np.asarray(drawn)


def load_user_module(name: str) -> ModuleType:
    """Import a module of the user's, from the working directory where no package has its name.

    Raises UserError when it is not there, fails to import, or when a local file would be mistaken for a package.
    """
    folder = Path.cwd()
    for taken in (name.partition(".")[0], *OURS):
        _refuse_shadowing(taken, folder)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: a file here never replaces a module that something else needs
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise UserError(f"there is no Python module '{name}' in {folder} or among the packages.") from error
        raise UserError(f"the module '{name}' needs the package '{error.name}': install it here.") from error
    except Exception as error:  # the user's code runs here, and can raise anything
        raise UserError(f"the module '{name}' fails to import ({type(error).__name__}: {error}): mend it.") from error


def _refuse_shadowing(name: str, folder: Path) -> None:
    """A local metrics.py beside our package metrics: one of them would be imported for the other."""
    local = [path for path in (folder / f"{name}.py", folder / name / "__init__.py") if path.is_file()]
    if not local:
        return
    found = _installed(name, folder)
    if found is None or Path(found.origin or "").resolve() in [path.resolve() for path in local]:
        return
    owner = "this program" if name in OURS else "Python or an installed package"
    raise UserError(
        f"{local[0]} has the name of the package '{name}' of {owner} ({found.origin}), and one would be taken for "
        "the other: rename your file, or run from another directory."
    )


def _installed(name: str, folder: Path) -> ModuleSpec | None:
    """What `import name` finds when the working directory comes last."""
    before = list(sys.path)
    elsewhere = [entry for entry in before if entry and Path(entry).resolve() != folder.resolve()]
    sys.path[:] = [*elsewhere, str(folder)]
    try:
        return find_spec(name)
    except (ImportError, ValueError):
        return None
    finally:
        sys.path[:] = before


def _model_of(factory: Callable[..., Any], spec: str, settings: dict[str, Setting]) -> Any:
    if _required(factory) == DRAWING and not settings:
        return FunctionModel(factory, spec)
    parameters = inspect.signature(factory).parameters.values()
    keys = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    unknown = sorted(set(settings) - set(keys))
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters):
        known = f"its settings are {', '.join(keys)}" if keys else "it takes none"
        raise UserError(f"python:{spec} has no setting '{unknown[0]}': {known}.")
    absent = [name for name in _required(factory) if name not in settings]
    if absent:
        raise UserError(f"python:{spec} needs a value for '{absent[0]}': give it with --set {absent[0]}=VALUE.")
    try:
        made = factory(**settings)
    except UserError:
        raise
    except Exception as error:  # the user's code runs here, and can raise anything
        raise UserError(f"python:{spec} fails when called ({type(error).__name__}: {error}): mend it.") from error
    if hasattr(made, "card") and hasattr(made, "generate"):
        return made
    if callable(made) and _required(made) == DRAWING:
        return FunctionModel(made, spec)
    raise UserError(
        f"python:{spec} returned a {type(made).__name__}: return an object with card() and generate(samples, size), "
        "or a function (prompt, seed, size)."
    )


def _required(function: Callable[..., Any]) -> list[str]:
    """The names of the parameters without a default, in order; a function that hides its signature has none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return []
    return [p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
