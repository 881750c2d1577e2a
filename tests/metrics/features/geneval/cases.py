"""Random detections and GenEval rules of every task, the same for ever: what its own code said of them is recorded."""

from collections.abc import Iterator
from random import Random
from typing import Any

CLASSES = ("cat", "dog")
_COLOURS = ("red", "blue")

Box = tuple[float, float, float, float]
Case = tuple[dict[str, Any], dict[str, list[tuple[Box, float]]], dict[Box, str], float]


def cases(count: int = 600) -> Iterator[Case]:
    """A rule, boxes with scores by class, the colour of each box, and the overlap from which on two are one."""
    random = Random(7)
    for number in range(count):
        boxes = {name: [_box(random) for _ in range(random.randrange(4))] for name in CLASSES}
        colours = {box: random.choice(_COLOURS) for found in boxes.values() for box, _ in found}
        yield _rule(random, number % 6), boxes, colours, random.choice((1.0, 0.3))


def _box(random: Random) -> tuple[Box, float]:
    left, top = random.uniform(0, 60), random.uniform(0, 60)
    box = left, top, left + random.uniform(5, 60), top + random.uniform(5, 60)
    return tuple(float(round(edge, 1)) for edge in box), round(
        random.choice((0.2, 0.6, 0.95)) + random.random() / 50, 4
    )


def _rule(random: Random, task: int) -> dict[str, Any]:
    cat, dog = {"class": "cat", "count": 1}, {"class": "dog", "count": 1}
    if task == 0:
        return {"tag": "single_object", "include": [cat], "prompt": ""}
    if task == 1:
        return {"tag": "two_object", "include": [cat, dog], "prompt": ""}
    if task == 2:
        n = random.randrange(1, 3)
        more = {"class": "cat", "count": n + 1}
        return {"tag": "counting", "include": [{"class": "cat", "count": n}], "exclude": [more], "prompt": ""}
    first, second = random.choice(_COLOURS), random.choice(_COLOURS)
    if task == 3:
        return {"tag": "colors", "include": [{**cat, "color": first}], "prompt": ""}
    if task == 4:
        relation = random.choice(("left of", "right of", "above", "below"))
        return {"tag": "position", "include": [cat, {**dog, "position": [relation, 0]}], "prompt": ""}
    return {"tag": "color_attr", "include": [{**cat, "color": first}, {**dog, "color": second}], "prompt": ""}
