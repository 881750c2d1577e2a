"""How long work tells what it does, without knowing where that is shown."""


class Progress:
    """Shows nothing; the base of those that do. Counts are in `unit`s (images, rows, ...)."""

    def start(self, label: str, done: int, total: int, unit: str = "images") -> None:
        """Work begins with `done` of `total` already there."""

    def advance(self, count: int) -> None:
        """`count` more are done."""

    def finish(self) -> None:
        """The work that was started has stopped, done or not."""

    def note(self, message: str) -> None:
        """One sentence that a user should see."""
