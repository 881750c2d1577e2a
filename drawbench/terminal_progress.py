"""Progress on stderr: a bar on a terminal, plain lines elsewhere; and stopping long work in an orderly way."""

import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from tqdm import tqdm

from drawbench.launcher import is_member
from drawbench.progress import Progress

LINE_EVERY = 10.0  # seconds
PATIENCE = 1.0  # seconds without a word
RECENT = 60.0  # seconds whose rate the estimate of the time left goes by
BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{spent}, {rate_fmt}, {left} left]"


class Pace:
    """How fast work went of late, and how long the rest will take at that."""

    def __init__(self, done: int) -> None:
        self._marks = deque([(time.monotonic(), done)])

    def mark(self, done: int) -> None:
        """So much is done now."""
        now = time.monotonic()
        self._marks.append((now, done))
        while len(self._marks) > 2 and self._marks[1][0] <= now - RECENT:
            self._marks.popleft()

    @property
    def rate(self) -> float | None:
        """Units per second, over the last minute or the last step where that took longer; None before the first."""
        (began, first), (ended, last) = self._marks[0], self._marks[-1]
        return (last - first) / (ended - began) if last > first and ended > began else None

    def left(self, units: int) -> str:
        """h:mm:ss for so many more; `?` before the first step."""
        return f"{clock(units / self.rate)}" if self.rate else "?"


def clock(seconds: float) -> str:
    """h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


class _Bar(tqdm):
    def __init__(self, pace: Pace, **options: Any) -> None:
        self._pace = pace
        super().__init__(**options, bar_format=BAR)

    @property
    def format_dict(self) -> dict[str, Any]:
        facts = super().format_dict
        left = self._pace.left(facts["total"] - facts["n"])
        return {**facts, "rate": self._pace.rate, "spent": clock(facts["elapsed"]), "left": left}


class BarProgress(Progress):
    """A bar with rate and time left."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: _Bar | None = None

    def start(self, label: str, done: int, total: int, unit: str = "images") -> None:
        """Show the bar, with what is already there as its beginning."""
        self._pace = Pace(done)
        options: dict[str, Any] = {"desc": label, "initial": done, "total": total, "unit": f" {unit}"}
        self._bar = _Bar(self._pace, **options, file=self._stream)

    def advance(self, count: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._pace.mark(int(self._bar.n) + count)
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
        self._done = self._total = 0
        self._told = -1  # what was done when the last line was written
        self._shown = 0.0
        self._pace = Pace(0)

    def start(self, label: str, done: int, total: int, unit: str = "images") -> None:
        """Begin to count."""
        self._label, self._unit = label, unit
        self._done, self._total = done, total
        self._pace = Pace(done)
        self._show()

    def advance(self, count: int) -> None:
        """Count, and write a line when the last is old enough."""
        self._done += count
        self._pace.mark(self._done)
        if time.monotonic() - self._shown >= self._every:
            self._show()

    def finish(self) -> None:
        """Write the last line, unless it has been written."""
        if self._done != self._told:
            self._show()

    def note(self, message: str) -> None:
        """Write a line."""
        print(message, file=self._stream, flush=True)

    def _show(self) -> None:
        self._shown, self._told = time.monotonic(), self._done
        line = f"{self._label}: {self._done} of {self._total} {self._unit}"
        if rate := self._pace.rate:
            shown = f"{rate:.3g}" if rate < 1000 else f"{rate:,.0f}"
            line += f", {shown} per second"
            line += f", {self._pace.left(self._total - self._done)} left" if self._done < self._total else ""
        self.note(line)


def shown_progress(stream: TextIO | None = None) -> Progress:
    """The progress that fits the stream, stderr by default; none in a process that only helps another."""
    if is_member():
        return Progress()
    stream = stream or sys.stderr
    return BarProgress(stream) if stream.isatty() else LineProgress(stream)


@contextmanager
def waiting(message: str, progress: Progress, after: float = PATIENCE) -> Iterator[None]:
    """Notes the message when what is inside takes longer than `after` seconds."""
    timer = threading.Timer(after, progress.note, [f"{message} ..."])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


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
