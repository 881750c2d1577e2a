"""Processes of a Ray cluster (actors) that compute for this one, on this machine or on others.

This process hands out tasks and takes what comes back; it alone writes, so that nothing but messages is shared. Ray
places actors and says when one is lost: its tasks are then done by others, and a new one takes its place. Where no task
is left to begin, an idle actor gets one that waits for another actor, or has been with it for long, and the first
answer counts: neither a slow machine nor one that has stopped holds up the end.
"""

import itertools
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Generic, TypeVar

from drawbench.errors import StageError, UserError, is_input_error
from drawbench.runs.workers import ALONE

AHEAD = 2  # tasks an actor is given before its first is back: none has to wait for this process
STUCK = 2.0  # times the usual seconds after which a task may be given to another actor, too
LOOK = 1.0  # seconds between two looks at what the cluster has room for, and at what is stuck
PATIENCE = 60.0  # seconds without any actor until that is said
LOSSES = 3  # of actors at the same task, or before the first is ready, after which it is not tried again

HELLO = -1  # stands for a map: the first answer of an actor

Task = TypeVar("Task")


@dataclass(frozen=True)
class Made:
    """Something that every actor makes for itself, once, when a task first needs it: a model, say.

    make: how, in Ray's store; of: from what.
    """

    id: int
    make: Any
    of: "Made | None" = None


@dataclass
class _Actor:
    """given: answers that it owes, in the order in which they were asked for, each with its map and the task there.

    since: when it came to the first of them. ready: it has answered before.
    """

    handle: Any
    given: dict[Any, tuple[int, int]]
    since: float = 0.0
    ready: bool = False

    def give(self, answer: Any, task: tuple[int, int]) -> None:
        """It owes this answer, too."""
        if not self.given:
            self.since = time.monotonic()
        self.given[answer] = task

    def take(self, answer: Any) -> float:
        """It owes this one no longer. Seconds since the one before."""
        self.given.pop(answer)
        before, self.since = self.since, time.monotonic()
        return self.since - before


class _Job(Generic[Task]):
    """The tasks of a map, numbered as their turn comes. open: those that have no answer yet."""

    def __init__(self, id: int, tasks: Iterable[Task]) -> None:
        self.id = id
        self.open: dict[int, Task] = {}
        self.seconds: list[float] = []  # of tasks that were done
        self._source, self._left = enumerate(tasks), deque[int]()
        self._losses = Counter[int]()

    def more(self) -> bool:
        """Whether there is anything to do or to wait for."""
        if not self.open and (number := self.next()) is not None:
            self._left.append(number)
        return bool(self.open)

    def next(self) -> int | None:
        """A task that no actor has."""
        if self._left:
            return self._left.popleft()
        for number, task in self._source:
            self.open[number] = task
            return number
        return None

    def out(self, actors: Sequence[_Actor]) -> list[int]:
        """What actors have been given."""
        return [number for actor in actors for job, number in actor.given.values() if job == self.id]

    def for_idle(self, actors: Sequence[_Actor]) -> int | None:
        """A task that is with one other actor only: which that has not begun, or else is at for unusually long."""
        copies, now = Counter(self.out(actors)), time.monotonic()
        unusual = max(LOOK, STUCK * median(self.seconds)) if self.seconds else float("inf")
        found = [
            (not place, number)
            for actor in actors
            for place, (job, number) in enumerate(actor.given.values())
            if job == self.id and number in self.open and copies[number] == 1
            if place or now - actor.since > unusual
        ]
        return min(found)[1] if found else None

    def lose(self, given: Sequence[tuple[int, int]], others: Sequence[_Actor]) -> int | None:
        """An actor is lost with what it was given. The task that it was at, if that has lost enough of them."""
        own = [number for job, number in given if job == self.id and number in self.open]
        self._left.extendleft(sorted(set(own) - set(self.out(others)), reverse=True))
        if not own or given[0] != (self.id, own[0]):
            return None
        self._losses[own[0]] += 1
        return own[0] if self._losses[own[0]] >= LOSSES else None


class Cluster:
    """The actors, as many as are asked for or as the cluster has room for. Made by `cluster_connection.connected`."""

    def __init__(self, workers: int | None, gpu: bool, note: Callable[[str], None]) -> None:
        """gpu: whether each actor has a GPU of its own."""
        self._workers, self._gpu, self._note = workers, gpu, note
        self._actors: list[_Actor] = []
        self._ids = itertools.count()
        self._unready = 0  # actors lost since the last answer
        self._looked, self._room = -LOOK, 1
        self._began = time.monotonic()

    @property
    def count(self) -> int:
        """The actors that work when there is enough to do."""
        if self._workers is None and time.monotonic() - self._looked >= LOOK:
            self._room = max(1, int(resources().get("GPU" if self._gpu else "CPU", 0)))
            self._looked = time.monotonic()
        return self._workers or self._room

    def made(self, make: Callable[..., object], of: Made | None = None) -> Made:
        """What `make` returns in an actor, from nothing, or from what the actor made `of`. It goes there by pickle."""
        import ray

        return Made(next(self._ids), ray.put(make), of)

    def call(self, made: Made, function: Callable[..., Any], *arguments: object) -> Any:
        """What `function` returns of something made and the arguments, in an actor."""
        [(_, answer)] = self.map(made, function, [arguments], lambda one: one, most=1)
        return answer

    def map(
        self,
        made: Made,
        function: Callable[..., Any],
        tasks: Iterable[Task],
        send: Callable[[Task], tuple[Any, ...]],
        name: Callable[[Task], str] = lambda _: "the same work",
        most: int | None = None,
    ) -> Generator[tuple[Task, Any], None, None]:
        """Each task with its answer, as they become ready. A task is asked for when its turn comes.

        send: the arguments of `function` after what was made. name: of a task, in an error. most: actors that could
        have anything to do. Raises what `function` raises; StageError when one task, or the making, loses
        several actors.
        """
        import ray

        job = _Job(next(self._ids), tasks)
        while job.more():
            self._fill(most)
            for actor, number in self._handed_out(job):
                answer = actor.handle.work.remote(made, function, send(job.open[number]))
                actor.give(answer, (job.id, number))
            for actor, answer in self._answered():
                given = list(actor.given.values())
                origin, number = actor.given[answer]
                ours, seconds = origin == job.id and number in job.open, actor.take(answer)
                try:
                    result, error = ray.get(answer)
                except ray.exceptions.RayTaskError as raised:
                    result, error = None, raised.as_instanceof_cause()
                except ray.exceptions.RayError as reason:
                    self._lose(actor, reason)
                    if (fatal := job.lose(given, self._actors)) is not None:
                        raise StageError(
                            f"{LOSSES} processes of the cluster were killed at {name(job.open[fatal])} (out of memory, "
                            "perhaps): mend that, then run the same command again."
                        ) from reason
                    continue
                actor.ready, self._unready = True, 0
                if ours and error is not None:
                    raise error
                if ours:
                    job.seconds.append(seconds)
                    yield job.open.pop(number), result

    def close(self) -> None:
        """End the actors, whatever they do."""
        for actor in self._actors:
            _kill(actor)
        self._actors = []

    def _fill(self, most: int | None) -> None:
        """New actors for those that are lost, and for room that came since."""
        import ray

        options = {"num_gpus": 1 if self._gpu else 0, "num_cpus": 1, "runtime_env": {"env_vars": ALONE}}
        while len(self._actors) < min(self.count, most or self.count):
            handle = ray.remote(_Work).options(**options).remote(str(Path.cwd()))
            self._actors.append(_Actor(handle, {handle.hello.remote(): (HELLO, 0)}))

    def _handed_out(self, job: _Job) -> Iterator[tuple[_Actor, int]]:
        """Which actor gets which task now: each one, then each its next."""
        for depth in range(AHEAD):
            for actor in self._actors:
                if actor.ready and len(actor.given) == depth:
                    number = job.next()
                    if number is None and not depth:
                        number = job.for_idle(self._actors)
                    if number is not None:
                        yield actor, number

    def _answered(self) -> list[tuple[_Actor, Any]]:
        """An answer that is there, with its actor; none after a while without."""
        import ray

        owed = {answer: actor for actor in self._actors for answer in actor.given}
        done, _ = ray.wait(list(owed), num_returns=1, timeout=LOOK)
        if any(actor.ready for actor in self._actors):
            self._began = float("inf")
        elif time.monotonic() - self._began > PATIENCE:
            self._began = float("inf")
            self._note(f"no process of the cluster is ready after {PATIENCE:.0f} s: it may have no room; still waiting")
        return [(owed[answer], answer) for answer in done]

    def _lose(self, actor: _Actor, reason: Exception) -> None:
        """Forget an actor that is gone. Raises StageError where none becomes ready."""
        self._actors.remove(actor)
        _kill(actor)
        self._unready += not actor.ready
        if self._unready == LOSSES:
            raise StageError(
                f"{LOSSES} processes of the cluster ended before they were ready ({_last_line(reason)}): mend that, "
                "then run the same command again."
            ) from reason


def _kill(actor: _Actor) -> None:
    import ray

    with suppress(Exception):  # it may be gone, and its node, too
        ray.kill(actor.handle)


class _Work:
    """An actor."""

    def __init__(self, folder: str) -> None:
        """folder: the other process's working directory, which is taken where there is one of this name."""
        if Path(folder).is_dir():
            os.chdir(folder)
        self._made: dict[int, Any] = {}

    def hello(self) -> tuple[None, None]:
        """It is ready."""
        return None, None

    def work(self, made: Made, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
        """What `function` returns, or the error of ours that it met: Ray would wrap it in one of its own."""
        try:
            return function(self._get(made), *arguments), None
        except Exception as error:
            if isinstance(error, UserError | StageError) or is_input_error(error):
                return None, error
            raise

    def _get(self, made: Made) -> Any:
        import ray

        if made.id not in self._made:
            make = ray.get(made.make)
            self._made[made.id] = make() if made.of is None else make(self._get(made.of))
        return self._made[made.id]


def resources() -> dict[str, float]:
    """What the cluster has: `CPU` and `GPU`, among others."""
    import ray

    return dict(ray.cluster_resources())


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
