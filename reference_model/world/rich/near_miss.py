"""Scenes of the rich world that differ from another in one thing: what a scorer has to tell apart."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from reference_model.world.rich.colours import COLOURS
from reference_model.world.rich.objects import OBJECTS
from reference_model.world.rich.patterns import COLOURED, PATTERNS
from reference_model.world.rich.sampling import FITTED, FULL
from reference_model.world.rich.scene import COUNTS, MIRRORED, RELATIONS, Item, Relation, Scene, split_of
from reference_model.world.rich.settings import SETTINGS
from reference_model.world.rich.words import LETTERS, sample_word
from reference_model.world.scene import Split

_TRIES = 8  # of a change, before it is held to be none that this scene allows
_ONE_LETTER = 0.75  # of changed words; the others are wholly another


def near_miss(scene: Scene, random: Random, split: Split, changes: Sequence[str]) -> Scene | None:
    """The scene with one of these `CHANGES` made, in the same split and of the same kind; None where it allows none."""
    for what in [what for what in random.sample(changes, len(changes)) for _ in range(_TRIES)]:
        changed = CHANGES[what](scene, random)
        if changed != scene and changed.kind == scene.kind and split_of(changed) == split:
            return changed
    return None


def _object(scene: Scene, random: Random) -> Scene:
    """Another object that can be in this one's place."""
    item = random.choice(scene.items)
    if not item.named or item.second or item.object not in OBJECTS:
        return scene
    host = len(scene.items) > 1 and item is scene.items[1] and scene.relation in ("inside", "under")
    pool = FULL.rooms(scene.relation) if host and scene.relation else FULL.objects
    names = {other.object for other in scene.items}
    free = [n for n in pool if n not in names and (not item.pattern or OBJECTS[n].patterned)]
    return _with(scene, item, replace(item, object=random.choice(free))) if free else scene


def _colour(scene: Scene, random: Random) -> Scene:
    item = random.choice(scene.items)
    if not item.colour or not item.named:
        return scene
    used = {other.colour for other in scene.items} | {item.second}
    return _with(scene, item, replace(item, colour=random.choice([c for c in COLOURS if c not in used])))


def _part(scene: Scene, random: Random) -> Scene:
    item = random.choice(scene.items)
    free = [c for c in COLOURS if c != item.colour]
    return _with(scene, item, replace(item, second=random.choice(free))) if item.second else scene


def _pattern(scene: Scene, random: Random) -> Scene:
    item = random.choice(scene.items)
    if not item.pattern:
        return scene
    alike = [p for p in PATTERNS if (p in COLOURED) == (item.pattern in COLOURED)]
    return _with(scene, item, replace(item, pattern=random.choice(alike)))


def _size(scene: Scene, random: Random) -> Scene:
    item = scene.items[0]
    if not item.size or len(scene.items) > 1:
        return scene
    return _with(scene, item, replace(item, size="small" if item.size == "large" else "large"))


def _count(scene: Scene, random: Random) -> Scene:
    if scene.kind not in ("count", "groups"):
        return scene
    item = random.choice(scene.items)
    others = sum(other.count for other in scene.items) - item.count
    return _with(scene, item, replace(item, count=random.choice([n for n in COUNTS if n + others <= max(COUNTS)])))


def _setting(scene: Scene, random: Random) -> Scene:
    return replace(scene, setting=random.choice(SETTINGS))


def _relation(scene: Scene, random: Random) -> Scene:
    """Another relation of the same objects, as far as they have room for it; not the opposite one."""
    if scene.relation in (None, "between"):
        return scene
    host = scene.items[1].object
    sized = any(item.size for item in scene.items)
    closed = {"between", MIRRORED.get(str(scene.relation))} | (set(FITTED) if sized else set())
    free = [r for r in RELATIONS if r not in closed and (r not in ("inside", "under") or host in FULL.rooms(r))]
    return replace(scene, relation=random.choice(free))


def _binding(scene: Scene, random: Random) -> Scene:
    """Two things exchange their colours or their counts: a bag of words cannot tell."""
    if len(scene.items) < 2:
        return scene
    a, b = random.sample(scene.items, 2)
    if a.count != b.count and random.random() < 0.5:
        changed = replace(a, count=b.count), replace(b, count=a.count)
    elif a.named and b.named and a.colour and b.colour and not a.second and not b.second:
        changed = replace(a, colour=b.colour), replace(b, colour=a.colour)
    else:
        return scene
    return _with(_with(scene, a, changed[0]), b, changed[1])


def _place(scene: Scene, random: Random) -> Scene:
    """Two things exchange their places."""
    opposite: Relation | None = MIRRORED.get(str(scene.relation))
    return replace(scene, relation=opposite) if opposite else scene


def _word(scene: Scene, random: Random) -> Scene:
    """The word with one letter changed, or another word."""
    word = scene.word
    if word is None:
        return scene
    if random.random() > _ONE_LETTER:
        return replace(scene, word=sample_word(random))
    place = random.randrange(len(word))
    return replace(scene, word=word[:place] + random.choice(sorted(LETTERS)) + word[place + 1 :])


CHANGES: dict[str, Callable[[Scene, Random], Scene]] = {
    "object": _object,
    "colour": _colour,
    "part": _part,
    "pattern": _pattern,
    "size": _size,
    "count": _count,
    "setting": _setting,
    "relation": _relation,
    "binding": _binding,
    "place": _place,
    "word": _word,
}


def _with(scene: Scene, old: Item, new: Item) -> Scene:
    return replace(scene, items=tuple(new if item is old else item for item in scene.items))
