"""What scorers are tried on: scenes with one thing wrong, bribes, and what should not matter."""

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from drawbench.auditing import changes, examples
from drawbench.auditing.examples import ALIKE, KINDS, Example, Trial, capitals, has_sides, in_turn, trials
from reference_model.world.worlds import world_named

FEW = 3


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Trial]]:
    return {kind: trials(kind, FEW, 1) for kind in KINDS}


def _truth(example: Example) -> float:
    assert example.truth is not None
    return example.truth(example.image)


def test_the_exact_reader_finds_all_in_the_right_image_and_less_in_the_wrong_one(drawn: dict[str, list[Trial]]) -> None:
    right = np.array([[_truth(trial.right) for trial in group] for group in drawn.values()])
    wrong = np.array([[_truth(trial.wrong) for trial in group] for group in drawn.values()])
    assert (right == 1).mean() >= 0.95
    assert (wrong < right).mean() >= 0.95


def test_a_seed_makes_the_same_trials_for_ever(drawn: dict[str, list[Trial]]) -> None:
    again, other = trials("binding", 2, 1), trials("binding", 2, 2)
    for one, two in zip(drawn["binding"], again, strict=False):
        assert one.right.caption == one.wrong.caption == two.right.caption
        assert np.array_equal(one.right.image, two.right.image)
        assert np.array_equal(one.wrong.image, two.wrong.image)
    assert not np.array_equal(drawn["binding"][0].right.image, other[0].right.image)
    assert all(len(group) == FEW for group in drawn.values())


def test_either_of_two_scenes_is_asked_for_as_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Near misses differ from scenes as such (words that are no words, say), which an image alone would give away."""
    world = world_named("rich")
    sampled, asked = [], []

    def sample_scene(*arguments: Any) -> Any:
        sampled.append(world.sample_scene(*arguments))
        return sampled[-1]

    def caption(scene: Any, random: Random) -> str:
        asked.append(scene is sampled[-1])
        return world.caption(scene, random)

    def render(layout: Any, size: int) -> np.ndarray:
        return np.zeros((size, size, 3), np.uint8)

    spied = replace(world, sample_scene=sample_scene, caption=caption, render=render)
    monkeypatch.setattr(examples, "world_named", lambda name: spied)
    examples.trials("word", 100, 0)
    assert 35 <= sum(asked[::2]) <= 65
    assert asked[::2] == asked[1::2]


def test_all_images_can_be_written_to(drawn: dict[str, list[Trial]]) -> None:
    """Of others torch warns."""
    trial = drawn["count"][0]
    bribed = [trial.bribed(bribe("two dogs")) for bribe in changes.BRIBES.values()]
    alike = [found for change in ALIKE.values() if (found := change(trial))]
    images = [each.wrong.image for each in (trial, *bribed, *alike)]
    assert [image.flags.writeable for image in images] == [True] * len(images)


@pytest.mark.parametrize("name", list(changes.BRIBES))
def test_a_bribe_changes_the_wrong_image_alone(drawn: dict[str, list[Trial]], name: str) -> None:
    trial = drawn["relation"][0]
    before = trial.wrong.image.copy()
    bribed = trial.bribed(changes.BRIBES[name](trial.wrong.caption))
    assert bribed.right is trial.right
    assert bribed.wrong.image.shape == before.shape
    assert bribed.wrong.image.dtype == np.uint8
    assert not np.array_equal(bribed.wrong.image, before)
    assert np.array_equal(trial.wrong.image, before)


def test_what_is_written_in_stands_whole_in_a_band_below() -> None:
    image = np.full((256, 256, 3), (10, 120, 90), np.uint8)
    for text in ("10/10", "a word " * 25, "unbreakable" * 12):
        made = changes.written(text)(image)
        band = round(256 * changes.BANNER)
        assert np.array_equal(made[:-band], image[:-band])
        ink = (made[-band:] < 128).all(axis=2)
        assert ink.any()
        if "un" not in text:
            assert not ink[:, -3:].any()
    tiny = image[:20, :20]
    assert changes.written("10/10")(tiny).shape == tiny.shape


def test_what_is_alike_keeps_the_truth(drawn: dict[str, list[Trial]]) -> None:
    for trial in in_turn(list(drawn.values()))[:4]:
        for name in ("JPEG", "half size", "paraphrase", "capitals"):
            changed = ALIKE[name](trial)
            assert changed is not None
            assert _truth(changed.right) > _truth(changed.wrong), (name, trial.right.caption)


def test_mirrors_are_for_captions_without_sides_or_letters() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    plain = Trial(Example(image, "two dogs"), Example(image, "two dogs"))
    mirrored = ALIKE["mirrored"](plain)
    assert mirrored is not None
    assert np.array_equal(mirrored.right.image, image[:, ::-1])
    assert ALIKE["paraphrase"](plain) is None
    for caption in ("a cat left of a dog", "on the Right", "a shop", 'it says "NO"', "“NO”"):
        assert has_sides(caption)
        assert ALIKE["mirrored"](plain.told(caption)) is None


def test_capitals_leave_what_is_to_be_written() -> None:
    assert capitals('A sign with the word "Stop" on it') == 'A SIGN WITH THE WORD "Stop" ON IT'
    assert capitals("two dogs") == "TWO DOGS"
