"""The paper's findings as claims, what each compares, and how the compared arms are measured."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from torch import nn

from drawbench.files import write_text_atomically
from experiments.findings.measures import CLIP_SCORE, FRECHET, Ruler, draw, memory_and_speed
from experiments.findings.small_world import example
from experiments.findings.training import Budget, Trained, trained
from reference_model.cascade import Cascade, SamplingSettings, Stage
from reference_model.checkpoint import load_cascade
from reference_model.world.captions import caption
from reference_model.world.render import render, sample_layout
from reference_model.world.scene import sample_scene

LOSS = "held-out loss"
GUIDANCE = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)
THRESHOLDED_AT = (2.0, 6.0, 10.0)
THRESHOLDINGS: dict[str, dict[str, Any]] = {
    "dynamic": {"thresholding": "dynamic"},
    "static": {"thresholding": "static"},
    "none": {"thresholding": "none"},
    "capped dynamic": {"thresholding": "dynamic", "threshold_cap": 1.2},
    "early dynamic": {"thresholding": "dynamic", "dynamic_low": 0.7},
}
AUG_LEVELS = (0.0, 0.1, 0.2, 0.3)
BASE_SAMPLING = SamplingSettings(16, 2.0, thresholding="dynamic")
UPSAMPLING = SamplingSettings(8, 1.0, thresholding="dynamic")
Values = dict[str, float]


@dataclass(frozen=True)
class Ordering:
    """A claim that one arm is better than another by a measure."""

    better: str
    worse: str
    measure: str
    lower_is_better: bool = False


@dataclass(frozen=True)
class Finding:
    """One claim of the paper. arms: what is measured, once for each seed. note: what to know when reading it."""

    name: str
    claim: str
    arms: tuple[str, ...]
    measure: Callable[["Laboratory", str, int], Values]
    comparisons: tuple[Ordering, ...]
    note: str = ""


@dataclass(frozen=True)
class Laboratory:
    """Where everything is kept and how much of it is done."""

    out: Path
    budget: Budget
    images: int  # per arm and seed
    references: int

    @cached_property
    def small_ruler(self) -> Ruler:
        """Against real images of the reduced world's held-out compositions."""
        return Ruler.of_images([example("held_out", f"findings reference {i}")[1][0] for i in range(self.references)])

    @cached_property
    def ruler(self) -> Ruler:
        """Against real images of the whole world's held-out compositions."""
        return Ruler.of_images([image for _, image in self.world_examples("reference", self.references)])

    @cached_property
    def cascade(self) -> Cascade:
        return load_cascade()

    def captions(self, seed: int) -> list[str]:
        """Of held-out scenes of the reduced world."""
        return [example("held_out", f"findings {seed}/{i}", ())[0] for i in range(self.images)]

    def world_examples(self, seed: object, count: int) -> Iterator[tuple[str, np.ndarray]]:
        """Captions and images of held-out scenes of the whole world."""
        for i in range(count):
            random = Random(f"findings world {seed}/{i}")
            scene = sample_scene(random, "held_out")
            words = caption(scene, random)
            yield words, render(sample_layout(scene, random), 64)

    def values(self, finding: Finding, arm: str, seed: int) -> Values:
        """Measured now, or before: each is kept in a file of its own."""
        path = self.out / "values" / f"{finding.name}--{arm}--{seed}.json".replace(" ", "-").replace(",", "")
        if not path.is_file():
            measured = finding.measure(self, arm, seed)
            write_text_atomically(path, json.dumps(measured, indent=2) + "\n")
        return json.loads(path.read_text())


def _sampled_bundled(lab: Laboratory, settings: SamplingSettings, seed: int) -> Values:
    """The bundled base at 64 pixels."""
    captions = [words for words, _ in lab.world_examples(seed, lab.images)]
    images = draw([(lab.cascade.stages[0], lab.cascade.text_encoder, settings)], captions, seed)
    return lab.ruler.measure(images, captions)


def _guidance(lab: Laboratory, arm: str, seed: int) -> Values:
    return _sampled_bundled(lab, replace(BASE_SAMPLING, guidance=float(arm)), seed)


def _thresholding(lab: Laboratory, arm: str, seed: int) -> Values:
    kind, _, guidance = arm.partition(" at ")
    return _sampled_bundled(lab, SamplingSettings(16, float(guidance), **THRESHOLDINGS[kind]), seed)


def _small_cascade(lab: Laboratory, base: Trained, above: Trained, aug_level: float, seed: int) -> Values:
    """What a 16 pixel base and a 16 -> 64 pixel network draw, each reading through its own text encoder."""
    settings = (BASE_SAMPLING, replace(UPSAMPLING, aug_level=aug_level))
    stages = [
        (Stage(found.task.config, found.network), found.text, setting)  # type: ignore[arg-type]
        for found, setting in zip((base, above), settings, strict=True)
    ]
    captions = lab.captions(seed)
    return lab.small_ruler.measure(draw(stages, captions, seed), captions)


def _base(lab: Laboratory, arm: str, seed: int) -> Values:
    """A base of the reduced world: its loss, and its images under the network above that all of a seed share."""
    found, above = (trained(name, seed, lab.out / "trainings", lab.budget) for name in (arm, "Efficient U-Net"))
    drawn = _small_cascade(lab, found, above, UPSAMPLING.aug_level, seed)
    return {LOSS: found.log["held_out_loss"], **drawn, **_sizes(found.network)}


def _augmentation(lab: Laboratory, arm: str, seed: int) -> Values:
    """16 -> 64 pixels on what a 16 pixel base draws; arm: a training, and the level at which it is sampled."""
    name, _, level = arm.partition(" at ")
    base, above = (trained(each, seed, lab.out / "trainings", lab.budget) for each in ("base", name))
    return _small_cascade(lab, base, above, float(level), seed)


def _upsampler(lab: Laboratory, arm: str, seed: int) -> Values:
    """A super-resolution network: loss, memory and speed at equal parameters."""
    found = trained(arm, seed, lab.out / "trainings", lab.budget)
    width = found.task.config.unet.text_width
    sizes = {**memory_and_speed(found.network, width, lab.budget.batch), **_sizes(found.network)}
    return {LOSS: found.log["held_out_loss"], **sizes}


def _sizes(network: nn.Module) -> Values:
    return {"parameters": float(sum(parameter.numel() for parameter in network.parameters()))}


def _both(better: str, worse: str) -> tuple[Ordering, ...]:
    return Ordering(better, worse, CLIP_SCORE), Ordering(better, worse, FRECHET, lower_is_better=True)


_SHARED = (
    "Bases draw 16 pixels; their images are measured at 64, after the Efficient U-Net that all arms of a seed share, so"
    " that differences are the base's."
)

FINDINGS: tuple[Finding, ...] = (
    Finding(
        "guidance",
        "guidance raises the CLIP score, and past a point worsens the Fréchet distance",
        tuple(f"{guidance:g}" for guidance in GUIDANCE),
        _guidance,
        (Ordering("2", "1", CLIP_SCORE), Ordering("2", "10", FRECHET, lower_is_better=True)),
        "The bundled base at 64 pixels with dynamic thresholding, on held-out scenes of the whole world; a seed is"
        " other noise and other scenes.",
    ),
    Finding(
        "thresholding",
        "at high guidance dynamic thresholding beats static, and static beats none",
        tuple(f"{kind} at {guidance:g}" for kind in THRESHOLDINGS for guidance in THRESHOLDED_AT),
        _thresholding,
        (
            *_both("dynamic at 10", "static at 10"),
            *_both("static at 10", "none at 10"),
            *_both("capped dynamic at 10", "dynamic at 10"),
            *_both("early dynamic at 10", "dynamic at 10"),
        ),
        "As for guidance. Capped: what dynamic thresholding divides by is 1.2 at most. Early: dynamic at times above"
        " 0.7, static below.",
    ),
    Finding(
        "augmentation",
        "noise conditioning augmentation helps the stage above the base",
        ("without augmentation at 0", *(f"Efficient U-Net at {level:g}" for level in AUG_LEVELS)),
        _augmentation,
        _both("Efficient U-Net at 0.2", "without augmentation at 0"),
        "Two 16 -> 64 pixel networks on what the base draws. One was trained with clean low-resolution images, the"
        " other with noise on half of them, as the bundled stages are; the number is the level at which they are"
        " sampled. 0.2 was chosen beforehand.",
    ),
    Finding(
        "cross-attention",
        "attention to the text's tokens beats pooled text alone",
        ("base", "pooled text"),
        _base,
        (*_both("base", "pooled text"), Ordering("base", "pooled text", LOSS, lower_is_better=True)),
        _SHARED,
    ),
    Finding(
        "scaling",
        "a larger frozen text encoder helps more than a larger U-Net",
        ("small text encoder", "base", "small text encoder, large U-Net"),
        _base,
        (
            *_both("base", "small text encoder, large U-Net"),
            *_both("base", "small text encoder"),
            *_both("small text encoder, large U-Net", "small text encoder"),
        ),
        "`base`: the bundled encoder (four layers of 128) and the small U-Net. The small encoder is one layer of 32,"
        f" trained by the same task for about as many steps. {_SHARED}",
    ),
    Finding(
        "text-encoder",
        "an encoder trained on text alone is as good as CLIP's text tower of equal size, or better",
        ("base", "CLIP text tower"),
        _base,
        _both("base", "CLIP text tower"),
        "`base`: the bundled T5, which learnt from captions alone to tell their scenes. CLIP's tower is the bundled"
        " scorer's, which learnt from pairs of images and captions; as that scorer measures, it may favour its own."
        f" {_SHARED}",
    ),
    Finding(
        "efficient-unet",
        "the Efficient U-Net takes less memory and time than a base-style one of equal size, and learns as well",
        ("Efficient U-Net", "base-style U-Net"),
        _upsampler,
        (
            Ordering("Efficient U-Net", "base-style U-Net", LOSS, lower_is_better=True),
            Ordering("Efficient U-Net", "base-style U-Net", "activations, MB", lower_is_better=True),
            Ordering("Efficient U-Net", "base-style U-Net", "images/s, training"),
            Ordering("Efficient U-Net", "base-style U-Net", "images/s, evaluating"),
        ),
    ),
)


def findings_named(names: Sequence[str]) -> list[Finding]:
    """Those of the names, in their own order; all without names. Raises KeyError for an unknown one."""
    known = {finding.name: finding for finding in FINDINGS}
    return [known[name] for name in known if name in [known[wanted].name for wanted in names]] if names else [*FINDINGS]
