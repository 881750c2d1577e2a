"""What a kill costs a training, and what it costs to have only its export.

    python -m experiments.resuming --out resuming

Three trainings of the same base: one is left alone; one is killed twice with SIGKILL and goes on in a copy of this
checkout; one goes on from the export that the second left half-way, with fresh optimizers. Step by step all see the
same images and noise, so that the losses can be subtracted.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("reference_model", "experiments")
LOSSES = "losses.jsonl"
WINDOW = 25  # steps that a point of the plot is the mean of


def train_recorded(out: Path, steps: int, batch: int, start: Path | None) -> None:
    """A training of the bundled base on one thread that writes the loss of every step beside its state."""
    import torch

    from reference_model.checkpoint import BUNDLED
    from reference_model.networks.presets import TINY
    from reference_model.text.encoder import load_text_encoder
    from reference_model.training.loop import LoopConfig, train
    from reference_model.training.stage import StageTraining

    class Recorded(StageTraining):
        def loss(self, step: int) -> torch.Tensor:
            loss = super().loss(step)
            with (out / LOSSES).open("a") as file:
                file.write(json.dumps([step, float(loss.detach())]) + "\n")
            return loss

        def evaluate(self, ema: torch.nn.Module) -> dict[str, float]:
            return {}

    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    task = Recorded(TINY[0], load_text_encoder(BUNDLED / "text_encoder"), batch, "resuming")
    train(task, LoopConfig(steps, float("inf"), 1e-3, save_minutes=0.2), out, start)


def losses_of(out: Path) -> dict[int, float]:
    """By step; a step that was made again after a kill counts as it was made last."""
    path = out / LOSSES
    lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
    return {int(step): loss for step, loss in (json.loads(line) for line in lines if line.endswith("\n"))}


def run(
    checkout: Path, out: Path, steps: int, batch: int, start: Path | None = None, kill_at: int | None = None
) -> None:
    """The training as a process in a checkout, killed once it has made the step `kill_at`."""
    command = [sys.executable, "-m", "experiments.resuming", "--out", str(out), "--train", str(steps)]
    command += ["--batch", str(batch), *(("--start", str(start)) if start else ())]
    process = subprocess.Popen(command, cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)})
    while process.poll() is None:
        time.sleep(0.2)
        if kill_at is not None and max(losses_of(out), default=0) >= kill_at:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return
    if process.returncode:
        raise SystemExit(f"error: the training in {checkout} ended with exit code {process.returncode}")


def compare(out: Path, steps: int, batch: int) -> dict[str, dict[int, float]]:
    """The losses of the three trainings, each by step."""
    out.mkdir(parents=True, exist_ok=False)
    copy, half = out / "checkout", steps // 2
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    alone, killed, export = out / "alone", out / "killed", out / "from-export"
    run(ROOT, alone, steps, batch)
    run(ROOT, killed, half, batch, kill_at=half // 2)
    run(copy, killed, half, batch)
    shutil.copytree(killed / "export", out / "half-way")
    run(copy, killed, steps, batch, kill_at=half + half // 2)
    run(ROOT, killed, steps, batch)
    run(ROOT, export, steps - half, batch, start=out / "half-way")
    return {path.name: losses_of(path) for path in (alone, killed, export)}


def plot(losses: dict[str, dict[int, float]], folder: Path) -> None:
    """Losses above, and below what the two others lose or win against the training that was left alone."""
    import matplotlib.pyplot as plt

    from drawbench.plot_style import SERIES, STYLE, TITLE, tidy, write_figure

    alone = losses["alone"]
    titles = {
        "alone": "left alone",
        "killed": "killed twice, resumed elsewhere",
        "from-export": "from the export alone",
    }
    with plt.rc_context(STYLE):
        figure, (above, below) = plt.subplots(2, 1, figsize=(6.5, 5), sharex=True, layout="constrained")
        for colour, (name, found) in zip(SERIES, losses.items(), strict=False):
            steps = np.array(sorted(found))
            values = np.array([found[step] for step in steps])
            less = values - np.array([alone[step] for step in steps])
            middle = _means(steps)
            above.plot(
                middle, _means(values), color=colour, label=titles[name], linestyle="--" if name == "killed" else "-"
            )
            if name != "alone":
                below.plot(middle, _means(less), color=colour, linestyle="--" if name == "killed" else "-")
        figure.suptitle(
            f"One training, left alone and interrupted: means of {WINDOW} steps", x=0.01, ha="left", fontsize=TITLE
        )
        above.set_ylabel("loss")
        above.legend(frameon=False)
        below.set_ylabel("more than left alone")
        below.set_xlabel("step")
        for axes in (above, below):
            tidy(axes, "y")
        write_figure(figure, folder, "resuming")


def _means(values: np.ndarray) -> np.ndarray:
    whole = len(values) // WINDOW * WINDOW
    return values[:whole].reshape(-1, WINDOW).mean(1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, kill, resume, plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--train", type=int, help=argparse.SUPPRESS)  # one training of as many steps, as a process
    parser.add_argument("--start", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.train is not None:
        train_recorded(args.out, args.train, args.batch, args.start)
        return 0
    out = args.out.resolve()
    if out.exists():
        print(f"error: {out} exists already: choose another folder", file=sys.stderr)
        return 2
    losses = compare(out, args.steps, args.batch)
    both = [abs(losses["killed"][step] - losses["alone"][step]) for step in losses["alone"]]
    print(f"largest difference of a step's loss after two kills: {max(both):.3g}")
    plot(losses, out)
    print(f"written: {out / 'resuming.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
