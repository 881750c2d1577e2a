"""Options at the end of a prompt set's name, as in `coco:ROOT,n=10000,seed=1,no-people`."""

import re
from collections.abc import Collection

from drawbench.errors import UserError
from drawbench.prompts.captions import Choice

CHOICE = ("n", "seed")
NO_PEOPLE = "no-people"


def split_options(text: str, known: Collection[str]) -> tuple[str, dict[str, str]]:
    """What stands before the options, and the options by name; `no-people` has an empty value.

    A comma begins an option only where a known name follows, so that paths may hold commas.
    Raises UserError for an option given twice or without a value.
    """
    names = "|".join(map(re.escape, known))
    head, *parts = re.split(rf",(?=(?:{names})=|{NO_PEOPLE}(?:,|$))", text)
    options: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if name in options:
            raise UserError(f"the prompt set {text!r} has the option {name} twice; keep one")
        if equals and not value:
            raise UserError(f"the prompt set {text!r} gives the option {name} no value; write {name}=VALUE")
        options[name] = value
    return head, options


def choice_of(options: dict[str, str], text: str) -> Choice:
    """The choice that the options n, seed and no-people ask for. Raises UserError for what is no number."""
    numbers = {}
    for name in CHOICE:
        if name in options:
            if not re.fullmatch(r"-?[0-9]{1,18}", options[name]):
                raise UserError(f"the prompt set {text!r} has {name}={options[name]}; give a whole number")
            numbers[name] = int(options[name])
    return Choice(numbers.get("n"), numbers.get("seed", 0), people=NO_PEOPLE not in options)
