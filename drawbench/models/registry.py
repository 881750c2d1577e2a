"""Model spec strings: which adapter `--model` names, loaded only when it is the one asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from drawbench.errors import UserError
from drawbench.interface import Setting, TextToImage
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
    model = _adapter(name, contributed)(argument if colon else None, dict(settings), device)
    return as_text_to_image(model, f"the model adapter '{name}'")


def choose_device(device: str) -> str:
    """`auto` as cuda where there is one, else cpu; any other device as it is. Raises UserError when it is not here."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
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


def _adapter(name: str, contributed: Mapping[str, EntryPoint]) -> Adapter:
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name][0].partition(":")
        return cast(Adapter, getattr(import_module(module), attribute))
    point = contributed[name]
    try:
        return cast(Adapter, point.load())
    except (ImportError, AttributeError) as error:
        package = point.dist.name if point.dist else point.value
        raise UserError(f"the model adapter '{name}' of {package} cannot be loaded ({error}): reinstall it.") from error
