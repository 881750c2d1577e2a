"""Which skills an image of the small world shows for its scene: exact rules over what `reading` finds in it."""

import numpy as np

from reference_model.world.reading import Reading, Thing, read_image
from reference_model.world.scene import Relation, Scene


def check_image(image: np.ndarray, scene: Scene) -> dict[str, bool]:
    """Which skills a uint8 image (64, 64, 3) shows for its scene; only those that the scene's kind asks for.

    A thing is one connected region that differs from the setting's background. An image without any fails everything.

    setting   always: the background is the scene's setting.
    object    single, count, sign: every thing is the scene's object, however many there are.
              pair: the things are exactly the two objects, one of each.
    colour    single, count, sign: every thing's coloured part is nearest to the scene's colour, whatever object it is.
              pair: `object` holds, and each of the two has its own colour (binding).
    count     single, count: there are exactly so many things, whatever they are.
    relation  pair: `object` holds, and the first is on that side of the second, along the axis on which they lie
              farther apart.
    word      sign: there is one sign, and the letters read from it, each for itself, are the scene's word.

    Raises ValueError for an image of another shape or type.
    """
    return check_reading(read_image(image), scene)


def check_reading(reading: Reading, scene: Scene) -> dict[str, bool]:
    """The checks of `check_image` on an image that has been read."""
    things = reading.things
    setting = bool(things) and reading.setting == scene.setting
    if scene.relation is not None:
        return {**_check_pair(things, scene), "setting": setting}
    item = scene.items[0]
    checks = {
        "object": bool(things) and all(thing.object == item.object for thing in things),
        "colour": bool(things) and all(thing.colour == item.colour for thing in things),
        "setting": setting,
    }
    if scene.word is not None:
        return {**checks, "word": reading.word == scene.word}
    return {**checks, "count": len(things) == item.count}


def _check_pair(things: tuple[Thing, ...], scene: Scene) -> dict[str, bool]:
    if sorted(str(thing.object) for thing in things) != sorted(item.object for item in scene.items):
        return {"object": False, "colour": False, "relation": False}
    first, second = (next(thing for thing in things if thing.object == item.object) for item in scene.items)
    bound = (first.colour, second.colour) == (scene.items[0].colour, scene.items[1].colour)
    return {"object": True, "colour": bound, "relation": _relation(first, second) == scene.relation}


def _relation(first: Thing, second: Thing) -> Relation:
    """Where the first is, seen from the second, along the axis on which they are farther apart."""
    dx, dy = first.x - second.x, first.y - second.y
    if abs(dx) > abs(dy):
        return "left of" if dx < 0 else "right of"
    return "above" if dy < 0 else "below"
