"""diffusers and the hub, quietened, and with what goes wrong in them said in one sentence."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from drawbench.errors import UserError, first_line

FOR_DEVELOPERS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
LIBRARIES = ("diffusers", "transformers", "huggingface_hub")
INSTALL = "pip install 'drawbench[diffusers]'"
NEWLY_INITIALIZED = "newly initialized"  # in the warnings of both libraries about weights that a file lacks


def import_diffusers() -> ModuleType:
    """The library, or UserError that names what to install."""
    try:
        import diffusers
    except ImportError as error:
        raise UserError(f"the model 'diffusers' needs the package diffusers ({error}): {INSTALL}.") from error
    return diffusers


class _Capture(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def quiet_libraries() -> Iterator[list[str]]:
    """Inside, the libraries log nothing and show no bars of loading; gives the list that their warnings go to."""
    capture = _Capture()
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [capture], False
        logger.setLevel(logging.WARNING)
    switches = _loading_bars()
    for library in switches:
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # advice to whoever wrote a configuration or a library
            yield capture.messages
    finally:
        for library in switches:
            library.enable_progress_bar()
        for logger, handlers, level, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)


@contextmanager
def warnings_in(messages: list[str]) -> Iterator[None]:
    """Inside, Python's warnings are appended to `messages`, too, but for advice to developers; none is printed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # whatever Python was told to ignore
        yield
    messages += [str(one.message) for one in caught if not issubclass(one.category, FOR_DEVELOPERS)]


def _loading_bars() -> list[Any]:
    """Where the bars of loading are switched; only libraries that show them now."""
    try:
        import diffusers.utils.logging as of_diffusers
        import transformers.utils.logging as of_transformers
    except ImportError:
        return []
    return [library for library in (of_diffusers, of_transformers) if library.is_progress_bar_enabled()]


@contextmanager
def hub_error(spec: str, revision: str | None) -> Iterator[None]:
    """Inside, what the hub or the way to it answers becomes a UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise _hub_sentence(error, spec, revision) from error


def _hub_sentence(error: BaseException, spec: str, revision: str | None) -> UserError:
    from huggingface_hub import errors

    causes = list(_causes(error))
    if any(isinstance(cause, errors.GatedRepoError) for cause in causes):
        return UserError(
            f"{spec} is gated: accept its terms at https://huggingface.co/{spec}, then log in with `hf auth login`."
        )
    if any(isinstance(cause, errors.RevisionNotFoundError) for cause in causes):
        return UserError(f"{spec} has no revision '{revision}': give a branch, tag or commit of it.")
    if any(isinstance(cause, errors.RepositoryNotFoundError) for cause in causes):
        return UserError(
            f"there is no model {spec} on the hub, or it is private: check the name, or log in with `hf auth login`."
        )
    if any(isinstance(cause, errors.RemoteEntryNotFoundError) for cause in causes):
        return UserError(f"{spec} is no diffusers pipeline (the hub has no model_index.json of it): name another.")
    if isinstance(error, ImportError):
        return missing_package(error, spec)
    if any(isinstance(cause, errors.LocalEntryNotFoundError | ConnectionError | TimeoutError) for cause in causes):
        return UserError(
            f"{spec} is not on this machine and the hub cannot be reached: connect to the network, or name a folder."
        )
    return UserError(f"{spec} cannot be fetched from the hub ({first_line(error)}): name a folder that holds it.")


def missing_package(error: ImportError, spec: str) -> UserError:
    """For a pipeline whose parts need a package that is not installed."""
    return UserError(f"{spec} needs a package that is not installed ({first_line(error)}): {INSTALL}, or install it.")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device's memory, or the machine's, was too small: torch has a type for the first alone."""
    import torch

    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in seen:
        seen.append(following)
        yield following
        following = following.__cause__ or following.__context__
