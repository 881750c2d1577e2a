"""What a model is, before a run: what its plan would hold, what it takes, and the networks that it has loaded."""

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

from drawbench.errors import UserError
from drawbench.interface import TextToImage

LEAVES = (type, MethodType, ModuleType)
DEPTH = 5  # how far networks are looked for in attributes, lists and dictionaries


@dataclass(frozen=True)
class Network:
    """A torch module. name: where the model has it. dtype: of most of its parameters, whose number and bytes follow."""

    name: str
    kind: str
    dtype: str
    parameters: int
    bytes: int


def description(model: TextToImage) -> dict[str, Any]:
    """For JSON. size: pixels when none are asked for, or None where one must be. settings: as the plan would hold them,
    defaults too. takes: what --set takes beside them, or in other words."""
    card = model.card()
    try:
        size: int | None = int(model.native_size)
    except UserError:
        size = None
    return {
        **{name: getattr(card, name) for name in ("name", "adapter", "spec", "revision", "weights_sha256")},
        "size": size,
        "device": str(model.device),
        "one_at_a_time": model.one_at_a_time,
        "at_once": model.concurrency,
        "settings": dict(card.settings),
        "takes": dict(model.known_settings),
        "networks": [asdict(network) for network in networks(model)],
    }


def networks(model: object) -> list[Network]:
    """The torch modules that a model holds; none where torch is not loaded."""
    torch = sys.modules.get("torch")
    return [_network(name, module) for name, module in _modules(model, torch.nn.Module)] if torch else []


def _modules(root: object, kind: type) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    level: list[tuple[str, object]] = [("", root)]
    for _ in range(DEPTH + 1):
        below: list[tuple[str, object]] = []
        for name, thing in level:
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            if isinstance(thing, kind):
                yield name or "model", thing
            else:
                below += _inside(name, thing)
        level = below


def _inside(name: str, thing: object) -> Iterator[tuple[str, object]]:
    if isinstance(thing, dict):
        yield from ((f"{name}[{key}]", value) for key, value in thing.items())
    elif isinstance(thing, list | tuple):
        yield from ((f"{name}[{number}]", value) for number, value in enumerate(thing))
    elif isinstance(thing, FunctionType):  # a function that draws has its networks around it
        cells = zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True)
        yield from ((f"{name}.{key}".strip("."), value) for key, cell in cells for value in _content(cell))
    elif hasattr(thing, "__dict__") and not isinstance(thing, LEAVES):
        yield from ((f"{name}.{key.strip('_')}".strip("."), value) for key, value in vars(thing).items())


def _content(cell: CellType) -> list[object]:
    try:
        return [cell.cell_contents]
    except ValueError:  # nothing was assigned to it
        return []


def _network(name: str, module: Any) -> Network:
    parameters = list(module.parameters())
    sizes: dict[str, int] = {}
    for each in parameters:
        dtype = str(each.dtype).removeprefix("torch.")
        sizes[dtype] = sizes.get(dtype, 0) + each.numel()
    return Network(
        name=name,
        kind=type(module).__name__,
        dtype=max(sizes, key=lambda dtype: sizes[dtype], default=""),
        parameters=sum(sizes.values()),
        bytes=sum(each.numel() * each.element_size() for each in parameters),
    )
