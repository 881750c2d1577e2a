"""Running pieces of work as transactions: tried again after a lost connection, refused in one sentence otherwise."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from human_eval_app.store.database.engine import BUSY_SECONDS, READ_ONLY
from human_eval_app.store.database.faults import fault_of, refusal_of

T = TypeVar("T")
PATIENCE_SECONDS = 20.0  # how long a lost database is waited for: a restart takes less
CONFLICTS = 10  # how often a transaction that met another one is tried again


class WaitingLine:
    """A lock whose waiters get it in the order in which they came.

    Python's own lock goes to whoever asks at the right moment: among fifty writers some then wait for seconds.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._waiters: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Wait for one's turn and keep it for the block. Raises StoreRefusal after so many seconds."""
        if not self._acquire(seconds):
            raise refusal_of("busy")
        try:
            yield
        finally:
            self._release()

    def _acquire(self, seconds: float) -> bool:
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Event()
            self._waiters.append(mine)
        try:
            if mine.wait(seconds):
                return True
        except BaseException:  # an interrupt must not leave the turn with somebody who is gone
            if not self._stepped_out(mine):
                self._release()
            raise
        return not self._stepped_out(mine)

    def _stepped_out(self, mine: threading.Event) -> bool:
        """Leave the line; False when the turn was handed over just before."""
        with self._guard:
            if mine.is_set():
                return False
            self._waiters.remove(mine)
            return True

    def _release(self) -> None:
        with self._guard:
            if self._waiters:
                self._waiters.popleft().set()  # still taken: it goes from hand to hand
            else:
                self._taken = False


class Transactions:
    """Runs work on one engine.

    Work must do nothing on a second run when its first one was committed: after a connection is lost during the
    commit nobody knows whether it was, so it is run again.
    """

    def __init__(
        self, engine: Engine, patience_seconds: float = PATIENCE_SECONDS, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        self._engine = engine
        self._patience, self._busy = patience_seconds, busy_seconds
        on_sqlite = engine.dialect.name == "sqlite"
        options = (
            {READ_ONLY: True} if on_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        self._reads = engine.execution_options(**options)
        # SQLite has one writer at a time and lets the others poll. Within a process a line is quicker and fairer.
        self._line = WaitingLine() if on_sqlite else None

    def write(self, work: Callable[[Connection], T]) -> T:
        """The result of `work`, committed. Raises StoreRefusal when the database fails; then nothing is written."""

        def attempt() -> T:
            with self._turn(), self._engine.begin() as connection:
                return work(connection)

        return self._persist(attempt)

    def read(self, work: Callable[[Connection], T]) -> T:
        """The result of `work` on one snapshot of the database."""

        def attempt() -> T:
            with self._reads.begin() as connection:
                return work(connection)

        return self._persist(attempt)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that sees one state of the database for as long as it is open.

        Connections that were lost are replaced at its beginning. Raises StoreRefusal when the database fails later.
        """

        def attempt() -> Connection:
            connection = self._reads.connect()
            try:
                connection.execute(select(1))
            except BaseException:
                connection.close()
                raise
            return connection

        connection = self._persist(attempt)
        try:
            with connection:
                yield connection
        except (DBAPIError, PoolTimeout) as error:
            fault = fault_of(error)
            if fault == "other":
                raise
            raise refusal_of(fault) from error

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._line is None else self._line.turn(self._busy)

    def _persist(self, attempt: Callable[[], T]) -> T:
        give_up, conflicts, pause = time.monotonic() + self._patience, 0, 0.05
        while True:
            try:
                return attempt()
            except (DBAPIError, PoolTimeout) as error:
                fault = fault_of(error)
                if fault == "other":
                    raise
                conflicts += fault == "conflict"
                again = (fault == "lost" and time.monotonic() < give_up) or (
                    fault == "conflict" and conflicts <= CONFLICTS
                )
                if not again:
                    raise refusal_of(fault) from error
            time.sleep(pause if fault == "lost" else pause / 10)
            pause = min(2 * pause, 1.0)
