"""Seconds per image of the reference cascade beside a diffusers cascade of DeepFloyd IF's kind, in one interleaved run.

    python -m benchmarks.cascade_speed

Both in fp32, at equal parameters per stage, equal steps and guidance, one image at a time, text encoded before. Every
round draws one image with each, so that a busy machine slows all alike; CPU seconds stand beside wall-clock time for
the same reason. `behind our stem` is diffusers' U-Net on our pixel-unshuffled grid: what remains is how a network is
built.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from benchmarks.if_style import IF_SHAPES, IFCascade, our_parameters, parameters_of, shape_behind_our_stem
from drawbench.models.reference import ReferenceSettings, parse_settings
from reference_model.cascade import Cascade, SamplingSettings, sample_noise
from reference_model.checkpoint import BUNDLED, load_cascade
from reference_model.text.encoder import TextFeatures, stack_features

TARGET_SECONDS = {256: 1.0, 1024: 2.5}  # on two cores
TARGET_RATIO = 1.5
TARGET_LOADING = 2.0
TEXT = "a red car to the left of a blue cup in the snow"
LOADING = """
import sys, time, torch
from pathlib import Path
wall, cpu = time.perf_counter(), time.process_time()
from reference_model.checkpoint import load_cascade
load_cascade(Path(sys.argv[1]))
print(time.perf_counter() - wall, time.process_time() - cpu)
"""
Draw = Callable[[int, int], object]  # size, seed


@dataclass(frozen=True)
class Row:
    """Times of one cascade at one size and number of threads, seconds per image."""

    size: int
    threads: int
    cascade: str
    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def cpu_median(self) -> float:
        return statistics.median(self.cpu)


@dataclass(frozen=True)
class Contestant:
    """A cascade, with what draws one image of a size from text that has been encoded."""

    name: str
    parameters: tuple[int, ...]  # of each stage
    draw: Draw


def contestants(cascade: Cascade, settings: list[SamplingSettings], scheduler: str, peers: bool) -> list[Contestant]:
    """Ours first; `peers`: then diffusers', as IF builds them and behind our stem."""
    text = stack_features([cascade.text_encoder.encode(TEXT).clone()])
    stages = [stage.config for stage in cascade.stages]
    found = [Contestant("ours", tuple(map(our_parameters, stages)), partial(_draw_ours, cascade, text, settings))]
    shapes = {
        "diffusers, IF-style": [IF_SHAPES[stage.unet.size] for stage in stages],
        "diffusers behind our stem": [shape_behind_our_stem(stage) for stage in stages],
    }
    for name in shapes if peers else ():
        peer = IFCascade(stages, shapes[name], scheduler)
        draw = partial(_draw_theirs, peer, text, settings, cascade.sizes)
        found.append(Contestant(name, tuple(map(parameters_of, peer.networks)), draw))
    return found


@torch.inference_mode()
def _draw_ours(
    cascade: Cascade, text: TextFeatures, settings: list[SamplingSettings], size: int, seed: int
) -> torch.Tensor:
    image: torch.Tensor | None = None
    for index, (stage, setting) in enumerate(zip(cascade.stages, settings, strict=True)):
        image = stage.sample(text, sample_noise([seed], index, stage.size, cascade.device), setting, image)
        if stage.size == size:
            break
    assert image is not None
    return image


def _draw_theirs(
    peer: IFCascade, text: TextFeatures, settings: list[SamplingSettings], sizes: tuple[int, ...], size: int, seed: int
) -> torch.Tensor:
    return peer.generate(text, seed, settings[: sizes.index(size) + 1])


def measure(entrants: Sequence[Contestant], size: int, threads: int, rounds: int) -> list[Row]:
    """Interleaved: every round draws one image with each. The first round warms up and is not counted."""
    torch.set_num_threads(threads)
    wall: dict[str, list[float]] = {entrant.name: [] for entrant in entrants}
    cpu: dict[str, list[float]] = {entrant.name: [] for entrant in entrants}
    for number in range(rounds + 1):
        for entrant in entrants:
            start, start_cpu = time.perf_counter(), time.process_time()
            entrant.draw(size, number)
            if number > 0:
                wall[entrant.name].append(time.perf_counter() - start)
                cpu[entrant.name].append(time.process_time() - start_cpu)
        print(f"{size} px, {threads} threads: round {number} of {rounds}", file=sys.stderr)
    return [Row(size, threads, name, tuple(wall[name]), tuple(cpu[name])) for name in wall]


def loading_seconds(checkpoint: Path, tries: int = 3) -> tuple[float, float]:
    """Median (wall-clock, CPU) seconds to load the weights in a new process that has imported torch."""
    times = []
    for _ in range(tries):
        command = [sys.executable, "-c", LOADING, str(checkpoint)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        times.append([float(word) for word in answer.split()])
    wall, cpu = (statistics.median(values) for values in zip(*times, strict=True))
    return wall, cpu


def table(rows: Sequence[Row]) -> str:
    """Markdown, with each row's time over ours."""
    ours = {(row.size, row.threads): row for row in rows if row.cascade == "ours"}
    lines = ["| size | threads | cascade | wall s, median (range) | times ours | CPU s | times ours |"]
    lines.append("|---:|---:|---|---:|---:|---:|---:|")
    for row in rows:
        best = ours[row.size, row.threads]
        spread = f"{row.median:.2f} ({min(row.wall):.2f} to {max(row.wall):.2f})"
        cells = [str(row.size), str(row.threads), row.cascade, spread, f"{row.median / best.median:.1f}"]
        cells += [f"{row.cpu_median:.2f}", f"{row.cpu_median / best.cpu_median:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def verdicts(rows: Sequence[Row], loading: float) -> list[str]:
    """The targets, each with what was measured."""
    lines = []
    for row in rows:
        if row.threads != 2:
            continue
        if row.cascade == "ours" and row.size in TARGET_SECONDS:
            limit = TARGET_SECONDS[row.size]
            lines.append(_verdict(f"{row.size} px in {limit} s", row.median, limit))
        elif row.cascade == "diffusers, IF-style":
            ours = next(r.median for r in rows if (r.size, r.threads, r.cascade) == (row.size, 2, "ours"))
            lines.append(
                _verdict(f"{row.size} px in 1 / {TARGET_RATIO} of diffusers'", ours, row.median / TARGET_RATIO)
            )
    return [*lines, _verdict(f"weights loaded in {TARGET_LOADING} s", loading, TARGET_LOADING)]


def _verdict(what: str, found: float, limit: float) -> str:
    return f"{what}: {'met' if found <= limit else 'MISSED'} ({found:.2f} s, at most {limit:.2f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, then print tables and verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=BUNDLED)
    parser.add_argument("--sizes", default="64,256,1024")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scheduler", choices=("dpm-solver++", "ddpm"), default="dpm-solver++", help="of diffusers")
    parser.add_argument("--only-ours", action="store_true", help="without diffusers, whose 1024 px takes minutes")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as of drawbench run")
    args = parser.parse_args(arguments)
    cascade = load_cascade(args.checkpoint)
    settings: ReferenceSettings = parse_settings(dict(item.split("=", 1) for item in args.set))
    per_stage = settings.per_stage(len(cascade.stages))
    entrants = contestants(cascade, per_stage, args.scheduler, peers=not args.only_ours)
    rows: list[Row] = []
    for threads in map(int, args.threads.split(",")):
        for size in map(int, args.sizes.split(",")):
            rows += measure(entrants, size, threads, args.rounds)
    loading, loading_cpu = loading_seconds(args.checkpoint)
    load = os.getloadavg()[0]
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, load average {load:.1f}, {args.rounds} rounds")
    print(f"{settings}; diffusers with {args.scheduler}")
    for entrant in entrants:
        print(f"{entrant.name}: {' + '.join(f'{count:,}' for count in entrant.parameters)} parameters")
    print(table(rows))
    print(f"loading the weights, after importing torch: {loading:.2f} s, {loading_cpu:.2f} s of CPU")
    print("\n".join(verdicts(rows, loading)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
