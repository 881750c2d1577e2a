"""A Python file of the user's, imported by the name of its module or by its path."""

import importlib
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from drawbench.errors import UserError

OURS = ("drawbench", "metrics", "reference_model", "human_eval_app")


def load_user_module(place: str) -> ModuleType:
    """Import a module by its name, from the working directory where no package has it, or by the path of its file.

    Raises UserError when it is not there, fails to import, or when a local file would be mistaken for a package.
    """
    name, folder = _located(place)
    for taken in (name.partition(".")[0], *OURS):
        _refuse_shadowing(taken, folder)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: a file here never replaces a module that something else needs
    importlib.invalidate_caches()
    return _imported(name, folder)


def _located(place: str) -> tuple[str, Path]:
    """The module's name, and the folder that it is looked for in: that of a file which is named."""
    if not (place.endswith(".py") or "/" in place or os.sep in place):
        return place, Path.cwd()
    file = Path(place).expanduser().absolute()
    if file.suffix != ".py" or not file.is_file():
        raise UserError(f"there is no Python file {place}: write python:FILE.py:factory, or python:module:factory.")
    return file.stem, file.parent


def _imported(name: str, folder: Path) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise UserError(f"there is no Python module '{name}' in {folder} or among the packages.") from error
        raise UserError(f"the module '{name}' needs the package '{error.name}': install it here.") from error
    except SystemExit as error:
        raise UserError(
            f"the module '{name}' ends the program when it is imported (sys.exit): put what only a script does "
            'below `if __name__ == "__main__":`.'
        ) from error
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
