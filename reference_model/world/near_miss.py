"""Scenes that differ from another in one thing: what a scorer has to tell apart."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from reference_model.world.objects import COLOURS, OBJECTS, WORDS
from reference_model.world.scene import COUNTS, OPPOSITE, SETTINGS, SIGN_OBJECT, Item, Scene, Split, split_of

_TRIES = 8  # of a change, before it is held to be none that this scene allows


def near_miss(scene: Scene, random: Random, split: Split, changes: Sequence[str]) -> Scene | None:
    """The scene with one of these `CHANGES` made, in the same split; None where it allows none of them."""
    for what in [what for what in random.sample(changes, len(changes)) for _ in range(_TRIES)]:
        changed = CHANGES[what](scene, random)
        if changed != scene and split_of(changed) == split:
            return changed
    return None


def _object(scene: Scene, random: Random) -> Scene:
    """Another object; never two of one kind, which are no pair of this world."""
    free = sorted(set(OBJECTS) - {item.object for item in scene.items})
    item = random.choice(scene.items)
    return scene if item.object == SIGN_OBJECT else _with(scene, item, replace(item, object=random.choice(free)))


def _colour(scene: Scene, random: Random) -> Scene:
    item = random.choice(scene.items)
    colours = [c for c in COLOURS if not (item.object == SIGN_OBJECT and c == "black")]  # its word is black
    return _with(scene, item, replace(item, colour=random.choice(colours)))


def _count(scene: Scene, random: Random) -> Scene:
    if scene.kind not in ("single", "count"):
        return scene
    return replace(scene, items=(replace(scene.items[0], count=random.choice(COUNTS)),))


def _setting(scene: Scene, random: Random) -> Scene:
    return replace(scene, setting=random.choice(SETTINGS))


def _binding(scene: Scene, random: Random) -> Scene:
    """Two objects exchange their colours: a bag of words cannot tell."""
    if scene.relation is None:
        return scene
    first, second = scene.items
    return replace(scene, items=(replace(first, colour=second.colour), replace(second, colour=first.colour)))


def _place(scene: Scene, random: Random) -> Scene:
    """Two objects exchange their places."""
    return scene if scene.relation is None else replace(scene, relation=OPPOSITE[scene.relation])


def _word(scene: Scene, random: Random) -> Scene:
    return scene if scene.word is None else replace(scene, word=random.choice(WORDS))


CHANGES: dict[str, Callable[[Scene, Random], Scene]] = {
    "object": _object,
    "colour": _colour,
    "count": _count,
    "setting": _setting,
    "binding": _binding,
    "place": _place,
    "word": _word,
}


def _with(scene: Scene, old: Item, new: Item) -> Scene:
    return replace(scene, items=tuple(new if item is old else item for item in scene.items))
