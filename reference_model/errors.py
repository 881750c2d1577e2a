"""The one error of this package that a user's input can cause, and how its commands report it."""

import sys
from collections.abc import Callable, Sequence
from functools import wraps


class ReferenceModelError(ValueError):
    """A checkpoint, preset or setting that cannot be used. One sentence: what, where, what to do."""


def with_exit_code(command: Callable[..., None]) -> Callable[..., int]:
    """`python -m ...` with an exit code: 2, and one sentence on stderr, for a ReferenceModelError; otherwise 0."""

    @wraps(command)
    def main(arguments: Sequence[str] | None = None) -> int:
        try:
            command(arguments)
        except ReferenceModelError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        return 0

    return main
