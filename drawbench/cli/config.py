"""`--config run.toml`: the options of a command in a file."""

import argparse
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from drawbench.errors import UserError, is_input_error

OPTION = "--config"
SETTINGS = "set"  # the option whose values a file may hold as a table
_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?")


@dataclass(frozen=True)
class Given:
    """An option of a file: its name, the value as text, and where it stands (`run.toml, line 3`)."""

    name: str
    value: str
    place: str
    is_flag: bool = False

    @property
    def words(self) -> list[str]:
        """As on a command line."""
        if self.is_flag:
            return [f"--{self.name}"]
        return ["--set", self.value] if self.name == SETTINGS else [f"--{self.name}={self.value}"]

    @property
    def title(self) -> str:
        """What people call it: the option, or the setting of a model."""
        return self.value.partition("=")[0] if self.name == SETTINGS else f"--{self.name}"

    def is_meant(self, message: str) -> bool:
        """Whether a message speaks of it, by its name or its value."""
        named = re.search(rf"(?<![\w-]){re.escape(self.title)}(?![\w-])", message) is not None
        return named or (len(self.value) > 3 and self.value in message)


def with_config(words: Sequence[str], parser: argparse.ArgumentParser) -> tuple[list[str], list[Given]]:
    """The command line with the options of the file that --config names before its own, which so have the last word;
    and the options of the file.

    Raises UserError that names the file, and the line of what the command's parser does not take.
    """
    if OPTION not in parser._option_string_actions:
        return list(words), []
    actions = _actions(parser)
    rest: list[str] = []
    given: list[Given] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == OPTION and left:
            given += _options(Path(left.pop(0)), words, actions)
        elif word.startswith(f"{OPTION}="):
            given += _options(Path(word.partition("=")[2]), words, actions)
        else:
            rest.append(word)
    return [*(word for each in given for word in each.words), *rest], given


@contextmanager
def told_where(given: Sequence[Given]) -> Iterator[None]:
    """An input error inside says where in the file the options stand that it speaks of, by their names or values."""
    try:
        yield
    except Exception as error:
        said = str(error)
        spoken = [each for each in given if each.is_meant(said)]
        if not spoken or not (isinstance(error, UserError) or is_input_error(error)):
            raise
        places = "; ".join(f"{each.title} is set in {each.place}" for each in spoken)
        raise UserError(f"{said.removesuffix('.')} ({places})") from error


def _actions(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {
        option.removeprefix("--"): action
        for action in parser._actions  # which argparse shows nowhere else
        for option in action.option_strings
        if option.startswith("--") and option not in ("--help", OPTION)
    }


def _options(path: Path, words: Sequence[str], actions: dict[str, argparse.Action]) -> Iterator[Given]:
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise UserError(f"{OPTION} {path} cannot be read ({error.strerror}): check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{OPTION} {path} is no TOML file ({error}): write option = value, one a line") from error
    typed = {word.partition("=")[0] for word in words}  # options, and settings behind --set
    for name, value in data.items():
        action = actions.get(name)
        if name == OPTION.removeprefix("--"):
            raise UserError(f"{_place(path, text, name)}: a file names no other file: give {OPTION} twice instead")
        if action is None:
            raise UserError(_unknown(_place(path, text, name), name, actions))
        if isinstance(value, dict):
            if name != SETTINGS:
                raise UserError(f"{_place(path, text, name)}: [{name}] is a table, and only [set] may be one")
            pairs = [(key, f"{key}={_text(each)}") for key, each in value.items() if key not in typed]
            found = [Given(name, pair, _place(path, text, key, name)) for key, pair in pairs]
        else:
            found = list(_of_values(name, value, action, _place(path, text, name))) if f"--{name}" not in typed else []
        for each in found:
            _check(each, action)
            yield each


def _of_values(name: str, value: Any, action: argparse.Action, place: str) -> Iterator[Given]:
    """One for each value; none for a flag that is false. Raises UserError for a kind that the option does not take."""
    several, flag = isinstance(action, argparse._AppendAction), action.nargs == 0
    if flag != isinstance(value, bool):
        raise UserError(f"{place}: {name} = {_text(value)} is not {_taken(action)}, which --{name} takes")
    if isinstance(value, list) and not several:
        raise UserError(f'{place}: {name} is a list, and --{name} takes one value: write {name} = "..."')
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, bool) or each:
            yield Given(name, _text(each), place, flag)


def _check(given: Given, action: argparse.Action) -> None:
    """Raises UserError for a value that the option does not take, such as a word for a number."""
    if given.is_flag or not callable(action.type):
        return
    try:
        action.type(given.value)
    except (ValueError, TypeError, argparse.ArgumentTypeError):
        raise UserError(
            f"{given.place}: {given.name} = {given.value} is not {_taken(action)}, which --{given.name} takes"
        ) from None


def _taken(action: argparse.Action) -> str:
    """What an option takes, in words."""
    if action.nargs == 0:
        return "true or false"
    return "a whole number" if action.type is int else "a text in quotes"


def _unknown(place: str, name: str, actions: dict[str, argparse.Action]) -> str:
    like = get_close_matches(name, actions, n=1, cutoff=0.6)
    meant = f"did you mean {like[0]}?" if like else "`--help` lists the options"
    return f"{place}: {name} is no option of this command; {meant}"


def _place(path: Path, text: str, key: str, table: str = "") -> str:
    """The file and the line where a key, or a table of that name, stands; the file alone where it is written oddly."""
    here = ""
    assigned = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""")
    for number, line in enumerate(text.splitlines(), start=1):
        heading = _TABLE.fullmatch(line)
        here = heading[1].strip("\"' ") if heading else here
        if (assigned.match(line) and here == table) or (heading and not table and here == key):
            return f"{path}, line {number}"
    return str(path)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
