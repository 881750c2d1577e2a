"""Two clocks: a busy machine adds time to that on the wall, and hardly any to the processor's.

It only ever adds, so of several rounds the fastest counts, and suites take turns.
"""

import math
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

BUSY = """
import sys, torch
from reference_model.cascade import SamplingSettings
from reference_model.checkpoint import load_cascade
torch.set_num_threads(int(sys.argv[1]))
cascade = load_cascade()
print(flush=True)
while True:
    list(cascade.generate(["a red cup"] * 8, range(8), 64, [SamplingSettings(16, 2.0)]))
"""


@dataclass
class Fastest:
    """The least seconds of some rounds. cpu: in all threads, and in processes that ended. value: the last round's."""

    wall: float = math.inf
    cpu: float = math.inf
    value: float = math.nan

    @contextmanager
    def round(self) -> Iterator[None]:
        """Times what is inside."""
        wall, cpu = time.perf_counter(), _cpu()
        yield
        self.wall = min(self.wall, time.perf_counter() - wall)
        self.cpu = min(self.cpu, _cpu() - cpu)


def in_turns(suites: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Fastest]:
    """Every suite once a round, without what peers print and warn of."""
    found = {name: Fastest() for name in suites}
    for _ in range(rounds):
        for name, run in suites.items():
            with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                warnings.simplefilter("ignore")
                with found[name].round():
                    found[name].value = run()
    return found


@contextmanager
def neighbour(threads: int | None = None) -> Iterator[None]:
    """Inside, another process draws on so many cores, by default all, with a thread on each."""
    from drawbench.cores import usable_cores

    command = [sys.executable, "-c", BUSY, str(threads or usable_cores())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        program.stdout.readline()  # it has begun
        try:
            yield
        finally:
            program.kill()


def _cpu() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
