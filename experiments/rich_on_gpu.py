"""The rich world's cascade in ten minutes of one large GPU: text encoder, base and super-resolution, as a checkpoint.

python -m experiments.rich_on_gpu --work WORK --out OUT --seconds 560

Trainings are commands of `reference_model.training`, each with a part of the time. After the text encoder the base
trains beside the two super-resolution stages, one after the other; each is annealed at its end. A training that is
stopped leaves a state in WORK that the same command resumes. OUT gets the checkpoint as an archive in parts of --part
MiB: `cat OUT/checkpoint.tar.* | tar x`.

On processors it is tried at a hundredth of the size: --device cpu --preset rich --batch 8 --workers 0 --seconds 60.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reference_model.checkpoint import assemble

TEXT, ANNEALED = 0.14, 0.2  # parts of the time: of all, for the text encoder; of each stage's, for its annealing
ASSEMBLY = 15.0  # seconds
UPSAMPLERS = ("super_resolution_256", "super_resolution_1024")


@dataclass(frozen=True)
class TrainingPlan:
    """What the trainings share. workers: processes that draw for the base; the others take a quarter of them."""

    work: Path
    device: str
    preset: str
    batch: int
    workers: int

    def text(self, seconds: float) -> None:
        """The text encoder, whose rate falls over the last part of its time."""
        self._held_and_annealed("text", [*self._command("text"), "--batch", str(max(8, self.batch // 2))], seconds)

    def stage(self, name: str, seconds: float) -> None:
        """A stage of the cascade."""
        base = name.startswith("base")
        batch, workers = (self.batch, self.workers) if base else (max(2, self.batch // 8), self.workers // 4)
        options = ["--stage", name, "--preset", self.preset, "--text", str(self.export("text"))]
        options += ["--batch", str(batch), "--workers", str(workers), "--optimizer", "muon"]
        self._held_and_annealed(name, [*self._command("stage"), *options], seconds)

    def export(self, name: str) -> Path:
        """Where a training's annealed weights are."""
        return self.work / f"{name}-annealed" / "export"

    def _command(self, module: str) -> list[str]:
        training = [sys.executable, "-m", f"reference_model.training.{module}", "--world", "rich"]
        return [*training, "--device", self.device]

    def _held_and_annealed(self, name: str, command: Sequence[str], seconds: float) -> None:
        held, annealed = self.work / name, self.work / f"{name}-annealed"
        minutes = seconds / 60
        for options in (
            ["--out", str(held), "--minutes", str(minutes * (1 - ANNEALED))],
            ["--out", str(annealed), "--minutes", str(minutes * ANNEALED), "--start", str(held), "--anneal"],
        ):
            subprocess.run([*command, *options], check=True)


def train_all(plan: TrainingPlan, seconds: float) -> Path:
    """Everything in about so many seconds; returns the checkpoint's folder. Raises CalledProcessError for a failure."""
    began = time.monotonic()
    plan.text(TEXT * seconds)
    left = seconds - ASSEMBLY - (time.monotonic() - began)
    own = [sys.executable, "-m", "experiments.rich_on_gpu", "--work", str(plan.work), "--device", plan.device]
    own += ["--out", str(plan.work)]
    own += ["--preset", plan.preset, "--batch", str(plan.batch), "--workers", str(plan.workers)]
    above = subprocess.Popen([*own, "--seconds", str(left), "--only", "above"])
    plan.stage("base_64", left)
    if above.wait():
        raise subprocess.CalledProcessError(above.returncode, above.args)
    folder = plan.work / "checkpoint"
    shutil.rmtree(folder, ignore_errors=True)
    assemble("Imagen rich", plan.export("text"), [plan.export(name) for name in ("base_64", *UPSAMPLERS)], folder)
    return folder


def pack(folder: Path, out: Path, size: int) -> None:
    """Write a folder as out/NAME.tar.00, .01, ..., of `size` bytes each."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as archive:
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(folder, folder.name)
        archive.seek(0)
        for number, part in enumerate(iter(lambda: archive.read(size), b"")):
            (out / f"{folder.name}.tar.{number:02}").write_bytes(part)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, assemble, pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="states, logs and exports of the trainings")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint, in parts")
    parser.add_argument("--seconds", type=float, default=560)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--preset", default="rich-gpu")
    parser.add_argument("--batch", type=int, default=512, help="of the base; the others' follow from it")
    parser.add_argument("--workers", type=int, default=8, help="processes that draw the base's images")
    parser.add_argument("--part", type=int, default=15, help="MiB of each part (15)")
    parser.add_argument("--only", choices=("all", "above"), default="all", help="above: super-resolution alone")
    args = parser.parse_args(arguments)
    plan = TrainingPlan(args.work, args.device, args.preset, args.batch, args.workers)
    if args.only == "above":
        for name in UPSAMPLERS:
            plan.stage(name, args.seconds / len(UPSAMPLERS))
        return 0
    pack(train_all(plan, args.seconds), args.out, args.part * 2**20)
    return 0


if __name__ == "__main__":
    sys.exit(main())
