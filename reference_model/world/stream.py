"""Batches of training examples, drawn ahead by several processes; what a batch holds depends on its step alone.

Each process runs `python -m reference_model.world.drawing`, which imports no deep-learning library. Steps are dealt to
the processes in turn. A process that is ahead waits until its last batch is fetched, so little is held in memory.
"""

import pickle
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

from reference_model.errors import ReferenceModelError
from reference_model.world.examples import Batch, ExampleKind, batch_seeds, draw_batch

_AHEAD = 2  # steps that each process has been asked for


class BatchStream:
    """Batches of `count` examples of a kind, by step; the examples' seeds are `batch_seeds(seed, step, count)`.

    With no workers the batches are drawn when they are asked for, and are the same. stride: how far apart the steps are
    that are asked for, where several ranks share them.
    """

    def __init__(self, kind: ExampleKind, seed: str, count: int, workers: int, stride: int = 1) -> None:
        self._kind, self._seed, self._count, self._stride = kind, seed, count, stride
        self._workers = [_Worker() for _ in range(workers)]
        self._next = 0  # the step that can be fetched
        self._asked = 0  # the first step that no worker has been asked for

    def batch(self, step: int) -> Batch:
        """The batch of a step; steps in their order come fastest. Raises ReferenceModelError when a process is gone."""
        if not self._workers:
            return draw_batch(self._kind, batch_seeds(self._seed, step, self._count))
        if step != self._next:
            self._restart_at(step)
        while self._asked < step + _AHEAD * len(self._workers) * self._stride:
            self._worker(self._asked).ask((self._kind, self._seed, self._asked, self._count))
            self._asked += self._stride
        self._next = step + self._stride
        return self._worker(step).fetch()

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.close()
        self._workers = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _worker(self, step: int) -> "_Worker":
        return self._workers[step // self._stride % len(self._workers)]

    def _restart_at(self, step: int) -> None:
        """Forget what was asked for: its answers would come first."""
        if self._asked > self._next:
            count = len(self._workers)
            self.close()
            self._workers = [_Worker() for _ in range(count)]
        self._next = self._asked = step


class _Worker:
    """One process that draws: requests go to its standard input, batches come from its standard output."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "reference_model.world.drawing"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request: tuple[ExampleKind, str, int, int]) -> None:
        """Requests are short, so this never waits for a process that waits for its batch to be fetched."""
        assert self._process.stdin is not None
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._gone() from error

    def fetch(self) -> Batch:
        assert self._process.stdout is not None
        try:
            batch: Batch = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError) as error:
            raise self._gone() from error
        return batch

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # a request is left that a process which died never read
                    pipe.close()
        self._process.terminate()
        self._process.wait()

    def _gone(self) -> ReferenceModelError:
        return ReferenceModelError(
            f"a process that draws training images ended with code {self._process.wait()}: "
            "see what it said above, and use fewer --workers if memory was short"
        )
