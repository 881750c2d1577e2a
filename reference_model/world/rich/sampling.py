"""Random scenes of the rich world, and scenes that differ from another in one thing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from reference_model.world.rich.colours import COLOURS
from reference_model.world.rich.objects import OBJECTS, WRITTEN_ON
from reference_model.world.rich.patterns import COLOURED, PATTERNS
from reference_model.world.rich.scene import COUNTS, KINDS, RELATIONS, Item, Relation, Scene, Size, split_of
from reference_model.world.rich.settings import SETTINGS
from reference_model.world.rich.words import sample_word
from reference_model.world.scene import Split


@dataclass(frozen=True)
class Vocabulary:
    """What scenes are made of. A smaller one makes a world that a smaller model can learn.

    kinds: how often each kind of scene comes. patterns: of what a single object may be or bear; empty for none.
    """

    objects: tuple[str, ...]
    colours: tuple[str, ...] = tuple(COLOURS)
    settings: tuple[str, ...] = SETTINGS
    patterns: tuple[str, ...] = PATTERNS
    counts: tuple[int, ...] = COUNTS
    relations: tuple[Relation, ...] = RELATIONS
    kinds: tuple[tuple[str, float], ...] = tuple(zip(KINDS, (0.25, 0.17, 0.07, 0.28, 0.05, 0.08, 0.10), strict=True))

    def rooms(self, relation: Relation) -> tuple[str, ...]:
        """The objects that have room for another one that is inside, under or on them."""
        return tuple(n for n in self.objects if (room := OBJECTS[n].room) is not None and room.relation == relation)


FULL = Vocabulary(tuple(sorted(OBJECTS)))
_UNNAMED = 0.15  # of objects whose colour no caption says
_IN_A_ROOM = 0.5  # of what is on something: on a chair, a sofa or a bed; the rest stands on top of anything
_SIZED = 0.2
_TWO_SIZES: tuple[tuple[Size, Size], ...] = (("small", "large"), ("large", "small"))
_FITTED: tuple[str, ...] = ("inside", "under", "on")  # these leave no choice of sizes


def sample_scene(random: Random, split: Split, vocabulary: Vocabulary = FULL) -> Scene:
    """A random scene of a split, by rejection: the mix of kinds is kept in both splits."""
    kinds, weights = zip(*vocabulary.kinds, strict=True)
    kind = random.choices(kinds, weights)[0]
    while True:
        scene = _SAMPLERS[kind](random, vocabulary)
        if split_of(scene) == split:
            return scene


def near_miss(scene: Scene, random: Random, split: Split, vocabulary: Vocabulary = FULL) -> Scene:
    """The scene with one thing changed, in the same split and of the same kind."""
    while True:
        changed = _changed(scene, random, vocabulary)
        if changed != scene and changed.kind == scene.kind and split_of(changed) == split:
            return changed


def _single(random: Random, words: Vocabulary) -> Scene:
    item = _item(random, words, random.choice(words.objects), set(), plain=0.5)
    sizes: tuple[Size, ...] = ("large",) if item.pattern else ("small", "large")  # a pattern needs room to be seen
    size = random.choice(sizes) if random.random() < _SIZED else None
    return Scene((replace(item, size=size),), random.choice(words.settings))


def _count(random: Random, words: Vocabulary) -> Scene:
    item = _item(random, words, random.choice(words.objects), set(), plain=1)
    return Scene((replace(item, count=random.choice(words.counts[1:])),), random.choice(words.settings))


def _groups(random: Random, words: Vocabulary) -> Scene:
    most = max(words.counts)
    first = random.choice(words.counts[: max(1, most - 1)])
    second = random.choice([n for n in words.counts if n + first <= most and n + first > 2])
    items = _items(random, words, random.sample(words.objects, 2), plain=1)
    counted = tuple(replace(item, count=n) for item, n in zip(items, (first, second), strict=True))
    return Scene(counted, random.choice(words.settings))


def _pair(random: Random, words: Vocabulary) -> Scene:
    relation = random.choice([r for r in words.relations if r != "between"])
    first, second = _pair_of_objects(random, words, relation)
    items = _items(random, words, [first, second], plain=0.75)
    while relation in ("inside", "on") and items[1].pattern:  # on a patterned host little else can be seen
        items = _items(random, words, [first, second], plain=0.75)
    if relation not in _FITTED and random.random() < _SIZED:
        sizes = _TWO_SIZES[random.random() < 0.5]
        items = tuple(replace(item, size=size) for item, size in zip(items, sizes, strict=True))
    return Scene(items, random.choice(words.settings), relation=relation)


def _between(random: Random, words: Vocabulary) -> Scene:
    items = _items(random, words, random.sample(words.objects, 3), plain=1)
    return Scene(items, random.choice(words.settings), relation="between")


def _list(random: Random, words: Vocabulary) -> Scene:
    number = random.choice((2, 2, 3))
    items = _items(random, words, random.sample(words.objects, number), plain=0.75 if number == 2 else 1)
    return Scene(items, random.choice(words.settings))


def _sign(random: Random, words: Vocabulary) -> Scene:
    item = Item(random.choice(WRITTEN_ON), random.choice(words.colours), named=random.random() < 0.75)
    return Scene((item,), random.choice(words.settings), word=sample_word(random))


_SAMPLERS: dict[str, Callable[[Random, Vocabulary], Scene]] = {
    "single": _single,
    "count": _count,
    "groups": _groups,
    "pair": _pair,
    "between": _between,
    "list": _list,
    "sign": _sign,
}


def _pair_of_objects(random: Random, words: Vocabulary, relation: Relation) -> tuple[str, str]:
    """Two different objects of which the first can be in this relation to the second."""
    rooms = words.rooms(relation)
    if rooms and (relation != "on" or random.random() < _IN_A_ROOM):
        host = random.choice(rooms)
    else:
        host = random.choice(words.objects)
    return random.choice([name for name in words.objects if name != host]), host


def _items(random: Random, words: Vocabulary, names: list[str], plain: float) -> tuple[Item, ...]:
    """Objects that all differ in colour."""
    items: list[Item] = []
    for name in names:
        items.append(_item(random, words, name, {item.colour for item in items}, plain))
    return tuple(items)


def _item(random: Random, words: Vocabulary, name: str, used: set[str | None], plain: float) -> Item:
    """An object in a colour that is not used yet; with probability `plain` it has nothing but a colour."""
    recipe = OBJECTS[name]
    natural = [colour for colour in recipe.natural if colour in words.colours and colour not in used]
    if natural and random.random() < _UNNAMED:
        return Item(name, random.choice(natural), named=False)
    item = Item(name, random.choice([colour for colour in words.colours if colour not in used]))
    patterns = words.patterns if recipe.patterned else ()
    if random.random() < plain or not (patterns or recipe.second):
        return item
    if recipe.second and (not patterns or random.random() < 0.5):
        return replace(item, second=random.choice([c for c in words.colours if c != item.colour]))
    pattern = random.choice(patterns)
    return replace(item, pattern=pattern, colour=item.colour if pattern in COLOURED else None)


def _changed(scene: Scene, random: Random, words: Vocabulary) -> Scene:
    if random.random() < 0.15:
        return replace(scene, setting=random.choice(words.settings))
    if scene.word is not None and random.random() < 0.6:
        return replace(scene, word=_other_word(scene.word, random))
    if scene.relation is not None and scene.relation != "between" and random.random() < 0.35:
        return _other_relation(scene, random, words)
    if len(scene.items) > 1 and random.random() < 0.35:
        return _exchanged(scene, random)
    place = random.randrange(len(scene.items))
    items = list(scene.items)
    items[place] = _other_item(items[place], scene, random, words)
    return replace(scene, items=tuple(items))


def _other_word(word: str, random: Random) -> str:
    """Another word, or this one with a letter changed."""
    if random.random() < 0.5:
        return sample_word(random)
    place = random.randrange(len(word))
    return word[:place] + random.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + word[place + 1 :]


def _other_relation(scene: Scene, random: Random, words: Vocabulary) -> Scene:
    """Another relation of the same objects, as far as they have room for it."""
    host = scene.items[1].object
    free = [r for r in words.relations if r not in ("between", "inside", "under") or host in words.rooms(r)]
    relation = random.choice([r for r in free if r != "between"])
    sized = any(item.size for item in scene.items)
    return scene if sized and relation in _FITTED else replace(scene, relation=relation)


def _exchanged(scene: Scene, random: Random) -> Scene:
    """Two things exchange their looks or their places: a bag of words cannot tell."""
    items = list(scene.items)
    i, j = random.sample(range(len(items)), 2)
    a, b = items[i], items[j]
    if scene.relation in ("left of", "right of", "above", "below") and random.random() < 0.5:
        return replace(scene, items=(b, a))
    if a.count != b.count and random.random() < 0.5:
        items[i], items[j] = replace(a, count=b.count), replace(b, count=a.count)
    elif a.named and b.named and a.colour and b.colour and not a.second and not b.second:
        items[i], items[j] = replace(a, colour=b.colour), replace(b, colour=a.colour)
    return replace(scene, items=tuple(items))


def _other_item(item: Item, scene: Scene, random: Random, words: Vocabulary) -> Item:
    used = {other.colour for other in scene.items}
    free = [colour for colour in words.colours if colour not in used and colour != item.second]
    what = random.choice(("colour", "object", "count", "size", "pattern", "second"))
    if what == "colour" and item.colour and item.named:
        return replace(item, colour=random.choice(free))
    if what == "second" and item.second:
        return replace(item, second=random.choice([c for c in words.colours if c != item.colour]))
    if what == "count" and scene.kind in ("count", "groups"):
        others = sum(other.count for other in scene.items) - item.count
        return replace(item, count=random.choice([n for n in words.counts if n + others <= max(words.counts)]))
    if what == "size" and item.size and len(scene.items) == 1:
        return replace(item, size="small" if item.size == "large" else "large")
    if what == "pattern" and item.pattern:
        pattern = random.choice([p for p in words.patterns if (p in COLOURED) == (item.pattern in COLOURED)])
        return replace(item, pattern=pattern)
    if what == "object" and item.named and not item.second and item.object in OBJECTS:
        return replace(item, object=_other_object(item, scene, random, words))
    return item


def _other_object(item: Item, scene: Scene, random: Random, words: Vocabulary) -> str:
    """An object that can be in this one's place."""
    names = {other.object for other in scene.items}
    host = len(scene.items) > 1 and item is scene.items[1] and scene.relation in ("inside", "under")
    pool = words.rooms(scene.relation) if host and scene.relation else words.objects
    free = [n for n in pool if n not in names and (not item.pattern or OBJECTS[n].patterned)]
    return random.choice(free) if free else item.object
