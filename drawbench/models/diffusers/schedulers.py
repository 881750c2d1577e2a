"""The scheduler that a pipeline draws with: the checkpoint's, or another class of diffusers, and its options."""

import inspect
from collections.abc import Mapping
from copy import copy
from typing import Any

from drawbench.errors import UserError, first_line
from drawbench.interface import Setting
from drawbench.models.diffusers.libraries import import_diffusers, quiet_libraries
from drawbench.models.registry import parse_setting

# Of networks that were distilled for them; diffusers does not list them as compatible, and takes them as it takes DDIM.
OF_DISTILLED = ("LCMScheduler", "TCDScheduler")


def with_scheduler(loaded: Any, name: str | None, options: Mapping[str, str] | None = None, prefix: str = "") -> Any:
    """The same networks behind a scheduler of its own: of the class of that name, else as `loaded` has it.

    options: entries of its configuration, as typed; prefix: what their settings begin with, beside `scheduler.`.
    `loaded` stays as it is, and so does every other pipeline made from it, whatever one does to its scheduler.
    Raises UserError for a scheduler that does not fit, and for options that it does not have or cannot draw with.
    """
    own = loaded.components.get("scheduler")
    if own is None:
        return loaded
    scheduler = copy(own) if name is None else _of_class(own, name)
    if options:
        scheduler = _with_options(scheduler, options, f"{prefix}scheduler.")
    return _with_part(loaded, own, scheduler)


def scheduler_facts(pipeline: Any, loaded: Any, prefix: str = "") -> dict[str, Setting]:
    """The class of its scheduler, and the options that are not as the checkpoint, `loaded`, has them."""
    scheduler, own = pipeline.components.get("scheduler"), loaded.components.get("scheduler")
    if scheduler is None:
        return {}
    before = own.config if type(scheduler) is type(own) else _of_class(own, type(scheduler).__name__).config
    changed = {name: value for name, value in scheduler.config.items() if not name.startswith("_")}
    changed = {name: value for name, value in changed.items() if name not in before or before[name] != value}
    facts: dict[str, Setting] = {f"{prefix}scheduler": type(scheduler).__name__}
    return facts | {f"{prefix}scheduler.{name}": value for name, value in changed.items()}


def _with_part(pipeline: Any, old: Any, new: Any) -> Any:
    """A copy of a pipeline with another part; also in the pipelines that a combined one is made of."""
    from diffusers import DiffusionPipeline

    changed = copy(pipeline)
    for name, value in vars(pipeline).items():
        if value is old:
            setattr(changed, name, new)
        elif isinstance(value, DiffusionPipeline):
            setattr(changed, name, _with_part(value, old, new))
    return changed


def _of_class(own: Any, name: str) -> Any:
    """A scheduler of another class with the configuration of the pipeline's own. Raises UserError when it fits not."""
    diffusers = import_diffusers()
    fitting = {type(own).__name__, *(one.__name__ for one in own.compatibles)}
    if "DDIMScheduler" in fitting and "learned" not in str(own.config.get("variance_type")):
        fitting |= set(OF_DISTILLED)
    listed = ", ".join(sorted(fitting))
    if name not in fitting:
        raise UserError(f"--set scheduler={name} does not fit this pipeline: use one of {listed}.")
    try:
        return getattr(diffusers, name).from_config(own.config)
    except (ImportError, ValueError, TypeError) as error:
        raise UserError(f"--set scheduler={name} cannot be used ({first_line(error)}): use one of {listed}.") from error


def _with_options(scheduler: Any, options: Mapping[str, str], prefix: str) -> Any:
    """The same with other entries of its configuration. Raises UserError that names the option which is none."""
    kind = type(scheduler)
    defaults = {name: one.default for name, one in inspect.signature(kind.__init__).parameters.items()}
    known = [name for name, value in defaults.items() if isinstance(value, bool | int | float | str) or value is None]
    typed: dict[str, Setting] = {}
    for name, text in options.items():
        if name not in known:
            raise UserError(f"a {kind.__name__} has no option '{name}': its options are {', '.join(known)}.")
        typed[name] = _typed(text, defaults[name], f"--set {prefix}{name}={text}")
    given = ", ".join(f"--set {prefix}{name}={text}" for name, text in options.items())
    with quiet_libraries():
        try:
            changed = kind.from_config(scheduler.config, **typed)
            if _fails(scheduler) is None and (error := _fails(changed)) is not None:
                raise error
        except Exception as error:  # each class has its own way of meeting a word that it does not know
            raise UserError(
                f"{given} cannot be used with {kind.__name__} ({first_line(error)}): give a value that it has."
            ) from error
    return changed


def _typed(text: str, default: Setting, words: str) -> Setting:
    """As the default's type; a default of None takes whatever is typed."""
    value = parse_setting(text)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        bool: isinstance(value, bool),
        int: number and isinstance(value, int),
        float: number,
        str: isinstance(value, str),
    }
    if default is None or value is None or fits[type(default)]:
        return float(text) if isinstance(default, float) and value is not None else value
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}
    raise UserError(f"{words} is not {kinds[type(default)]}: give {kinds[type(default)]}, such as {default}.")


def _fails(scheduler: Any) -> Exception | None:
    """What it meets in one step on zeros; those that need more than a number of steps fail whatever their options."""
    import torch

    tried, zeros = copy(scheduler), torch.zeros(1, 4, 8, 8)
    try:
        tried.set_timesteps(2)
        tried.step(zeros, tried.timesteps[0], zeros)
    except Exception as error:
        return error
    return None
