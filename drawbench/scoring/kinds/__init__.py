"""Kinds of metrics, a file for each family: whoever adds a file here has added its metrics."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from drawbench.scoring.kinds.kind import MetricKind


@cache
def kinds() -> tuple[MetricKind, ...]:
    """All kinds that the files of this folder define, in the order of their first columns."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    found = (value for module in modules for value in vars(module).values() if isinstance(value, MetricKind))
    return tuple(sorted(dict.fromkeys(found), key=lambda kind: kind.measures[0].column))
