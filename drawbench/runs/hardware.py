"""What drew a run's images, as far as it decides their last digits."""

import shutil
import subprocess
import sys

from drawbench.interface import NOT_STATED


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
