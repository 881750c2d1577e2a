"""Several processes that fill one run together, started by torchrun or another launcher.

They share the run's directory, and a store of keys which the launcher serves. Rank 0 plans, seals and speaks; it tells
the others what is missing, and each takes the next piece of work when it has finished one. Nothing of it outlives the
launch: the directory alone says what is done.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from drawbench.errors import StageError, UserError, first_line, is_input_error
from drawbench.launcher import Place, launched

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

POLL = 0.1  # seconds between two looks: a wait inside the store could not be interrupted
BEAT = 5.0  # seconds between two signs of life
SILENCE = 120.0  # seconds without one after which a rank counts as lost
OVER = "rank 0 has stopped."
FAREWELL = 600.0  # seconds that a rank which failed leaves to rank 0 to say so, before the launcher ends all


@dataclass(frozen=True)
class Task:
    """What rank 0 asks of the others. run: the path. threads: of torch while it draws. missing: slices, by index."""

    run: str
    plan_sha256: str
    threads: int | None
    missing: tuple[int, ...]


class Ranks:
    """The processes of a launch, as one of them sees them. Made by `gathered`."""

    def __init__(self, store: "Store", place: Place) -> None:
        self.place = place
        self._base = store
        self._store = store
        self._joined = False
        self._ended = threading.Event()
        self._alive: dict[int, tuple[int, float]] = {}  # of each other rank, signs heard and since when none
        if place.rank == 0:
            self._join(secrets.token_hex(8))
            self._base.set("session", self._session)

    @property
    def is_member(self) -> bool:
        """Whether it is another than rank 0."""
        return self.place.rank > 0

    def assign(self, task: Task) -> None:
        """Rank 0: wait for all others, and tell them what there is to do.

        Raises UserError when one of them would draw another plan, and the error of one that failed.
        """
        tokens = []
        for rank in range(1, self.place.size):
            hello = self._awaited(f"hello/{rank}")
            self._raise_failure(hello)
            if hello["plan_sha256"] != task.plan_sha256:
                raise UserError(
                    f"rank {rank} would draw another plan ({hello['plan_sha256'][:12]}, not {task.plan_sha256[:12]}): "
                    "start all ranks with the same options, files and versions."
                )
            tokens.append(hello["token"])
        for token in tokens:
            self._tell(f"task/{token}", asdict(task))
        now = time.monotonic()
        self._alive = dict.fromkeys(range(1, self.place.size), (0, now))

    def join(self, plan_sha256: str) -> Task:
        """Another rank: say which plan it would draw; what rank 0 asks."""
        task = self._greet({"plan_sha256": plan_sha256})
        threading.Thread(target=self._beat, name="sign-of-life", daemon=True).start()
        return Task(**{**task, "missing": tuple(task["missing"])})

    def deal(self, what: str, count: int) -> Iterator[int]:
        """Numbers below `count`, each to one rank alone, the next when one asks. Rank 0 looks after the others."""
        while (number := int(self._store.add(f"next/{what}", 1)) - 1) < count:
            self.check()
            yield number

    def count(self, what: str, more: int) -> None:
        """Add to a number that rank 0 reads by `counted`."""
        self._store.add(f"count/{what}", more)

    def counted(self, what: str) -> int:
        """What all have counted so far."""
        return int(self._store.add(f"count/{what}", 0))

    def announce(self, what: str, facts: dict[str, Any]) -> None:
        """Rank 0: tell something that others await."""
        self._tell(f"news/{what}", facts)

    def awaited(self, what: str) -> dict[str, Any]:
        """Another rank: what rank 0 announces, once it has."""
        return self._awaited(f"news/{what}")

    def wait(self, what: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Rank 0: until all others have counted one of `what`. Raises the error of one that failed or is lost."""
        while self.counted(what) < self.place.size - 1:
            meanwhile()
            self.check()
            time.sleep(POLL)
        meanwhile()

    def check(self) -> None:
        """Raises the error of a rank that failed, and StageError when one is lost, or when rank 0 has stopped."""
        if self.is_member:
            if self._heard("over") is not None:
                raise StageError(OVER)
            return
        self._raise_failure(self._heard("failure") or {})
        now = time.monotonic()
        for rank, (beats, since) in self._alive.items():
            heard = self.counted(f"alive/{rank}")
            if heard != beats:
                self._alive[rank] = (heard, now)
            elif now - since > SILENCE and not self._heard(f"left/{rank}"):
                raise StageError(
                    f"rank {rank} has given no sign of life for {SILENCE:.0f} s: run the same command again, with "
                    "fewer ranks where its machine is gone."
                )

    def leave(self) -> None:
        """This process is done with the others; rank 0, which may serve the store, goes last."""
        self._ended.set()
        if self.is_member and self._joined:
            self._tell(f"left/{self.place.rank}", {})
            return
        end = time.monotonic() + BEAT
        while not self.is_member and self._alive and time.monotonic() < end:
            if all(self._heard(f"left/{rank}") is not None for rank in self._alive):
                return
            time.sleep(POLL)

    def fail(self, error: Exception) -> None:
        """Tell the others. A rank other than 0 leaves it time to say so before this process ends, which ends all."""
        if not self.is_member:
            self._tell("over", {})
            for hello in filter(None, (self._heard(f"hello/{rank}") for rank in range(1, self.place.size))):
                self._tell(f"task/{hello['token']}", {"over": True})
            return
        kind = "input" if isinstance(error, UserError) or is_input_error(error) else "stage"
        known = kind == "input" or isinstance(error, StageError)
        text = str(error) if known else f"it failed ({type(error).__name__}: {first_line(error)}), as said above."
        facts = {"rank": self.place.rank, "kind": kind, "text": text}
        end = time.monotonic() + FAREWELL
        with suppress(RuntimeError, StageError):  # rank 0 is gone already, and perhaps the store with it
            if self._joined:
                self._tell("failure", facts)
            self._greet(facts, end)

    def _greet(self, hello: dict[str, Any], end: float = float("inf")) -> Any:
        """Say hello to rank 0 of this launch and await its answer, until `end`.

        What an earlier launch left in the store may still be there, so it is said again when the session changes.
        """
        token, asked = secrets.token_hex(8), ""
        while time.monotonic() < end:
            session = self._base.get("session").decode() if self._base.check(["session"]) else ""
            if session != asked:
                self._join(session)
                self._tell(f"hello/{self.place.rank}", {**hello, "token": token})
                asked = session
            if asked and (task := self._heard(f"task/{token}")) is not None:
                if "over" in task:
                    raise StageError(OVER)
                return task
            time.sleep(POLL)
        return None

    def _join(self, session: str) -> None:
        from torch._C._distributed_c10d import PrefixStore

        self._session = session
        self._store = PrefixStore(session, self._base)
        self._joined = True

    def _beat(self) -> None:
        with suppress(RuntimeError):  # rank 0 is gone, as the main thread will see
            while not self._ended.wait(BEAT):
                self.count(f"alive/{self.place.rank}", 1)

    def _tell(self, key: str, facts: dict[str, Any]) -> None:
        self._store.set(key, json.dumps(facts))

    def _heard(self, key: str) -> dict[str, Any] | None:
        return cast(dict[str, Any], json.loads(self._store.get(key))) if self._store.check([key]) else None

    def _awaited(self, key: str) -> dict[str, Any]:
        while (facts := self._heard(key)) is None:
            self.check()
            time.sleep(POLL)
        return facts

    def _raise_failure(self, facts: dict[str, Any]) -> None:
        if "kind" in facts:
            kind = UserError if facts["kind"] == "input" else StageError
            raise kind(f"rank {facts['rank']}: {facts['text']}")


@contextmanager
def gathered() -> Iterator[Ranks | None]:
    """The ranks of this launch, inside; None where this process is the only one.

    What another rank than 0 fails with inside is told to rank 0. Raises UserError where they cannot meet.
    """
    place = launched()
    if place is None:
        yield None
        return
    ranks = Ranks(_store(), place)
    try:
        yield ranks
    except Exception as error:
        if ranks.is_member and _is_of_store(error):
            raise StageError(OVER) from error
        ranks.fail(error)
        raise
    else:
        ranks.leave()


def _is_of_store(error: Exception) -> bool:
    """Whether the store is gone, and so the launch."""
    from torch.distributed import DistNetworkError, DistStoreError

    return isinstance(error, DistNetworkError | DistStoreError)


def _store() -> "Store":
    """The store of the launch; a GPU of its own becomes what this process calls `cuda`."""
    import torch
    from torch._C._distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    place = launched()
    assert place is not None
    if torch.cuda.is_available():
        torch.cuda.set_device(place.local % torch.cuda.device_count())
    try:
        store, _, _ = next(iter(rendezvous("env://")))
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"rank {place.rank} of {place.size} cannot meet the others ({first_line(error)}): start it with torchrun, "
            "or unset RANK and WORLD_SIZE."
        ) from error
    return PrefixStore("drawbench", store)
