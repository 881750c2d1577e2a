"""Scenes that differ from another in one thing: what a scorer has to tell apart."""

from dataclasses import replace
from random import Random

from reference_model.world.objects import COLOURS, OBJECTS, WORDS
from reference_model.world.scene import COUNTS, RELATIONS, SETTINGS, SIGN_OBJECT, Item, Scene, Split, split_of


def near_miss(scene: Scene, random: Random, split: Split) -> Scene:
    """The scene with one thing changed, in the same split."""
    while True:
        changed = _change(scene, random)
        if changed != scene and split_of(changed) == split:
            return changed


def _change(scene: Scene, random: Random) -> Scene:
    what = random.choice(("colour", "object", "count or relation or word", "setting"))
    if what == "setting":
        return replace(scene, setting=random.choice(SETTINGS))
    if what == "count or relation or word":
        if scene.word is not None:
            return replace(scene, word=random.choice(WORDS))
        if scene.relation is not None:
            return replace(scene, relation=random.choice(RELATIONS))
        return replace(scene, items=(replace(scene.items[0], count=random.choice(COUNTS)),))
    if scene.relation is not None and random.random() < 0.5:
        return _swap(scene, what)
    position = random.randrange(len(scene.items))
    items = list(scene.items)
    items[position] = _other(items[position], what, random)
    if len({item.object for item in items}) < len(items):
        return scene  # two objects of one kind are no pair of this world
    return replace(scene, items=tuple(items))


def _swap(scene: Scene, what: str) -> Scene:
    """Two objects exchange their colours, or their places: a bag of words cannot tell."""
    first, second = scene.items
    if what == "colour":
        return replace(scene, items=(replace(first, colour=second.colour), replace(second, colour=first.colour)))
    return replace(scene, items=(second, first))


def _other(item: Item, what: str, random: Random) -> Item:
    if what == "colour":
        colours = [c for c in COLOURS if not (item.object == SIGN_OBJECT and c == "black")]
        return replace(item, colour=random.choice(colours))
    return item if item.object == SIGN_OBJECT else replace(item, object=random.choice(sorted(OBJECTS)))
