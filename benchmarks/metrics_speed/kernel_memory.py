"""Time and peak memory of KID and CMMD over all pairs of 30,000 x 30,000 features of 768 dimensions, beside the peers.

    python -m benchmarks.metrics_speed.kernel_memory [--images N]

Each row runs in a process of its own, with the features loaded and the code warm; `extra` is its peak resident memory
above what was resident until then. The peers do not compute all pairs: they draw 100 subsets of 1000, and so does ours
in the row beside them.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.timing import Fastest

DIMENSION = 768
TARGET_GB = 2.0
SUBSETS, SUBSET = 100, 1000
PAIRS = ("KID, all pairs", "KID, all pairs, 8 images a prompt", "CMMD, all pairs")
SUBSETTED = ("KID, subsets", "torch-fidelity KID, subsets", "torchmetrics KID, subsets")


@dataclass(frozen=True)
class Row:
    """One measurement: seconds of wall clock and of processor, extra peak memory in GB, and the value."""

    name: str
    wall: float
    cpu: float
    extra: float
    value: float


def report(images: int = 30_000) -> str:
    """The table, as text."""
    rows = [_measured(name, images) for name in PAIRS + SUBSETTED]
    lines = [
        f"KID and CMMD, {images:,} x {images:,} x {DIMENSION}, {platform.machine()}, "
        f"threads: {os.environ.get('OMP_NUM_THREADS', f'{os.cpu_count()} (all)')}",
        f"{'':36}{'wall s':>9}{'CPU s':>9}{'extra GB':>10}{'value':>14}",
        *(f"{row.name:36}{row.wall:9.1f}{row.cpu:9.1f}{row.extra:10.2f}{row.value:14.6g}" for row in rows),
    ]
    largest = max(row.extra for row in rows if row.name in PAIRS)
    verdict = "met" if largest <= TARGET_GB else "MISSED"
    full = 3 * images**2 * 4 / 1e9
    lines += [
        f"all pairs within {TARGET_GB:g} GB: {verdict} ({largest:.2f} GB)",
        f"the three kernel matrices at once, in float32, would take {full:.1f} GB",
    ]
    return "\n".join(lines)


def _measured(name: str, images: int) -> Row:
    command = [sys.executable, "-m", "benchmarks.metrics_speed.kernel_memory", "--images", str(images), "--row", name]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Row(name, **json.loads(answer.splitlines()[-1]))


def _features(images: int, seed: int) -> np.ndarray:
    """Non-negative, as pool features are, float32."""
    table = np.random.default_rng(seed).standard_normal((images, DIMENSION), dtype=np.float32)
    np.abs(table, out=table)
    table *= np.float32(0.5 + 0.01 * seed)
    return table


def _task(name: str, subset: int) -> Callable[[np.ndarray, np.ndarray], float]:
    """A function of features and references, without anything left to import."""
    import torch

    from metrics.kernel import cmmd_result, kid_of_subsets, kid_result

    def fidelity(x: np.ndarray, y: np.ndarray) -> float:
        from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

        settings = {"kid_subsets": SUBSETS, "kid_subset_size": subset, "rng_seed": 2020, "verbose": False}
        return float(kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), **settings)[KEY_METRIC_KID_MEAN])

    def torchmetrics(x: np.ndarray, y: np.ndarray) -> float:
        from torchmetrics.image.kid import KernelInceptionDistance

        peer = KernelInceptionDistance(feature=torch.nn.Identity(), subsets=SUBSETS, subset_size=subset)
        peer.update(torch.from_numpy(y), real=True)
        peer.update(torch.from_numpy(x), real=False)
        return float(peer.compute()[0])

    return {
        "KID, all pairs": lambda x, y: kid_result(x, y).value,
        "KID, all pairs, 8 images a prompt": lambda x, y: kid_result(x, y, prompts=np.arange(len(x)) // 8).value,
        "CMMD, all pairs": lambda x, y: cmmd_result(x, y).value,
        "KID, subsets": lambda x, y: kid_of_subsets(x, y, subsets=SUBSETS, size=subset)[0],
        "torch-fidelity KID, subsets": fidelity,
        "torchmetrics KID, subsets": torchmetrics,
    }[name]


def _run_row(name: str, images: int) -> dict[str, float]:
    """The measurement itself, in this process."""
    x, y = _features(images, 1), _features(images, 0)
    _task(name, 32)(x[:64], y[:64])
    before = _resident()
    taken = Fastest()
    with taken.round():
        taken.value = _task(name, min(SUBSET, images))(x, y)
    return {**asdict(taken), "extra": (_peak() - before) / 1e9}


def _resident() -> int:
    """Bytes of memory resident now; the peak where the system does not say."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * resource.getpagesize() if status.exists() else _peak()


def _peak() -> int:
    """Bytes resident at most, so far. ru_maxrss is in KB on Linux and in bytes on macOS."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; with --row, one measurement as JSON."""
    parser = argparse.ArgumentParser(description="KID and CMMD: time and memory")
    parser.add_argument("--images", type=int, default=30_000, help="images and references (default: 30000)")
    parser.add_argument("--row", choices=PAIRS + SUBSETTED, help="measure this row only, and print JSON")
    options = parser.parse_args(arguments)
    print(json.dumps(_run_row(options.row, options.images)) if options.row else report(options.images))
    return 0


if __name__ == "__main__":
    sys.exit(main())
