"""The way to a Ray cluster: one that runs, or one of this machine that is started for as long as it is needed."""

import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from drawbench.cores import usable_cores
from drawbench.errors import UserError, first_line
from drawbench.runs.cluster import Cluster, resources

ANSWER = 10.0  # seconds that a cluster has to answer

# Of a Ray of our own: it listens on this machine only, to those who know its token, and tells nobody of itself.
# (Ray calls the first so because it was made for other systems.)
OF_OUR_OWN = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_worker_niceness": "0",
}


@contextmanager
def connected(
    address: str | None = None,
    workers: int | None = None,
    device: str = "auto",
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[Cluster]:
    """A cluster, inside: the one at `address` (`HOST:PORT` or `auto`), or one of this machine that ends with it.

    A connection that this process has already is used, and stays. device: cpu, or actors have a GPU each where the
    cluster has some. Raises UserError where Ray is not installed or no cluster is there.
    """
    if workers is not None and workers < 1:
        raise UserError(f"--workers {workers} makes no run: give a whole number of at least 1.")
    if address is not None:
        _look_for(address)
    else:
        os.environ.update({name: value for name, value in OF_OUR_OWN.items() if name not in os.environ})
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UserError("--engine ray needs Ray: pip install 'drawbench[ray]', on every machine.") from error
    with tempfile.TemporaryDirectory(prefix="drawbench-ray-", ignore_cleanup_errors=True) as folder:
        ours = not ray.is_initialized()
        if ours:
            _init(address, workers, folder)
        gpu = device.startswith("cuda") or (device == "auto" and resources().get("GPU", 0) >= 1)
        cluster = Cluster(workers, gpu, note)
        try:
            yield cluster
        finally:
            cluster.close()
            if ours:
                ray.shutdown()


def _look_for(address: str) -> None:
    """Raises UserError where nobody answers; Ray would try for more than a minute."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not (host and port.isascii() and port.isdigit()) or "://" in address:
        raise UserError(f"--address {address} is not known: write HOST:PORT, or auto on a machine of the cluster.")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"there is no Ray cluster at {address} ({first_line(error)}): start it, or mend --address."
        ) from None


def _init(address: str | None, workers: int | None, folder: str) -> None:
    """Connect, or start a cluster that keeps its files in `folder`. Leaves what SIGTERM does as it was."""
    import ray

    before = signal.getsignal(signal.SIGTERM)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        cores = max(workers or 1, usable_cores())
        options |= {"num_cpus": cores, "include_dashboard": False, "_temp_dir": folder}
    ray._private.worker._worker_logs_enabled = False  # or it prints what it has to say of a lost actor, on stdout
    try:
        ray.init("local" if address is None else address, **options)
    except (OSError, RuntimeError, ValueError) as error:
        what = f"the Ray cluster at {address} cannot be joined" if address else "Ray does not start on this machine"
        raise UserError(f"{what} ({first_line(error)}): mend that, or draw without --engine ray.") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
