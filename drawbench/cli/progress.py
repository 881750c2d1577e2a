"""Progress on stderr: a bar on a terminal, plain lines elsewhere; and stopping long work in an orderly way."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from tqdm import tqdm

from drawbench.progress import Progress

LINE_EVERY = 10.0  # seconds


class BarProgress(Progress):
    """A bar with rate and time left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm | None = None

    def start(self, label: str, done: int, total: int, unit: str = "images") -> None:
        """Show the bar, with what is already there as its beginning."""
        self._bar = tqdm(desc=label, initial=done, total=total, unit=f" {unit}", file=self._stream, smoothing=0.05)

    def advance(self, count: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(count)

    def finish(self) -> None:
        """Leave the bar where it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def note(self, message: str) -> None:
        """Write a line above the bar."""
        tqdm.write(message, file=self._stream)


class LineProgress(Progress):
    """A line at the beginning, every ten seconds, and at the end: for logs."""

    def __init__(self, stream: TextIO, every: float = LINE_EVERY) -> None:
        self._stream = stream
        self._every = every
        self._label, self._unit = "", ""
        self._first = self._done = self._total = 0
        self._began = self._shown = 0.0

    def start(self, label: str, done: int, total: int, unit: str = "images") -> None:
        """Begin to count."""
        self._label, self._unit = label, unit
        self._first, self._done, self._total = done, done, total
        self._began = time.monotonic()
        self._show()

    def advance(self, count: int) -> None:
        """Count, and write a line when the last is old enough."""
        self._done += count
        if time.monotonic() - self._shown >= self._every:
            self._show()

    def finish(self) -> None:
        """Write the last line."""
        self._show()

    def note(self, message: str) -> None:
        """Write a line."""
        print(message, file=self._stream, flush=True)

    def _show(self) -> None:
        self._shown = time.monotonic()
        taken, made = self._shown - self._began, self._done - self._first
        line = f"{self._label}: {self._done} of {self._total} {self._unit}"
        if made and taken > 0:
            rate = made / taken
            shown = f"{rate:.3g}" if rate < 1000 else f"{rate:,.0f}"
            line += f", {shown} per second, {(self._total - self._done) / rate:.0f} s left"
        self.note(line)


def shown_progress(stream: TextIO | None = None) -> Progress:
    """The progress that fits the stream, stderr by default."""
    stream = stream or sys.stderr
    return BarProgress(stream) if stream.isatty() else LineProgress(stream)


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Inside, SIGTERM (a scheduler's way to stop a job) raises KeyboardInterrupt, as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
