"""Skill checks of the rich world: does an image show its scene? Exact rules over what `reading` finds in it."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from reference_model.world.rich.reading import Reading, Thing, read_image
from reference_model.world.rich.scene import Item, Relation, Scene
from reference_model.world.rich.shapes import Rect

_TOUCHING = 3.0  # pixels between the boxes of two things of which one is on the other
_NEXT_TO = 6.0  # pixels between things next to each other, at most
_ROOM_SLACK = 3.0  # pixels by which what is in a room may stand out
_SMALL, _LARGE = 13.0, 23.8  # half sizes in pixels: of a small thing at most, of a large one at least
_LARGER = 1.25  # times the small thing of two, that the large one measures at least


def check_image(image: np.ndarray, scene: Scene) -> dict[str, bool]:
    """Which skills a uint8 image (64, 64, 3) shows for its scene; only those that the scene asks for.

    A thing is one connected region that differs from what is behind it. An image without any fails everything.

    setting   always: the background is the scene's setting.
    object    single, count, sign: every thing is the scene's object, however many there are. groups: there are things
              of both kinds and no others. pair, between, list: the things are exactly the objects, one of each.
    colour    where the caption names one: single, count, sign: every thing has it, whatever object it is.
              Otherwise: `object` holds, and each thing has its own object's colour (binding).
    part      where the caption names the colour of a part: `object` holds, and the thing's part has that colour.
    pattern   likewise, for striped, dotted, wooden and glass things.
    size      single: the thing is small, or large. pair: the large one is larger by a quarter at least.
    count     single, count: there are exactly so many things. groups: exactly so many of each object.
    relation  pair, between: `object` holds, and the things are in that relation (see RELATION_RULES).
    word      sign: there is one sign or shop, and the letters read from it, each for itself, are the scene's word.

    Raises ValueError for an image of another shape or type.
    """
    return check_reading(read_image(image), scene)


def check_reading(reading: Reading, scene: Scene) -> dict[str, bool]:
    """The checks of `check_image` on an image that has been read."""
    things, items = reading.things, scene.items
    alike = len(items) == 1
    objects = _objects_right(things, scene)
    checks = {"object": objects, "setting": bool(things) and reading.setting == scene.setting}
    if any(item.named and item.colour for item in items):
        checks["colour"] = (
            bool(things)
            and (alike or objects)
            and _each(
                things, items, lambda thing, item: thing.colour == item.colour or not item.named or not item.colour
            )
        )
    if any(item.second for item in items):
        checks["part"] = objects and _each(things, items, lambda t, item: item.second in (None, t.second_colour))
    if any(item.pattern for item in items):
        checks["pattern"] = objects and _each(things, items, lambda t, item: item.pattern in (None, t.pattern))
    if any(item.size for item in items):
        checks["size"] = objects and _sizes_right(things, items)
    if scene.kind in ("single", "count"):
        checks["count"] = len(things) == items[0].count
    if scene.kind == "groups":
        checks["count"] = Counter(t.object for t in things) == Counter({item.object: item.count for item in items})
    if scene.relation is not None:
        checks["relation"] = objects and relation_holds(scene.relation, [_the(things, item) for item in items])
    if scene.word is not None:
        checks["word"] = reading.word == scene.word
    return checks


def relation_holds(relation: Relation, things: Sequence[Thing]) -> bool:
    """Whether the first thing is in this relation to the others."""
    return RELATION_RULES[relation](*things)


def _objects_right(things: Sequence[Thing], scene: Scene) -> bool:
    found, asked = Counter(str(thing.object) for thing in things), {item.object for item in scene.items}
    if scene.kind in ("single", "count", "sign", "groups"):
        return set(found) == asked
    return found == Counter(asked)


def _each(things: Sequence[Thing], items: Sequence[Item], rule: Callable[[Thing, Item], bool]) -> bool:
    """Whether the rule holds for every thing and its item; things that are all to be alike have the one item."""
    if len(items) == 1:
        return all(rule(thing, items[0]) for thing in things)
    by_name = {item.object: item for item in items}
    return all(rule(thing, by_name[str(thing.object)]) for thing in things)


def _sizes_right(things: Sequence[Thing], items: Sequence[Item]) -> bool:
    if len(items) == 1:
        return all(thing.half <= _SMALL if items[0].size == "small" else thing.half >= _LARGE for thing in things)
    small, large = (next(_the(things, item) for item in items if item.size == size) for size in ("small", "large"))
    return large.half >= _LARGER * small.half


def _the(things: Sequence[Thing], item: Item) -> Thing:
    return next(thing for thing in things if thing.object == item.object)


def _beside(first: Thing, second: Thing) -> bool:
    """Whether two things are farther apart to the side than up and down."""
    return abs(first.x - second.x) > abs(first.y - second.y)


def _left_of(first: Thing, second: Thing) -> bool:
    return _beside(first, second) and first.x < second.x and not _held(first, second)


def _above(first: Thing, second: Thing) -> bool:
    apart = second.box[1] - first.box[3]
    return not _beside(first, second) and first.y < second.y and apart > _TOUCHING and not _held(first, second)


def _on(first: Thing, second: Thing) -> bool:
    """In its room, or touching its top from above."""
    if _in_room(first, second, "on"):
        return True
    sideways = min(first.box[2], second.box[2]) - max(first.box[0], second.box[0])
    return sideways > 0 and abs(second.box[1] - first.box[3]) <= _TOUCHING and first.y < second.y


def _next_to(first: Thing, second: Thing) -> bool:
    left, right = sorted((first, second), key=lambda thing: thing.x)
    level = min(first.box[3], second.box[3]) - max(first.box[1], second.box[1])
    return _beside(first, second) and level > 0 and -_TOUCHING <= right.box[0] - left.box[2] <= _NEXT_TO


def _between(first: Thing, second: Thing, third: Thing) -> bool:
    """Nearer to the middle of the other two than they are, along the line on which they lie apart."""
    flat = _beside(second, third)
    places = [(thing.x, thing.y) if flat else (thing.y, thing.x) for thing in (first, second, third)]
    (along, across), (low, low_across), (high, high_across) = places[0], *sorted(places[1:])
    return low < along < high and abs(across - (low_across + high_across) / 2) < (high - low) / 4


def _held(first: Thing, second: Thing) -> bool:
    """Whether one of two things is in the other's room: then it is not beside, above or below it."""
    return any(
        _in_room(a, b, relation)
        for relation in ("inside", "on", "under")
        for a, b in ((first, second), (second, first))
    )


def _in_room(first: Thing, second: Thing, relation: str) -> bool:
    return second.room is not None and second.room_relation == relation and _holds(second.room, first.box)


def _holds(room: Rect, box: Rect) -> bool:
    return (
        box[0] >= room[0] - _ROOM_SLACK
        and box[1] >= room[1] - _ROOM_SLACK
        and box[2] <= room[2] + _ROOM_SLACK
        and box[3] <= room[3] + _ROOM_SLACK
    )


RELATION_RULES: dict[str, Callable[..., bool]] = {
    "left of": _left_of,
    "right of": lambda first, second: _left_of(second, first),
    "above": _above,
    "below": lambda first, second: _above(second, first),
    "on": _on,
    "under": lambda first, second: _in_room(first, second, "under"),
    "inside": lambda first, second: _in_room(first, second, "inside"),
    "next to": _next_to,
    "between": _between,
}
