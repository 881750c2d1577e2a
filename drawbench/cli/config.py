"""`--config run.toml`: the options of a command in a file."""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from drawbench.errors import UserError

OPTION = "--config"


def with_config(words: Sequence[str]) -> list[str]:
    """The command line with the options of the file that --config names before its own, which so have the last word.

    Raises UserError for a file that is not there or no TOML.
    """
    rest: list[str] = []
    read: list[str] = []
    given = list(words)
    while given:
        word = given.pop(0)
        if word == OPTION and given:
            read += _options(Path(given.pop(0)), words)
        elif word.startswith(f"{OPTION}="):
            read += _options(Path(word.partition("=")[2]), words)
        else:
            rest.append(word)
    return [*read, *rest]


def _options(path: Path, words: Sequence[str]) -> Iterator[str]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{OPTION} {path} cannot be read ({error.strerror}): check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{OPTION} {path} is no TOML file ({error}): write option = value, one a line") from error
    typed = {word.partition("=")[0] for word in words}  # options, and settings behind --set
    for name, value in data.items():
        if isinstance(value, dict):
            for key, each in value.items():
                if key not in typed:
                    yield from (f"--{name}", f"{key}={_text(each)}")
        elif isinstance(value, list) and f"--{name}" not in typed:
            for each in value:
                yield from (f"--{name}", _text(each))
        elif isinstance(value, bool):
            yield from [f"--{name}"] if value else []
        elif not isinstance(value, list):
            yield f"--{name}={_text(value)}"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
