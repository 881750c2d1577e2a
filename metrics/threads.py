"""Fewer threads where several would wait for each other, and for whatever else runs.

A Fréchet distance at 2048 dimensions takes as long on one thread as on two, on an idle machine; beside other work on
two it takes two to twenty times as long.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Run torch, where it is loaded, with so many threads; None leaves them as they are. Also a decorator."""
    torch = sys.modules.get("torch")
    if torch is None or count is None or count == (before := torch.get_num_threads()):
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run linear algebra of numpy, scipy and torch in the calling thread alone. Also a decorator."""
    with _blas().limit(limits=1, user_api="blas"), torch_threads(1):
        yield


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401  # has a library of its own, which must be there to be found

    return ThreadpoolController()
