"""The worlds by name: the small one is today's functions; both offer all that trainings and checks ask for."""

import json
from dataclasses import asdict
from random import Random

import numpy as np
import pytest

from reference_model.world import captions, render, scene
from reference_model.world.rich import scene as rich_scene
from reference_model.world.worlds import SMALL_WORLDS, WORLDS, world_named


def test_the_small_world_is_the_functions_of_its_modules() -> None:
    world = world_named("small")
    one, other = Random(3), Random(3)
    drawn = scene.sample_scene(one, "train")
    assert world.sample_scene(other, "train") == drawn
    assert world.caption(drawn, other) == captions.caption(drawn, one)
    layout = render.sample_layout(drawn, one)
    assert world.sample_layout(drawn, other) == layout
    whole = render.render(layout, 256)
    np.testing.assert_array_equal(world.render(layout, 256), whole)
    np.testing.assert_array_equal(world.render(layout, 256, (8, 16, 40, 80)), whole[16:80, 8:40])
    assert world.kinds == scene.KINDS


@pytest.mark.parametrize("name", WORLDS)
def test_a_world_reads_its_own_scenes_back_and_checks_its_own_images(name: str) -> None:
    world = world_named(name)
    checked = set()
    for number in range(12):
        random = Random(number)
        drawn = world.sample_scene(random, "held_out")
        assert world.scene_from_json(json.loads(json.dumps(asdict(drawn)))) == drawn
        assert drawn.kind in world.kinds
        checks = world.check_image(world.render(world.sample_layout(drawn, random), 64), drawn)
        assert {"object", "setting"} <= set(checks) <= set(world.skills)
        checked |= set(checks)
    assert len(checked) >= 4


def test_pairs_is_the_small_world_with_more_pairs() -> None:
    """Its scenes are of the same split, told and drawn by the same functions; only the mix of kinds is another."""
    small, pairs = world_named("small"), world_named("pairs")
    for shared in ("caption", "sample_layout", "near_miss"):
        assert getattr(pairs, shared) is getattr(small, shared)
    shares = []
    for world in (small, pairs):
        drawn = [world.sample_scene(Random(seed), "train") for seed in range(1000)]
        assert all(scene.split_of(each) == "train" for each in drawn)
        shares.append(sum(each.kind == "pair" for each in drawn) / 1000)
    assert shares == pytest.approx([0.36, 0.62], abs=0.05)  # three standard errors


def test_other_names_are_refused() -> None:
    with pytest.raises(ValueError, match="small, rich"):
        world_named("poor")


SHARES_WORDS = {"binding": ("object", "colour", "count"), "place": ("object", "colour", "count")}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("split", ["train", "held_out"])
def test_near_misses_make_one_change_in_the_same_split(name: str, split: scene.Split) -> None:
    """Of every kind of change some scene allows one, and what a change is called is what differs."""
    world, made = world_named(name), set()
    of_split = scene.split_of if name in SMALL_WORLDS else rich_scene.split_of
    for seed in range(400):
        random = Random(seed)
        one = world.sample_scene(random, split)
        for what in world.changes:
            other = world.near_miss(one, random, split, (what,))
            if other is None:
                continue
            made.add(what)
            assert other != one
            assert of_split(other) == split
            assert (what == "setting") == (other.setting != one.setting)
            assert (what == "word") == (other.word != one.word)
            assert (what in ("place", "relation")) == (other.relation != one.relation)
            for field in SHARES_WORDS.get(what, ()):
                bags = [sorted(str(getattr(item, field)) for item in drawn.items) for drawn in (one, other)]
                assert bags[0] == bags[1]
            world.render(world.sample_layout(other, random), 64)
    assert made == set(world.changes)


def test_a_scene_that_allows_no_change_of_a_kind_has_no_such_near_miss() -> None:
    for name in WORLDS:
        world = world_named(name)
        single = next(
            drawn for seed in range(99) if (drawn := world.sample_scene(Random(seed), "train")).kind == "single"
        )
        assert world.near_miss(single, Random(0), "train", ("binding", "place", "word")) is None
