"""Scenes: reproducible, of every kind, and in one split only."""

from collections import Counter
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_model.world.objects import COLOURS, OBJECTS, WORDS
from reference_model.world.scene import KINDS, RELATIONS, SETTINGS, Item, Scene, is_held_out, sample_scene, split_of

SEEDS = st.integers(0, 2**53)
MIRRORED = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


def _facts(scene: Scene) -> set[frozenset[str]]:
    """What a model could learn from the scene, worked out apart from `Scene.compositions`."""
    facts = {f'"{scene.word}"'} if scene.word else {f"{item.object}/{item.colour}" for item in scene.items}
    facts |= {f"{item.count}x{item.object}" for item in scene.items if item.count > 1}
    found = {frozenset([fact]) for fact in facts}
    if scene.relation:
        found.add(_relation(scene.items[0].object, scene.relation, scene.items[1].object))
    return found


def _relation(first: str, relation: str, second: str) -> frozenset[str]:
    return frozenset([f"{first} {relation} {second}", f"{second} {MIRRORED[relation]} {first}"])


@given(SEEDS)
def test_training_scenes_hold_no_held_out_composition(seed: int) -> None:
    assert not any(is_held_out(fact) for fact in _facts(sample_scene(Random(seed), "train")))


@given(SEEDS)
def test_held_out_scenes_hold_at_least_one(seed: int) -> None:
    assert any(is_held_out(fact) for fact in _facts(sample_scene(Random(seed), "held_out")))


def test_one_picture_told_from_either_side_is_in_one_split() -> None:
    for first, second, relation in product(sorted(OBJECTS), sorted(OBJECTS), RELATIONS):
        if first != second:
            items = (Item(first, "red"), Item(second, "blue"))
            told = Scene(items, "plain", relation)
            retold = Scene(items[::-1], "plain", MIRRORED[relation])  # type: ignore[arg-type]
            assert split_of(told) == split_of(retold)


@given(SEEDS, st.sampled_from(["train", "held_out"]))
def test_one_seed_gives_one_scene(seed: int, split: str) -> None:
    scene = sample_scene(Random(seed), split)  # type: ignore[arg-type]
    assert scene == sample_scene(Random(seed), split)  # type: ignore[arg-type]
    assert split_of(scene) == split


@given(SEEDS)
def test_scenes_make_sense(seed: int) -> None:
    scene = sample_scene(Random(seed), "train")
    assert scene.setting in SETTINGS
    assert scene.kind in KINDS
    assert all(item.colour in COLOURS and 1 <= item.count <= 4 for item in scene.items)
    if scene.kind == "pair":
        first, second = scene.items
        assert first.object != second.object
        assert first.colour != second.colour
        assert first.count == second.count == 1
    elif scene.kind == "sign":
        assert scene.word in WORDS
        assert scene.items[0].colour != "black", "the word is drawn in black"
    else:
        assert len(scene.items) == 1


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_either_split_shows_every_object_colour_setting_relation_and_kind(split: str) -> None:
    scenes = [sample_scene(Random(f"all/{i}"), split) for i in range(1500)]  # type: ignore[arg-type]
    items = [item for scene in scenes for item in scene.items]
    assert {item.object for item in items} == {*OBJECTS, "sign"}
    assert {item.colour for item in items} == set(COLOURS)
    assert {item.count for item in items} == {1, 2, 3, 4}
    assert {scene.setting for scene in scenes} == set(SETTINGS)
    assert {scene.relation for scene in scenes} == {None, *RELATIONS}
    assert set(Counter(scene.kind for scene in scenes)) == set(KINDS)


def test_some_compositions_of_every_sort_are_held_out() -> None:
    relations = {_relation(a, r, b) for a in OBJECTS for b in OBJECTS if a != b for r in RELATIONS}
    sorts = {
        "colours": [frozenset([f"{o}/{c}"]) for o in OBJECTS for c in COLOURS],
        "counts": [frozenset([f"{n}x{o}"]) for o in OBJECTS for n in (2, 3, 4)],
        "relations": list(relations),
        "words": [frozenset([f'"{word}"']) for word in WORDS],
    }
    for sort, compositions in sorts.items():
        held_out = sum(map(is_held_out, compositions))
        assert 0 < held_out < len(compositions) / 2, sort


def test_a_scene_is_held_out_as_soon_as_one_composition_is() -> None:
    held_out = next(f"{o}/{c}" for o in OBJECTS for c in COLOURS if is_held_out(frozenset([f"{o}/{c}"])))
    trained = next(f"{o}/{c}" for o in OBJECTS for c in COLOURS if not is_held_out(frozenset([f"{o}/{c}"])))
    items = {name: Item(*name.split("/")) for name in (held_out, trained)}
    assert split_of(Scene((items[held_out],), "plain")) == "held_out"
    assert split_of(Scene((items[trained],), "plain")) == "train"
