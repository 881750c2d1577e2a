"""What this process may use of the machine: processor cores and memory."""

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
_LIMITS = (
    (CGROUP / "memory.max", CGROUP / "memory.current"),  # version 2, then 1
    (CGROUP / "memory" / "memory.limit_in_bytes", CGROUP / "memory" / "memory.usage_in_bytes"),
)


def usable_cores() -> int:
    """Cores by affinity and by a container's quota, at least 1."""
    from loky import cpu_count

    return int(cpu_count())


def free_memory() -> int:
    """Bytes that can be had without swapping, of the machine or of the container where that has a limit."""
    import psutil

    free = int(psutil.virtual_memory().available)
    for limit, used in _LIMITS:
        try:
            return min(free, max(0, int(limit.read_text()) - int(used.read_text())))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return free


def processes_for(bytes_each: int) -> int:
    """As many single-threaded processes as there are cores and memory for, at least 1."""
    return max(1, min(usable_cores(), free_memory() // bytes_each))
