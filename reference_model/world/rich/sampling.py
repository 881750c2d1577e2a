"""Random scenes of the rich world."""

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
CORE = Vocabulary(  # objects that differ plainly in shape at 64 pixels, no patterns, and more pairs and signs
    (
        *("butterfly", "cat", "elephant", "fish", "penguin", "snail"),
        *("apple", "banana", "carrot", "cherry", "donut", "pineapple"),
        *("airplane", "balloon", "boat", "bus", "car", "rocket"),
        *("clock", "house", "lamp", "table", "tent"),
        *("cactus", "flower", "mushroom", "tree"),
        *("book", "box", "cup", "hat", "key", "umbrella"),
        *("circle", "heart", "square", "star", "triangle"),
    ),
    patterns=(),
    kinds=(("single", 0.28), ("count", 0.17), ("groups", 0.04), ("pair", 0.32), ("list", 0.06), ("sign", 0.13)),
)
_UNNAMED = 0.15  # of objects whose colour no caption says
_IN_A_ROOM = 0.5  # of what is on something: on a chair, a sofa or a bed; the rest stands on top of anything
_SIZED = 0.2
_TWO_SIZES: tuple[tuple[Size, Size], ...] = (("small", "large"), ("large", "small"))
FITTED: tuple[str, ...] = ("inside", "under", "on")  # these leave no choice of sizes


def sample_scene(random: Random, split: Split, vocabulary: Vocabulary = FULL) -> Scene:
    """A random scene of a split, by rejection: the mix of kinds is kept in both splits."""
    kinds, weights = zip(*vocabulary.kinds, strict=True)
    kind = random.choices(kinds, weights)[0]
    while True:
        scene = _SAMPLERS[kind](random, vocabulary)
        if split_of(scene) == split:
            return scene


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
    if relation not in FITTED and random.random() < _SIZED:
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
