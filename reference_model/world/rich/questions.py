"""What a text encoder may be asked about a caption of the rich world, as classes: its scene in a canonical order."""

from reference_model.world.rich.colours import COLOURS
from reference_model.world.rich.objects import OBJECTS, WRITTEN_ON
from reference_model.world.rich.patterns import PATTERNS
from reference_model.world.rich.scene import COUNTS, MIRRORED, RELATIONS, Item, Scene
from reference_model.world.rich.settings import SETTINGS
from reference_model.world.rich.words import LETTERS, LONGEST

MOST_ITEMS = 3
_OBJECTS = ("", *sorted(OBJECTS), *WRITTEN_ON)
_COLOURS = ("", *COLOURS)
_PATTERNS = ("", *PATTERNS)
_SIZES = ("", "small", "large")
_LETTERS = ("", *sorted(LETTERS))
# Of a relation and its mirror image only one is in the canonical order.
_RELATIONS = ("", *(relation for relation in RELATIONS if relation not in ("right of", "below")))
_OF_AN_ITEM = tuple(len(words) for words in (_OBJECTS, _COLOURS, COUNTS, _SIZES, _PATTERNS, _COLOURS))

# Number of answers to each question, in the order of `answers`.
ANSWERS: tuple[int, ...] = (
    *_OF_AN_ITEM * MOST_ITEMS,
    len(_RELATIONS),
    len(SETTINGS),
    *(len(_LETTERS),) * LONGEST,
)


def item_order(scene: Scene) -> list[int]:
    """The scene's items in canonical order: left or upper first; where nothing tells them apart, by their names."""
    order = list(range(len(scene.items)))
    if scene.relation in ("right of", "below"):
        return order[::-1]
    names = [item.object for item in scene.items]
    if scene.relation in ("next to", None):
        return sorted(order, key=lambda i: names[i])
    return [0, *sorted(order[1:], key=lambda i: names[i])] if scene.relation == "between" else order


def answers(scene: Scene) -> list[int]:
    """Three items' object, colour, count, size, pattern and part's colour each; the relation, setting and letters."""
    items = [scene.items[i] for i in item_order(scene)]
    relation = scene.relation or ""
    word = scene.word or ""
    found: list[int] = []
    for i in range(MOST_ITEMS):
        found += _of_item(items[i]) if i < len(items) else [0] * len(_OF_AN_ITEM)
    found += [_RELATIONS.index(MIRRORED[relation] if relation in ("right of", "below") else relation)]
    return [*found, SETTINGS.index(scene.setting), *(_LETTERS.index(word[i : i + 1]) for i in range(LONGEST))]


def _of_item(item: Item) -> list[int]:
    colour = item.colour if item.named and item.colour else ""
    return [
        _OBJECTS.index(item.object),
        _COLOURS.index(colour),
        COUNTS.index(item.count),
        _SIZES.index(item.size or ""),
        _PATTERNS.index(item.pattern or ""),
        _COLOURS.index(item.second or ""),
    ]
