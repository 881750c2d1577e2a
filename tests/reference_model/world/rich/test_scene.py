"""Scenes of the rich world: reproducible, of every kind, and in one split only, each composition in one wording."""

import json
from collections import Counter
from dataclasses import asdict, replace
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_model.world.rich.colours import COLOURS
from reference_model.world.rich.near_miss import CHANGES, near_miss
from reference_model.world.rich.objects import OBJECTS, WRITTEN_ON
from reference_model.world.rich.patterns import PATTERNS
from reference_model.world.rich.sampling import FULL, Vocabulary, sample_scene
from reference_model.world.rich.scene import (
    KINDS,
    RELATIONS,
    Item,
    Scene,
    is_held_out,
    relation_wording,
    scene_from_json,
    split_of,
)
from reference_model.world.rich.settings import SETTINGS
from reference_model.world.rich.words import LETTERS, LONGEST, SHORTEST, WORDS

SEEDS = st.integers(0, 2**53)
SPLITS = st.sampled_from(["train", "held_out"])
MIRRORED = {"left of": "right of", "right of": "left of", "above": "below", "below": "above", "next to": "next to"}


def drawn(seed: int, split: str = "train") -> Scene:
    return sample_scene(Random(seed), split)  # type: ignore[arg-type]


@given(SEEDS, SPLITS)
def test_one_seed_gives_one_scene_of_its_split(seed: int, split: str) -> None:
    scene = drawn(seed, split)
    assert scene == drawn(seed, split)
    assert split_of(scene) == split
    assert any(map(is_held_out, scene.compositions())) == (split == "held_out")


@given(SEEDS, SPLITS)
def test_scenes_make_sense(seed: int, split: str) -> None:
    scene = drawn(seed, split)
    names = [item.object for item in scene.items]
    assert scene.kind in KINDS
    assert scene.setting in SETTINGS
    assert len(set(names)) == len(names)
    assert 1 <= sum(item.count for item in scene.items) <= 6
    colours = [item.colour for item in scene.items if item.colour]
    assert len(set(colours)) == len(colours)
    assert (scene.word is not None) == (names[0] in WRITTEN_ON)
    for item in scene.items:
        recipe = OBJECTS.get(item.object)
        assert (item.colour is None) == (item.pattern in ("wooden", "glass"))
        assert item.colour in (None, *COLOURS)
        assert item.pattern in (None, *PATTERNS)
        assert item.second != item.colour or item.second is None
        if recipe is not None:
            assert recipe.patterned or item.pattern is None
            assert recipe.second or item.second is None
            assert item.named or item.colour in recipe.natural
    if scene.relation in ("inside", "under"):
        room = OBJECTS[names[1]].room
        assert room is not None
        assert room.relation == scene.relation
    if scene.word is not None:
        assert SHORTEST <= len(scene.word) <= LONGEST
        assert set(scene.word) <= set(LETTERS)


@given(SEEDS, SPLITS)
def test_scenes_survive_json(seed: int, split: str) -> None:
    scene = drawn(seed, split)
    assert scene_from_json(json.loads(json.dumps(asdict(scene)))) == scene


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_either_split_shows_everything(split: str) -> None:
    scenes = [sample_scene(Random(f"all/{i}"), split) for i in range(3000)]  # type: ignore[arg-type]
    items = [item for scene in scenes for item in scene.items]
    assert {item.object for item in items} == {*OBJECTS, *WRITTEN_ON}
    assert {item.colour for item in items} == {None, *COLOURS}
    assert {item.pattern for item in items} == {None, *PATTERNS}
    assert {item.count for item in items} == {1, 2, 3, 4, 5, 6}
    assert {item.size for item in items} == {None, "small", "large"}
    assert {scene.setting for scene in scenes} == set(SETTINGS)
    assert {scene.relation for scene in scenes} == {None, *RELATIONS}
    assert set(Counter(scene.kind for scene in scenes)) == set(KINDS)
    assert {len(scene.word) for scene in scenes if scene.word} == set(range(SHORTEST, LONGEST + 1))
    assert {item.object for item in items if item.second} == {n for n, recipe in OBJECTS.items() if recipe.second}


def test_one_picture_told_from_either_side_is_in_one_split() -> None:
    for first, second in product(("car", "cup", "tree", "cat"), repeat=2):
        for relation, mirrored in MIRRORED.items():
            told = relation_wording(relation, first, second)  # type: ignore[arg-type]
            assert told == relation_wording(mirrored, second, first)  # type: ignore[arg-type]
    assert (
        relation_wording("between", "a", "c", "b") == relation_wording("between", "a", "b", "c") == "a between b and c"
    )
    assert relation_wording("on", "a", "b") != relation_wording("on", "b", "a")


def test_one_composition_in_eight_of_every_sort_is_held_out() -> None:
    names = sorted(OBJECTS)
    pairs = [(a, b) for a in names for b in names if a < b]
    sorts = {
        "colours": [f"{o}/{c}" for o in names for c in COLOURS],
        "counts": [f"{n}x{o}" for o in names for n in range(2, 7)],
        "patterns": [f"{p} {o}" for o in names for p in PATTERNS],
        "left of": [relation_wording("left of", a, b) for a, b in pairs],
        "right of": [relation_wording("right of", a, b) for a, b in pairs],
        "next to": [relation_wording("next to", a, b) for a, b in pairs],
        "words": [f'"{word}"' for word in WORDS],
    }
    for sort, compositions in sorts.items():
        rate = sum(map(is_held_out, compositions)) / len(compositions)
        assert abs(rate - 1 / 8) < 4 * (0.11 / len(compositions)) ** 0.5, sort  # four standard deviations


def test_a_colour_that_a_thing_has_in_life_is_never_held_out() -> None:
    for name, recipe in OBJECTS.items():
        for colour in recipe.natural:
            assert split_of(Scene((Item(name, colour),), "plain")) == "train"


def test_what_a_scene_holds_out_is_all_that_is_special_about_it() -> None:
    car = Item("car", "purple", pattern="striped")
    boat = Item("boat", "green", second="pink")
    scene = Scene((car, boat), "sea", relation="below")
    assert set(scene.compositions()) == {
        "car/purple", "striped car", "boat/green", "boat's sails/pink", "boat above car",
    }  # fmt: skip
    assert Scene((replace(car, pattern=None, count=3),), "sea").compositions() == ("car/purple", "3xcar")
    assert Scene((Item("sign", "red"),), "sea", word="GO").compositions() == ('"GO"',)


@given(SEEDS, SPLITS)
def test_near_misses_differ_and_stay_in_their_split_and_kind(seed: int, split: str) -> None:
    random = Random(seed)
    scene = sample_scene(random, split)  # type: ignore[arg-type]
    other = near_miss(scene, random, split, tuple(CHANGES))  # type: ignore[arg-type]
    assert other is not None
    assert other != scene
    assert (other.kind, split_of(other)) == (scene.kind, split)
    assert sum(item.count for item in other.items) <= 6
    colours = [item.colour for item in other.items if item.colour]
    assert len(set(colours)) == len(colours)


def test_a_smaller_vocabulary_makes_a_smaller_world() -> None:
    few = Vocabulary(
        ("apple", "box", "cat", "table"), ("red", "blue", "green", "white"), ("grass", "snow"), (), (1, 2, 3)
    )
    for seed in range(200):
        scene = sample_scene(Random(seed), "train", few)
        assert scene.setting in few.settings
        assert all(item.object in (*few.objects, *WRITTEN_ON) and item.colour in few.colours for item in scene.items)
    assert FULL.objects == tuple(sorted(OBJECTS))
