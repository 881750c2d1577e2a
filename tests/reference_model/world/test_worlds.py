"""The worlds by name: the small one is today's functions; both offer all that trainings and checks ask for."""

import json
from dataclasses import asdict
from random import Random

import numpy as np
import pytest

from reference_model.world import captions, render, scene
from reference_model.world.worlds import WORLDS, world_named


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


def test_other_names_are_refused() -> None:
    with pytest.raises(ValueError, match="small, rich"):
        world_named("poor")
