"""Examples: one seed, one example; a low-resolution image shows the same part of the same scene."""

from random import Random

import numpy as np
import pytest
from PIL import Image

from reference_model.world.examples import ExampleKind, batch_seeds, captioned, draw_batch, draw_example
from reference_model.world.worlds import WORLDS, world_named


def test_every_example_of_every_step_has_a_seed_of_its_own() -> None:
    seeds = [seed for step in range(20) for seed in batch_seeds("x", step, 16)]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("size", "low_size", "crop"), [(256, 64, None), (256, 64, 128), (1024, 256, 256)])
def test_the_low_resolution_image_is_of_the_same_part(world: str, size: int, low_size: int, crop: int | None) -> None:
    for number in range(3):
        example = draw_example(ExampleKind(world, "train", size, low_size, crop), f"{number}")
        side = crop or size
        assert example.image.shape == (side, side, 3)
        assert example.low is not None
        assert example.low.shape == (side // 4, side // 4, 3)
        shrunk = np.asarray(Image.fromarray(example.image).reduce(4)).astype(float)
        aligned = np.abs(shrunk - example.low).mean()
        shifted = np.abs(np.roll(shrunk, (3, 3), axis=(0, 1)) - example.low).mean()
        assert aligned < 5
        assert shifted > aligned or example.low.std(axis=(0, 1)).max() < 3


@pytest.mark.parametrize("world", WORLDS)
def test_a_caption_can_be_had_without_an_image(world: str) -> None:
    kind = ExampleKind(world, "held_out", 64)
    seeds = list(batch_seeds("captions", 4, 5))
    captions = tuple(captioned(world_named(world), "held_out", seed)[2] for seed in seeds)
    assert draw_batch(kind, seeds).captions == captions


@pytest.mark.parametrize("world", WORLDS)
def test_an_example_is_the_worlds_own_rendering_of_its_scene(world: str) -> None:
    known = world_named(world)
    random = Random("7")
    scene = known.sample_scene(random, "train")
    caption = known.caption(scene, random)
    example = draw_example(ExampleKind(world, "train", 64), "7")
    assert example.caption == caption
    np.testing.assert_array_equal(example.image, known.render(known.sample_layout(scene, random), 64))
