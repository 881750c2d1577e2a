"""One way to fill templates: everything that is put into a page is escaped, and a name that is missing is an error."""

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

STYLE = "style.css"
TABLES = "tables.css"
ELEMENTS = "elements.js"


def render(name: str, *packages: str, **values: Any) -> str:
    """The template of that name, of `packages` or of this one, filled."""
    return _environment(packages).get_template(name).render(**values)


def macro(name: str, of: str, *packages: str) -> Callable[..., str]:
    """One macro of a template, for what is made piece by piece."""
    return getattr(_environment(packages).get_template(name).module, of)


def style() -> str:
    """The style of all pages; it loads nothing."""
    return table_style() + own_text(__package__, STYLE)


def table_style() -> str:
    """The style of tables alone, which touches nothing outside of an element of class `drawbench`."""
    return own_text(__package__, TABLES)


def elements() -> str:
    """The script with which those of other pages make elements; it stands before them."""
    return own_text(__package__, ELEMENTS)


def script_data(data: object) -> str:
    """What a script of data holds, as short as can be. Raises ValueError for NaN, of which no script would know."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False)


def own_text(package: str, name: str) -> str:
    """A file of a package, such as a script or a style."""
    return (files(package) / name).read_text(encoding="utf-8")


@cache
def _environment(packages: tuple[str, ...]) -> "Environment":
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [PackageLoader(package, "") for package in (*packages, __package__)]
    environment = Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["thousands"] = lambda number: f"{number:,}"
    return environment
