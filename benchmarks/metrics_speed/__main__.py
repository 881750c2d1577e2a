"""Speed of the metrics beside their peers: python -m benchmarks.metrics_speed [NAME ...]; all of them by default."""

import argparse
from importlib import import_module

NAMES = ("fid", "frechet", "clip_score", "kernel_memory")


def main() -> None:
    """Print the report of each named benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics_speed", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    asked = parser.parse_args().names
    if unknown := [name for name in asked if name not in NAMES]:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(NAMES)}")
    for name in asked or NAMES:
        print(import_module(f"benchmarks.metrics_speed.{name}").report(), flush=True)


if __name__ == "__main__":
    main()
