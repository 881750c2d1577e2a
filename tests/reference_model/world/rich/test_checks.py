"""Skill checks of the rich world pass true renderings, fail wrong ones, bear small faults, see nothing in nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from reference_model.skills.measure import skill_rates
from reference_model.world.rich.checks import check_image, check_reading
from reference_model.world.rich.colours import COLOURS
from reference_model.world.rich.layout import Layout, sample_layout
from reference_model.world.rich.objects import OBJECTS
from reference_model.world.rich.patterns import COLOURED, PATTERNS
from reference_model.world.rich.reading import Reading, Thing, read_image
from reference_model.world.rich.render import render
from reference_model.world.rich.scene import SKILLS, Item, Scene
from reference_model.world.rich.settings import SETTINGS

Scenes = Callable[[int], list[Scene]]
Spoil = Callable[[np.ndarray, Random], np.ndarray]
# A relation that the same two things may be in, and that is no case of the first.
OTHER = {
    "left of": "above", "right of": "left of", "above": "below", "below": "right of", "on": "above", "under": "next to",
    "inside": "left of", "next to": "right of",
}  # fmt: skip


def picture(scene: Scene, random: Random) -> np.ndarray:
    return render(sample_layout(scene, random), 64)


def rates(scenes: Sequence[Scene], spoil: Spoil) -> dict[str, tuple[float, int]]:
    random = Random("true")
    return skill_rates([spoil(picture(scene, random), random) for scene in scenes], scenes, "rich")


def untouched(image: np.ndarray, _: Random) -> np.ndarray:
    return image


def with_one_change(scene: Scene, random: Random) -> Iterator[tuple[str, Scene]]:
    """The scene with one thing changed, and the skill that this has to cost."""
    item = scene.items[0]
    used = {other.colour for other in scene.items} | {item.second}

    def changed(**change: str | int | None) -> Scene:
        return replace(scene, items=(replace(item, **change), *scene.items[1:]))  # type: ignore[arg-type]

    yield "setting", replace(scene, setting=random.choice([s for s in SETTINGS if s != scene.setting]))
    if item.colour and item.named:
        yield "colour", changed(colour=random.choice([c for c in COLOURS if c not in used]))
    if item.second:
        yield "part", changed(second=random.choice([c for c in COLOURS if c not in used]))
    if item.pattern:
        alike = [p for p in (*PATTERNS, None) if p != item.pattern and (p in COLOURED) == (item.pattern in COLOURED)]
        yield "pattern", changed(pattern=random.choice([p for p in alike if p or item.colour]))
    if scene.kind == "single" and item.size:
        yield "size", changed(size="large" if item.size == "small" else "small")
    if scene.word is not None:
        place = random.randrange(len(scene.word))
        letter = random.choice([c for c in "ABDEFKLMNOPRSTUZ" if c != scene.word[place]])
        yield "word", replace(scene, word=scene.word[:place] + letter + scene.word[place + 1 :])
        return
    names = {other.object for other in scene.items}
    others = [n for n, r in OBJECTS.items() if n not in names and r.patterned >= bool(item.pattern)]
    yield "object", changed(object=random.choice(others), second=None)
    if scene.kind in ("single", "count", "groups"):
        most = 6 - sum(other.count for other in scene.items[1:])
        if most > 1:
            yield "count", changed(count=random.choice([n for n in range(1, most + 1) if n != item.count]))
    if scene.relation == "between":
        yield "relation", replace(scene, items=(scene.items[1], item, scene.items[2]))
    elif scene.relation is not None:
        unsized = tuple(replace(other, size=None) for other in scene.items)
        yield "relation", replace(scene, items=unsized, relation=OTHER[scene.relation])  # type: ignore[arg-type]


def wrong_passed(scenes: Sequence[Scene]) -> dict[str, list[bool]]:
    """Per skill, whether it was passed by renderings that are wrong in just that."""
    random, passed = Random("wrong"), defaultdict(list)
    for scene in scenes:
        for skill, wrong in with_one_change(scene, random):
            passed[skill].append(check_image(picture(wrong, random), scene)[skill])
    return passed


def test_true_renderings_pass(scenes_per_kind: Scenes) -> None:
    found = rates(scenes_per_kind(3), untouched)
    assert set(found) >= {"object", "colour", "count", "relation", "setting", "word"}
    assert {skill: rate for skill, rate in found.items() if rate[0] * rate[1] < rate[1] - 1} == {}


def test_one_wrong_attribute_costs_its_skill(scenes_per_kind: Scenes) -> None:
    passed = wrong_passed(scenes_per_kind(1))
    assert {skill: found for skill, found in passed.items() if any(found)} == {}


@pytest.mark.proof
def test_nearly_all_true_renderings_pass(scenes_per_kind: Scenes) -> None:
    found = rates(scenes_per_kind(80), untouched)
    assert set(found) == set(SKILLS)
    assert {skill: rate for skill, (rate, _) in found.items() if rate < 0.97} == {}


@pytest.mark.proof
def test_most_mildly_degraded_renderings_pass(scenes_per_kind: Scenes, degraded: Spoil) -> None:
    found = rates(scenes_per_kind(60), degraded)
    assert {skill: rate for skill, (rate, _) in found.items() if rate < 0.87} == {}


@pytest.mark.proof
def test_hardly_any_wrong_renderings_pass(scenes_per_kind: Scenes) -> None:
    passed = wrong_passed(scenes_per_kind(40))
    assert set(passed) == set(SKILLS)
    assert {skill: sum(found) / len(found) for skill, found in passed.items() if sum(found) > 0.03 * len(found)} == {}


def test_swapped_colours_are_bound_wrongly() -> None:
    scene = Scene((Item("cup", "red"), Item("tree", "blue")), "plain", relation="left of")
    swapped = replace(scene, items=(Item("cup", "blue"), Item("tree", "red")))
    checks = check_image(picture(swapped, Random(1)), scene)
    assert checks == {"object": True, "colour": False, "relation": True, "setting": True}


def test_swapped_counts_are_wrong() -> None:
    scene = Scene((Item("cat", "red", 3), Item("boat", "blue", 1)), "grass")
    swapped = replace(scene, items=(Item("cat", "red", 1), Item("boat", "blue", 3)))
    checks = check_image(picture(swapped, Random(2)), scene)
    assert checks == {"object": True, "colour": True, "count": False, "setting": True}


def nothing() -> Iterator[np.ndarray]:
    numbers = np.random.default_rng(0)
    for setting in SETTINGS:
        yield render(Layout(setting, None, ()), 64)
    for level in (0, 128, 255):
        yield np.full((64, 64, 3), level, np.uint8)
    for _ in range(2):
        yield numbers.integers(0, 256, (64, 64, 3), np.uint8)
        blobs = gaussian_filter(numbers.normal(0, 1, (64, 64, 3)), (4, 4, 0))
        yield np.clip(128 + 60 * blobs / blobs.std(), 0, 255).astype(np.uint8)


def test_images_of_nothing_fail_everything(scenes_per_kind: Scenes) -> None:
    scenes = scenes_per_kind(8)
    for image in nothing():
        reading = read_image(image)
        assert not any(passed for scene in scenes for passed in check_reading(reading, scene).values())


def thing(
    name: str | None, colour: str | None, x: float = 0.0, y: float = 0.0, half: float = 8.0, **more: object
) -> Thing:
    box = (x - half, y - half, x + half, y + half)
    values = {"pattern": None, "second_colour": None, "room": None} | more
    return Thing(name, colour, main=(0.0, 0.0, 0.0), x=x, y=y, half=half, box=box, unexplained=0.1, **values)  # type: ignore[arg-type]


PAIR = Scene((Item("cup", "red"), Item("tree", "blue")), "snow", relation="above")
CUPS = Scene((Item("cup", "red", 2),), "snow")
GROUPS = Scene((Item("cup", "red", 2), Item("tree", "blue")), "snow")
CAR = Scene((Item("car", "red", size="small", second="blue"),), "snow")
STRIPED = Scene((Item("cat", "red", pattern="striped"), Item("boat", None, pattern="wooden")), "snow")
WOODEN_BOAT = thing("boat", None, pattern="wooden")
PLAIN_BANANA = Scene((Item("banana", "yellow", named=False),), "snow")


@pytest.mark.parametrize(
    ("scene", "things", "passed"),
    [
        (PAIR, [thing("cup", "red", 9, 9), thing("tree", "blue", 12, 40)], {"object", "colour", "relation"}),
        (PAIR, [thing("cup", "red", 12, 40), thing("tree", "blue", 9, 9)], {"object", "colour"}),
        (PAIR, [thing("cup", "red", 9, 9), thing("tree", "blue", 60, 40)], {"object", "colour"}),  # rather left of
        (PAIR, [thing("cup", "red", 9, 9), thing("tree", "blue", 9, 26)], {"object", "colour"}),  # on it
        (PAIR, [thing("cup", "red"), thing("tree", "blue", 0, 9), thing("tree", "blue", 0, 50)], set()),
        (PAIR, [thing("cup", "red"), thing("fish", "blue", 0, 40)], set()),
        (PAIR, [thing("cup", "red")], set()),
        (CUPS, [thing("cup", "red"), thing("cup", "red")], {"object", "colour", "count"}),
        (CUPS, [thing("cup", "red")], {"object", "colour"}),
        (CUPS, [thing("fish", "red"), thing(None, "red")], {"colour", "count"}),
        (CUPS, [thing("cup", "red"), thing("cup", None)], {"object", "count"}),
        (GROUPS, [thing("cup", "red")] * 2 + [thing("tree", "blue")], {"object", "colour", "count"}),
        (GROUPS, [thing("cup", "red"), thing("tree", "blue")], {"object", "colour"}),
        (GROUPS, [thing("cup", "blue")] * 2 + [thing("tree", "red")], {"object", "count"}),
        (GROUPS, [thing("cup", "red")] * 3, set()),
        (CAR, [thing("car", "red", second_colour="blue")], {"object", "colour", "part", "size", "count"}),
        (CAR, [thing("car", "red", half=16, second_colour="red")], {"object", "colour", "count"}),
        (CAR, [thing("bus", "red", second_colour="blue")], {"colour", "count"}),
        (STRIPED, [thing("cat", "red", pattern="striped"), WOODEN_BOAT], {"object", "colour", "pattern"}),
        (STRIPED, [thing("cat", "red", pattern="dotted"), WOODEN_BOAT], {"object", "colour"}),
        (STRIPED, [thing("cat", "red", pattern="striped"), thing("boat", "brown")], {"object", "colour"}),
        (PLAIN_BANANA, [thing("banana", "blue")], {"object", "count"}),
    ],
)  # fmt: skip
def test_what_each_skill_means(scene: Scene, things: Sequence[Thing], passed: set[str]) -> None:
    checks = check_reading(Reading("snow", tuple(things)), scene)
    assert {skill for skill, right in checks.items() if right} == passed | {"setting"}
    if scene is PLAIN_BANANA:
        assert "colour" not in checks, "no caption says it"


TABLE_ROOM = (12.0, 26.0, 52.0, 56.0)


@pytest.mark.parametrize(
    ("relation", "first", "second", "holds"),
    [
        ("left of", (10, 30), (50, 34), True),
        ("left of", (10, 10), (14, 50), False),
        ("right of", (50, 34), (10, 30), True),
        ("below", (30, 50), (30, 12), True),
        ("next to", (20, 30), (39, 32), True),
        ("next to", (39, 32), (20, 30), True),
        ("next to", (10, 30), (50, 30), False),
        ("next to", (30, 20), (30, 38), False),
        ("on", (30, 20), (30, 37), True),
        ("on", (30, 10), (30, 37), False),
        ("on", (30, 37), (30, 20), False),
    ],
)
def test_relations_of_two(relation: str, first: tuple[int, int], second: tuple[int, int], holds: bool) -> None:
    scene = Scene((Item("cup", "red"), Item("tree", "blue")), "snow", relation=relation)  # type: ignore[arg-type]
    reading = Reading("snow", (thing("cup", "red", *first), thing("tree", "blue", *second)))
    assert check_reading(reading, scene)["relation"] is holds


@pytest.mark.parametrize(
    ("relation", "first", "holds"),
    [("under", (30, 45), True), ("under", (30, 62), False), ("below", (30, 45), False), ("left of", (20, 42), False)],
)
def test_what_is_in_a_room_is_nowhere_else(relation: str, first: tuple[int, int], holds: bool) -> None:
    scene = Scene((Item("cup", "red"), Item("table", "blue")), "snow", relation=relation)  # type: ignore[arg-type]
    table = thing("table", "blue", 32, 32, 26, room=TABLE_ROOM)
    assert check_reading(Reading("snow", (thing("cup", "red", *first), table)), scene)["relation"] is holds


@pytest.mark.parametrize(
    ("places", "holds"),
    [
        ([(32, 30), (10, 32), (54, 30)], True),
        ([(32, 30), (54, 32), (10, 30)], True),
        ([(10, 30), (32, 32), (54, 30)], False),
        ([(32, 54), (10, 30), (54, 30)], False),
        ([(32, 30), (30, 8), (33, 56)], True),
    ],
)
def test_between_is_in_the_middle(places: list[tuple[int, int]], holds: bool) -> None:
    items = (Item("cup", "red"), Item("tree", "blue"), Item("cat", "green"))
    things = tuple(thing(item.object, item.colour, *place) for item, place in zip(items, places, strict=True))
    scene = Scene(items, "snow", relation="between")
    assert check_reading(Reading("snow", things), scene)["relation"] is holds
