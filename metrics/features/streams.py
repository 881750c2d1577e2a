"""Networks on a CPU: one single-threaded stream per core, each with a slice of the batch.

Streams wait for one another once a batch, threads inside an operator hundreds of times: on cores that others use too,
the waiting costs more than half of the speed.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier
from typing import TypeVar

import numpy as np
import torch

LARGEST_SLICE = 8  # images; larger slices fall out of the cache, and oneDNN then sums in another order

Item = TypeVar("Item")


def in_streams(compute: Callable[[Sequence[Item]], np.ndarray], batch: Sequence[Item]) -> np.ndarray:
    """`compute` over slices of the batch, one stream per torch thread; the results joined in order.

    `compute` turns n items into an array whose first axis is n, and must not depend on how a batch is sliced.
    """
    threads = torch.get_num_threads()
    size = max(1, min(LARGEST_SLICE, -(-len(batch) // threads)))
    slices = [batch[start : start + size] for start in range(0, len(batch), size)]
    if threads == 1 or len(slices) == 1:
        return np.concatenate([compute(part) for part in slices])
    return np.concatenate(list(_streams(threads, os.getpid()).map(compute, slices)))


@lru_cache(maxsize=2)
def _streams(threads: int, process: int) -> ThreadPoolExecutor:
    """The pool of this process: a forked child has none of its parent's threads."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="stream", initializer=_single_threaded)
    together = Barrier(threads)
    list(pool.map(lambda _: together.wait(), range(threads)))  # all of them are started now, none later
    torch.set_num_threads(threads)  # the streams' setting reached libraries that keep one for the whole process
    return pool


def _single_threaded() -> None:
    torch.get_num_threads()  # torch sets up a new thread at its first question, and would undo what was set before
    torch.set_num_threads(1)
