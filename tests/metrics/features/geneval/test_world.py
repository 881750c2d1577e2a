"""GenEval's rules on drawings of the procedural world, whose exact reader stands in for the detector and the CLIP."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import pytest

from metrics.features.geneval.reader import GenevalReader
from metrics.features.geneval.rules import COLOURS, RELATIONS, Detection, RuleFile, Thresholds
from reference_model.world.rich.layout import sample_layout
from reference_model.world.rich.objects import OBJECTS
from reference_model.world.rich.reading import Thing, read_image
from reference_model.world.rich.render import render
from reference_model.world.rich.scene import MIRRORED, Item, Scene
from reference_model.world.rich.settings import SETTINGS

NAMES = sorted(OBJECTS)
ALL = Thresholds(confidence=0, counting=0)


@cache
def _things(pixels: bytes) -> list[Thing]:
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(64, 64, 3)
    return [thing for thing in read_image(image).things if thing.object]


def things(image: np.ndarray) -> list[Thing]:
    return _things(image.tobytes())


def exact_detector(image: np.ndarray) -> dict[str, list[Detection]]:
    found: dict[str, list[Detection]] = {}
    for thing in things(image):
        found.setdefault(str(thing.object), []).append(Detection(thing.box, 1 - thing.unexplained))
    return found


def exact_colours(image: np.ndarray, name: str, found: Sequence[Detection]) -> list[str]:
    colours = {(thing.object, thing.box): thing.colour for thing in things(image)}
    return [str(colours[name, each.box]) for each in found]


def drawn(scene: Scene, random: Random) -> np.ndarray:
    return render(sample_layout(scene, random), 64)


def single(random: Random) -> tuple[dict, Scene, Scene]:
    name, other = random.sample(NAMES, 2)
    scene = Scene((coloured(name, random),), random.choice(SETTINGS))
    return {"include": [asked(name)]}, scene, replace(scene, items=(coloured(other, random),))


def two(random: Random) -> tuple[dict, Scene, Scene]:
    first, second, other = random.sample(NAMES, 3)
    scene = Scene(pair(first, second, random), random.choice(SETTINGS))
    return {"include": [asked(first), asked(second)]}, scene, replace(scene, items=pair(first, other, random))


def count(random: Random) -> tuple[dict, Scene, Scene]:
    name, n = random.choice(NAMES), random.randrange(2, 5)
    item = replace(coloured(name, random), count=n)
    scene = Scene((item,), random.choice(SETTINGS))
    rule = {"include": [asked(name, count=n)], "exclude": [asked(name, count=n + 1)]}
    return rule, scene, replace(scene, items=(replace(item, count=n + random.choice((-1, 1))),))


def colour(random: Random) -> tuple[dict, Scene, Scene]:
    item = coloured(random.choice(NAMES), random)
    scene = Scene((item,), random.choice(SETTINGS))
    wrong = replace(item, colour=random.choice([each for each in COLOURS if each != item.colour]))
    return {"include": [asked(item.object, color=item.colour)]}, scene, replace(scene, items=(wrong,))


def position(random: Random) -> tuple[dict, Scene, Scene]:
    first, second = random.sample(NAMES, 2)
    relation = random.choice(RELATIONS)
    scene = Scene(pair(first, second, random), random.choice(SETTINGS), relation)
    return (
        {"include": [asked(second), asked(first, position=[relation, 0])]},
        scene,
        replace(scene, relation=MIRRORED[relation]),
    )


def binding(random: Random) -> tuple[dict, Scene, Scene]:
    a, b = pair(*random.sample(NAMES, 2), random)
    scene = Scene((a, b), random.choice(SETTINGS))
    swapped = replace(a, colour=b.colour), replace(b, colour=a.colour)
    rule = {"include": [asked(a.object, color=a.colour), asked(b.object, color=b.colour)]}
    return rule, scene, replace(scene, items=swapped)


def asked(name: str, count: int = 1, **more: object) -> dict:
    return {"class": name, "count": count, **more}


def coloured(name: str, random: Random) -> Item:
    return Item(name, random.choice(COLOURS))


def pair(first: str, second: str, random: Random) -> tuple[Item, Item]:
    one, other = random.sample(COLOURS, 2)
    return Item(first, one), Item(second, other)


Task = Callable[[Random], tuple[dict, Scene, Scene]]
TASKS: dict[str, Task] = {
    "single_object": single,
    "two_object": two,
    "counting": count,
    "colors": colour,
    "position": position,
    "color_attr": binding,
}


def shares(task: str, n: int, folder: Path) -> tuple[float, float]:
    """How many of n true drawings obey their rules, and how many of n with one thing wrong."""
    random = Random(11)
    made = [TASKS[task](random) for _ in range(n)]
    rows = [{"tag": task, "prompt": f"scene {number}", **rule} for number, (rule, _, _) in enumerate(made)]
    path = folder / "rules.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    reader = GenevalReader(RuleFile.read(path), exact_detector, exact_colours, ALL, "")
    prompts = [str(row["prompt"]) for row in rows]
    true = reader([drawn(scene, random) for _, scene, _ in made], prompts)
    wrong = reader([drawn(scene, random) for _, _, scene in made], prompts)
    assert (true[:, 0] == 1).all()
    return float(true[:, 1].mean()), float(wrong[:, 1].mean())


@pytest.mark.parametrize("task", TASKS)
def test_true_drawings_obey_and_wrong_ones_do_not(task: str, tmp_path: Path) -> None:
    assert shares(task, 6, tmp_path) == (1, 0)


@pytest.mark.proof
@pytest.mark.parametrize("task", TASKS)
def test_nearly_all_true_drawings_obey_and_nearly_no_wrong_ones(task: str, tmp_path: Path) -> None:
    true, wrong = shares(task, 200, tmp_path)
    assert true >= 0.97
    assert wrong <= 0.03
