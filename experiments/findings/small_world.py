"""The reduced world of the findings: six objects, six colours, two settings, one to three of a kind, pairs.

Small enough for a network of a million parameters to learn within minutes; a part of the world that the bundled weights
and the bundled scorer know. Its held-out compositions are the world's own.
"""

from random import Random

import numpy as np

from reference_model.world.captions import caption
from reference_model.world.render import render, sample_layout
from reference_model.world.scene import Item, Relation, Scene, Split, split_of

OBJECTS = ("apple", "boat", "car", "cup", "fish", "tree")
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")
SETTINGS = ("grass", "snow")
RELATIONS: tuple[Relation, ...] = ("left of", "right of", "above", "below")
SIZE = 64  # pixels


def small_scene(random: Random, split: Split) -> Scene:
    """A random scene of a split: half of them one or some of a kind, half a pair in two colours."""
    while True:
        scene = _any_scene(random)
        if split_of(scene) == split:
            return scene


def _any_scene(random: Random) -> Scene:
    setting = random.choice(SETTINGS)
    if random.random() < 0.5:
        return Scene((Item(random.choice(OBJECTS), random.choice(COLOURS), random.choice((1, 1, 2, 3))),), setting)
    objects, colours = random.sample(OBJECTS, 2), random.sample(COLOURS, 2)
    items = tuple(Item(*names) for names in zip(objects, colours, strict=True))
    return Scene(items, setting, random.choice(RELATIONS))


def example(split: Split, seed: str, sizes: tuple[int, ...] = (SIZE,)) -> tuple[str, list[np.ndarray]]:
    """A caption and its scene's image, uint8 (s, s, 3), at each size s."""
    random = Random(seed)
    scene = small_scene(random, split)
    words, layout = caption(scene, random), sample_layout(scene, random)
    return words, [render(layout, size) for size in sizes]
