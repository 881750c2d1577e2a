"""Model spec strings: which adapter `--model` names, loaded only when it is the one asked for."""

import gc
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast

from drawbench.errors import StageError, UserError, first_line, is_input_error
from drawbench.interface import Setting, TextToImage
from drawbench.launcher import launched
from drawbench.models.any_class import as_text_to_image

ENTRY_POINT_GROUP = "drawbench.models"

# What an adapter is made from: the part of the spec after the first colon (None without one), --set, --device.
Adapter = Callable[[str | None, dict[str, str], str], Any]

# name -> (where the adapter is, its spec in help and messages)
BUILT_IN: dict[str, tuple[str, str]] = {
    "reference": ("drawbench.models.reference:ReferenceAdapter", "reference[:CHECKPOINT]"),
    "world": ("drawbench.models.world_renderer:WorldRenderer", "world"),
    "folder": ("drawbench.models.folder.adapter:FolderAdapter", "folder:DIR"),
    "python": ("drawbench.models.python_function:PythonAdapter", "python:module:factory"),
    "diffusers": ("drawbench.models.diffusers.adapter:DiffusersAdapter", "diffusers:PATH_OR_ID"),
    "http": ("drawbench.models.images_api:ImagesApi", "http:URL"),
}
WITHOUT_DEVICE = ("folder", "python", "http")  # not worth loading torch for


def resolve_model(spec: str, settings: Mapping[str, str], device: str) -> TextToImage:
    """The model that `spec` names, with its settings (text, as typed) and device.

    Raises UserError when no adapter has that name, or when the adapter refuses its argument or a setting.
    """
    name, colon, argument = spec.partition(":")
    contributed = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in BUILT_IN and name not in contributed:
        if name.endswith(".py"):
            raise UserError(
                f"--model {spec} names a Python file: write --model python:{name}:{argument or 'FUNCTION'}."
            )
        if name == "https":
            raise UserError(f"a server's address comes after http: here, so write --model http:{spec}.")
        raise UserError(f"there is no model adapter '{name}': use one of {', '.join(model_specs(contributed))}.")
    device = device if name in WITHOUT_DEVICE else choose_device(device)
    adapter = _built_in(name) if name in BUILT_IN else _contributed(contributed[name])
    made = adapter(argument if colon else None, dict(settings), device)
    model = as_text_to_image(made, f"the model adapter '{name}'")
    model.recipe = Recipe(spec, dict(settings), device)
    return model


class LoadedModels:
    """Models by spec and settings. What was loaded last is kept, and shared where it can be; never more than that."""

    def __init__(self, device: str, loading: Callable[[str], AbstractContextManager[None]] | None = None) -> None:
        """loading: around each loading of a spec, as a context."""
        self._device, self._loading = device, loading or (lambda spec: nullcontext())
        self._texts: Path | None = None
        self._spec = ""
        self._loaded: TextToImage | None = None

    def __call__(self, spec: str, settings: Mapping[str, str]) -> TextToImage:
        model = self._shared(spec, settings) or self._load(spec, settings)
        model.recipe = Recipe(spec, dict(settings), self._device, self._texts)
        return model

    def _shared(self, spec: str, settings: Mapping[str, str]) -> TextToImage | None:
        return self._loaded.with_settings(dict(settings)) if self._loaded is not None and spec == self._spec else None

    def _load(self, spec: str, settings: Mapping[str, str]) -> TextToImage:
        self._loaded = None  # there may be no room for both
        gc.collect()  # networks that refer to themselves, too
        with self._loading(spec):
            self._spec, self._loaded = spec, resolve_model(spec, settings, self._device)
        self._share_texts(self._loaded)
        return self._loaded

    def keep_texts(self, folder: Path) -> None:
        """From now on features of texts are kept there, by models that can."""
        if folder != self._texts:
            self._texts = folder
            if self._loaded is not None:
                self._share_texts(self._loaded)

    def _share_texts(self, model: TextToImage) -> None:
        if self._texts is not None:
            model.keep_texts(self._texts)


@dataclass(frozen=True)
class Recipe:
    """How to make a model in another process, by pickle. texts: where features of texts are kept, if they are."""

    spec: str
    settings: Mapping[str, str]
    device: str
    texts: Path | None = None

    def __call__(self) -> TextToImage:
        """The model; networks that an earlier call loaded in this process are shared where they can be."""
        models = _of_this_process(self.device)
        if self.texts is not None:
            models.keep_texts(self.texts)
        return models(self.spec, self.settings)


@lru_cache(maxsize=1)
def _of_this_process(device: str) -> LoadedModels:
    return LoadedModels(device)


def choose_device(device: str) -> str:
    """`auto` as cuda where there is one (a rank's own, where there are ranks), else cpu; any other device as it is.

    Raises UserError when it is not here.
    """
    import torch

    if device == "auto":
        place = launched()
        number = f":{place.local % torch.cuda.device_count()}" if place and torch.cuda.is_available() else ""
        return f"cuda{number}" if torch.cuda.is_available() else "cpu"
    kind, _, number = device.partition(":")
    if kind == "cuda" and number.isdigit() and torch.cuda.is_available() and int(number) >= torch.cuda.device_count():
        there = ", ".join(f"cuda:{index}" for index in range(torch.cuda.device_count()))
        raise UserError(f"there is no {device} on this machine: use --device {there.replace(', ', ' or ')}.")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"the device '{device}' cannot be used here ({reason}): try --device cpu.") from error
    return device


def model_specs(contributed: Mapping[str, EntryPoint] | None = None) -> list[str]:
    """The specs that `--model` takes: the built-in ones, then those of installed packages."""
    found = contributed if contributed is not None else {p.name: p for p in entry_points(group=ENTRY_POINT_GROUP)}
    return [spec for _, spec in BUILT_IN.values()] + sorted(f"{name}:..." for name in found if name not in BUILT_IN)


def parse_setting(text: str) -> Setting:
    """The value of a setting as typed: true, false and none in any case, whole and decimal numbers, else the text."""
    words: dict[str, Setting] = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        return value if value - value == 0 else text  # nan and inf have no JSON form
    return text


def _built_in(name: str) -> Adapter:
    module, _, attribute = BUILT_IN[name][0].partition(":")
    return cast(Adapter, getattr(import_module(module), attribute))


def _contributed(point: EntryPoint) -> Adapter:
    package = point.dist.name if point.dist else point.value

    def make(argument: str | None, settings: dict[str, str], device: str) -> Any:
        try:
            return point.load()(argument, settings, device)
        except (UserError, StageError):
            raise
        except (Exception, SystemExit) as error:  # others' code runs here, and can raise anything
            if isinstance(error, Exception) and is_input_error(error):
                raise
            raise UserError(
                f"the model adapter '{point.name}' of {package} cannot be loaded ({type(error).__name__}: "
                f"{first_line(error)}): mend or reinstall it."
            ) from error

    return make
