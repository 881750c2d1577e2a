"""What drew a run's images, as far as it decides their last digits."""

import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from drawbench.interface import NOT_STATED
from drawbench.runs.journal import Drawer


def drawer_here(device: str, threads: int | None = None) -> Drawer:
    """This process, as one that draws. threads: of torch; None for those that it has."""
    torch = sys.modules.get("torch")
    cpu = torch.backends.cpu.get_cpu_capability() if torch else ""
    threads = threads or (torch.get_num_threads() if torch else None)
    return Drawer(versions=versions(), device=device, gpu=gpu_of(device), threads=threads, cpu=cpu)


def versions() -> dict[str, str]:
    """The versions that decide pixels: Python, this program, numpy, Pillow, and the libraries that draw, if loaded."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    drawing = [name for name in ("torch", "transformers", "diffusers") if name in sys.modules]
    for name in ("drawbench", "numpy", "pillow", *drawing):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def gpu_of(device: str) -> str:
    """The name of a torch device's GPU, its driver and CUDA, such as `NVIDIA H200, driver 580.65.06, CUDA 13.2`.

    Empty for any other device, such as a processor or a server.
    """
    torch = sys.modules.get("torch")  # where it is not loaded, it draws nothing
    if torch is None or not device.startswith("cuda") or not torch.cuda.is_available():
        return ""
    return f"{torch.cuda.get_device_name(device)}, driver {_driver()}, CUDA {torch.version.cuda or NOT_STATED}"


def _driver() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return NOT_STATED
    words = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=30).stdout.split()
    except (OSError, subprocess.TimeoutExpired):
        return NOT_STATED
    return said[0] if said else NOT_STATED


def peak_memory(device: str) -> int:
    """The most bytes that this process has held: what torch allocated on a GPU, else all of its own memory."""
    torch = sys.modules.get("torch")
    if torch is not None and device.startswith("cuda") and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # Windows
        return 0
    status = Path("/proc/self/status")  # which, unlike getrusage, knows nothing of the process that started this one
    if status.is_file() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
