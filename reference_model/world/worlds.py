"""The worlds by name: `small`, which the bundled cascade knows, and `rich`, which the bundled scorer knows too; of the
small one `pairs`, with more of them, and of the rich one `core`, the part that a base learns first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any, Literal, get_args

import numpy as np

from reference_model.world.scene import Split

WorldName = Literal["small", "rich", "core", "pairs"]
WORLDS: tuple[WorldName, ...] = get_args(WorldName)
SMALL_WORLDS: tuple[WorldName, ...] = ("small", "pairs")  # the others are of the rich one
EXCHANGES = ("binding", "place", "word")
Crop = tuple[int, int, int, int]  # left, top, right, bottom, in pixels


@dataclass(frozen=True)
class World:
    """A procedural world: everything that a training, a prompt set or a check needs of it.

    Scenes and layouts are the world's own types; they go from one of its functions to the next. `render(layout, size)`
    gives uint8 (size, size, 3), with a crop only that part of it. `near_miss(scene, random, split, changes)` is the
    scene with one of these of the world's `changes` made, in the same split, or None where the scene allows none;
    `EXCHANGES` are those that leave a caption's words or letters nearly as they were. `check_image` says which of
    `skills` a uint8 image (64, 64, 3) shows for its scene.
    `scene_from_json` reads back what `dataclasses.asdict` makes of a scene. A scene has a `kind`, one of `kinds`.
    """

    name: WorldName
    kinds: tuple[str, ...]
    skills: tuple[str, ...]
    changes: tuple[str, ...]
    sample_scene: Callable[[Random, Split], Any]
    near_miss: Callable[[Any, Random, Split, Sequence[str]], Any]
    caption: Callable[[Any, Random], str]
    sample_layout: Callable[[Any, Random], Any]
    render: Callable[..., np.ndarray]
    check_image: Callable[[np.ndarray, Any], dict[str, bool]]
    scene_from_json: Callable[[dict], Any]


@cache
def world_named(name: str) -> World:
    """The world of that name. Raises ValueError for another name."""
    if name not in WORLDS:
        raise ValueError(f"there is no world {name!r}: choose one of {', '.join(WORLDS)}")
    return _small(name) if name in SMALL_WORLDS else _rich(name)


def _small(name: WorldName) -> World:
    from reference_model.world.captions import caption
    from reference_model.world.coco_set import scene_from_json
    from reference_model.world.near_miss import CHANGES, near_miss
    from reference_model.world.render import Layout, render, sample_layout
    from reference_model.world.scene import KIND_WEIGHTS, KINDS, PAIR_WEIGHTS, Scene, sample_scene

    def cropped(layout: Layout, size: int, crop: Crop | None = None) -> np.ndarray:
        left, top, right, bottom = crop or (0, 0, size, size)
        return render(layout, size)[top:bottom, left:right]

    def check_image(image: np.ndarray, scene: Scene) -> dict[str, bool]:
        from reference_model.world import checks  # it needs scipy

        return checks.check_image(image, scene)

    skills = ("object", "colour", "count", "relation", "setting", "word")
    sampled = partial(sample_scene, weights=PAIR_WEIGHTS if name == "pairs" else KIND_WEIGHTS)
    drawn = (sampled, near_miss, caption, sample_layout, cropped)
    return World(name, KINDS, skills, tuple(CHANGES), *drawn, check_image, scene_from_json)


def _rich(name: WorldName) -> World:
    from reference_model.world.rich.captions import caption
    from reference_model.world.rich.layout import sample_layout
    from reference_model.world.rich.near_miss import CHANGES, near_miss
    from reference_model.world.rich.render import render
    from reference_model.world.rich.sampling import CORE, FULL, sample_scene
    from reference_model.world.rich.scene import KINDS, SKILLS, Scene, scene_from_json

    def check_image(image: np.ndarray, scene: Scene) -> dict[str, bool]:
        from reference_model.world.rich import checks  # it needs scipy

        return checks.check_image(image, scene)

    vocabulary = CORE if name == "core" else FULL
    drawn = (partial(sample_scene, vocabulary=vocabulary), near_miss, caption, sample_layout, render)
    changes = tuple(what for what in CHANGES if what != "pattern" or vocabulary.patterns)
    return World(name, KINDS, SKILLS, changes, *drawn, check_image, scene_from_json)
