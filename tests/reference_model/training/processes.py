"""The ranks of one launch, forked from a server that has imported what they need."""

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from types import ModuleType
from typing import Any

import torch

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    ["torch._dynamo", "torch.distributed.fsdp", "torch.distributed.tensor", "reference_model.training.stage", "pytest"]
)
Started = list[tuple[ForkServerProcess, Connection]]


def started(work: Callable[..., Any], size: int, *arguments: Any) -> Started:
    """Start `work(*arguments)` in so many processes, each with the variables that a launcher sets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(size):
        theirs, ours = SERVER.Pipe()
        variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1"}
        process = SERVER.Process(target=_run, args=(work, arguments, {**variables, "MASTER_PORT": port}, theirs))
        with _without_main():
            process.start()
        theirs.close()
        processes.append((process, ours))
    return processes


@contextmanager
def _without_main() -> Iterator[None]:
    """A new process runs the file of the main module again, which an earlier test may have exchanged (Streamlit's)."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def results(processes: Started) -> list[Any]:
    """What each returned; what one raised is raised here."""
    ended = [pipe.recv() for _, pipe in processes]
    for process, _ in processes:
        process.join()
    for result in ended:
        if isinstance(result, BaseException):
            raise result
    return ended


def in_ranks(size: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `work(*arguments)` returns in each of so many ranks."""
    return results(started(work, size, *arguments))


def _run(work: Callable[..., Any], arguments: tuple[Any, ...], variables: dict[str, Any], pipe: Connection) -> None:
    os.environ.update({name: str(value) for name, value in variables.items()})
    torch.set_num_threads(1)
    try:
        pipe.send(work(*arguments))
    except BaseException as error:
        pipe.send(error)
