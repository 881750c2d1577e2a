"""How long work tells what it does, without knowing where that is shown."""

from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Shows nothing; the base of those that do. Counts are in `unit`s (images, rows, ...)."""

    def start(self, label: str, done: int, total: int, unit: str = "images") -> None:
        """Work begins with `done` of `total` already there."""

    def advance(self, count: int) -> None:
        """`count` more are done."""

    def finish(self) -> None:
        """The work that was started has stopped, done or not."""

    @contextmanager
    def counted(self, label: str, done: int, total: int, unit: str = "images") -> Iterator[None]:
        """Inside, the work that `start` and `finish` mean."""
        self.start(label, done, total, unit)
        try:
            yield
        finally:
            self.finish()

    def note(self, message: str) -> None:
        """One sentence that a user should see."""
