"""Training examples: a caption and its scene's image, at one size or at two. One seed gives one example."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from reference_model.world.scene import Split
from reference_model.world.worlds import World, world_named


@dataclass(frozen=True)
class ExampleKind:
    """What examples are drawn: of which world and split, in which size, and with a low-resolution image or without.

    crop: side in pixels of the squares that examples with a low-resolution image are cut to; None leaves them whole.
    """

    world: str
    split: Split
    size: int
    low_size: int | None = None
    crop: int | None = None


@dataclass(frozen=True)
class Example:
    """image: uint8 (S, S, 3); low: its low-resolution image, of the same part of the scene."""

    caption: str
    image: np.ndarray
    low: np.ndarray | None = None


@dataclass(frozen=True)
class Batch:
    """Examples together: uint8 (B, S, S, 3), and as many low-resolution images where the kind has them."""

    captions: tuple[str, ...]
    images: np.ndarray
    lows: np.ndarray | None = None


def batch_seeds(seed: str, step: int, count: int) -> Iterator[str]:
    """One seed per example of a step, for `random.Random`."""
    return (f"{seed}/{step}/{i}" for i in range(count))


def captioned(world: World, split: Split, seed: str) -> tuple[Random, Any, str]:
    """An example's scene and caption, and the random numbers that come after them."""
    random = Random(seed)
    scene = world.sample_scene(random, split)
    return random, scene, world.caption(scene, random)


def draw_example(kind: ExampleKind, seed: str) -> Example:
    """The example of a seed."""
    world = world_named(kind.world)
    random, scene, caption = captioned(world, kind.split, seed)
    layout = world.sample_layout(scene, random)
    if kind.low_size is None:
        return Example(caption, world.render(layout, kind.size))
    return Example(caption, *aligned_pair(world, layout, kind.size, kind.low_size, kind.crop, random))


def draw_batch(kind: ExampleKind, seeds: Iterable[str]) -> Batch:
    """The examples of some seeds."""
    examples = [draw_example(kind, seed) for seed in seeds]
    lows = [example.low for example in examples if example.low is not None]
    captions = tuple(example.caption for example in examples)
    return Batch(captions, np.stack([example.image for example in examples]), np.stack(lows) if lows else None)


def aligned_pair(
    world: World, layout: Any, size: int, low_size: int, crop: int | None, random: Random
) -> tuple[np.ndarray, np.ndarray]:
    """The same scene at two sizes, cut to the same region, which lies on the low-resolution grid."""
    if crop is None:
        return world.render(layout, size), world.render(layout, low_size)
    factor = size // low_size
    side = crop // factor
    left, top = random.randrange(low_size - side + 1), random.randrange(low_size - side + 1)
    low_crop = (left, top, left + side, top + side)
    high_crop = tuple(edge * factor for edge in low_crop)
    return world.render(layout, size, high_crop), world.render(layout, low_size, low_crop)
