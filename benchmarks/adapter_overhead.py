"""What a run adds to calling a diffusers pipeline: seeds, checks, PNG files, hashes, journal and seal.

    python -m benchmarks.adapter_overhead

`direct` calls the pipeline with the same prompts in the same batches and throws the images away; `run` is
`drawbench.runs.generate.generate` into an empty directory, sealed. Both are repeated in turn and the quickest of each
counts, because a busy machine only ever adds time; the processor's time beside it hardly changes with the load. Files
are written while the pipeline draws, which hides most of it. A pipeline of a real model's speed is one that sleeps for
a second an image and then returns noise, the worst there is for PNG; tiny random pipelines show what the rest costs.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Fastest
from drawbench.interface import Sample
from drawbench.models.diffusers.adapter import DiffusersAdapter
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.runs.generate import Request, generate
from drawbench.runs.plan import plan_samples
from tests.drawbench.models.diffusers import tiny_pipelines

SLICE = 8
TARGET = 3.0  # percent, at a second an image or more
STEPS = {"steps": "2"}


@dataclass(frozen=True)
class Row:
    """Seconds of `images` images, directly and as a run, by the clock and of the processor."""

    pipeline: str
    size: int
    images: int
    direct: float
    run: float
    direct_cpu: float
    run_cpu: float

    @property
    def percent(self) -> float:
        return 100 * (self.run / self.direct - 1)

    @property
    def milliseconds(self) -> float:
        """Added to each image."""
        return 1000 * (self.run - self.direct) / self.images

    @property
    def cpu_milliseconds(self) -> float:
        """Added to each image, in all threads."""
        return 1000 * (self.run_cpu - self.direct_cpu) / self.images


def fall_asleep(adapter: DiffusersAdapter, seconds: float) -> None:
    """Make the adapter's pipeline one that takes so long an image, and draws noise of the size it is asked for."""
    from diffusers.pipelines.stable_diffusion import StableDiffusionPipelineOutput

    pipeline: Any = adapter._model.pipeline

    class Sleeping(type(pipeline)):  # type: ignore[misc]
        def __call__(
            self, prompt: list[str], height: int, width: int, generator: Any = None, output_type: str = "pil", **_: Any
        ) -> Any:
            time.sleep(seconds * len(prompt))
            images = np.random.default_rng(0).random((len(prompt), height, width, 3), dtype=np.float32)
            return StableDiffusionPipelineOutput(images=images, nsfw_content_detected=None)

    pipeline.__class__ = Sleeping


def measure(name: str, adapter: DiffusersAdapter, size: int, images: int, rounds: int) -> Row:
    """The quickest of `rounds`, directly and as a run in turn."""
    prompt_set = PromptSet(
        "overhead", tuple(Prompt(f"x-{n:03d}", "X", f"a red car, number {n}") for n in range(images))
    )
    samples = plan_samples(prompt_set.prompts, 1, seed=0)
    direct, run = Fastest(), Fastest()
    _call(adapter, samples[:1], size)
    for _ in range(rounds):
        with direct.round():
            for first in range(0, images, SLICE):
                _call(adapter, samples[first : first + SLICE], size)
        with tempfile.TemporaryDirectory() as folder, run.round():
            done = generate(Request(adapter, prompt_set, Path(folder) / "run", samples=1, size=size, slice_size=SLICE))
        assert done.seal is not None
        assert done.seal.images == images
    return Row(name, size, images, direct.wall, run.wall, direct.cpu, run.cpu)


def _call(adapter: DiffusersAdapter, samples: Sequence[Sample], size: int) -> None:
    """What a user's own loop would do; a cascade has no single call, so it is drawn without the adapter's care."""
    import torch

    model: Any = adapter._model
    if not hasattr(model, "pipeline"):
        model.draw(samples, size)
        return
    model.pipeline(
        prompt=[sample.text for sample in samples],
        height=size,
        width=size,
        num_inference_steps=int(STEPS["steps"]),
        generator=[torch.Generator().manual_seed(sample.seed) for sample in samples],
        **({"clean_caption": False, "use_resolution_binning": False} if "clean_caption" in model.values else {}),
    )


def rows(seconds: float, images: int, rounds: int, tiny_images: int) -> list[Row]:
    """A sleeping pipeline at three sizes, then tiny ones of three kinds."""
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        plain = tiny_pipelines.save(tiny_pipelines.stable_diffusion(), root / "sd")
        asleep = DiffusersAdapter(str(plain), dict(STEPS), "cpu")
        fall_asleep(asleep, seconds)
        for size in (256, 512, 1024):
            found.append(measure(f"asleep for {seconds:g} s an image", asleep, size, images, 1))
        pixart = tiny_pipelines.save(tiny_pipelines.pixart(), root / "pixart")
        first = tiny_pipelines.save(tiny_pipelines.if_stage_1(), root / "IF-I")
        second = tiny_pipelines.save(tiny_pipelines.if_stage_2(), root / "IF-II")
        kinds = [
            ("tiny Stable Diffusion", plain, {}),
            ("tiny PixArt", pixart, {"clean_caption": "false"}),
            ("tiny IF, two stages", first, {"stage_2": str(second), "stage_2_steps": "2"}),
        ]
        for name, folder, settings in kinds:
            adapter = DiffusersAdapter(str(folder), STEPS | settings, "cpu")
            found.append(measure(name, adapter, adapter.native_size, tiny_images, rounds))
    return found


def table(found: Sequence[Row]) -> str:
    """Markdown."""
    heads = ["pipeline", "px", "images", "direct, s", "run, s", "added", "added, ms an image", "of the processor, ms"]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    lines += [
        f"| {row.pipeline} | {row.size} | {row.images} | {row.direct:.2f} | {row.run:.2f} | {row.percent:.1f}% | "
        f"{row.milliseconds:.1f} | {row.cpu_milliseconds:.1f} |"
        for row in found
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="that the sleeping pipeline takes an image (1)")
    parser.add_argument("--images", type=int, default=64, help="of the sleeping pipeline, at each size (64)")
    parser.add_argument("--tiny-images", type=int, default=64, help="of each tiny pipeline (64)")
    parser.add_argument("--rounds", type=int, default=3, help="of each tiny pipeline (3)")
    args = parser.parse_args(argv)
    found = rows(args.seconds, args.images, args.rounds, args.tiny_images)
    print(table(found))
    late = [row for row in found if row.direct >= row.images and row.percent >= TARGET]
    print(f"\nunder {TARGET:g}% at a second an image: {'no' if late else 'yes'}")
    return 1 if late else 0


if __name__ == "__main__":
    raise SystemExit(main())
