"""Questions about captions: answers in range, the same for one picture told from either side, different otherwise."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from reference_model.world.rich.near_miss import CHANGES, near_miss
from reference_model.world.rich.questions import ANSWERS, answers, item_order
from reference_model.world.rich.sampling import sample_scene
from reference_model.world.rich.scene import Item, Scene

SEEDS = st.integers(0, 2**53)


@given(SEEDS)
def test_every_answer_is_one_that_the_question_has(seed: int) -> None:
    scene = sample_scene(Random(seed), "train")
    found = answers(scene)
    assert all(0 <= answer < count for answer, count in zip(found, ANSWERS, strict=True))
    assert sorted(item_order(scene)) == list(range(len(scene.items)))


@given(SEEDS)
def test_answers_tell_scenes_apart(seed: int) -> None:
    random = Random(seed)
    scene = sample_scene(random, "train")
    other = near_miss(scene, random, "train", tuple(CHANGES))
    if other is None or (scene.relation == "next to" and other == replace(scene, items=scene.items[::-1])):
        return
    assert answers(other) != answers(scene)


def test_a_relation_and_its_mirror_have_the_same_answers() -> None:
    car, cup, cat = Item("car", "red"), Item("cup", "blue"), Item("cat", "gray")
    for relation, mirrored in (("left of", "right of"), ("above", "below"), ("next to", "next to")):
        told = Scene((car, cup), "grass", relation=relation)  # type: ignore[arg-type]
        assert answers(told) == answers(Scene((cup, car), "grass", relation=mirrored))  # type: ignore[arg-type]
    assert answers(Scene((car, cup), "sea", "on")) != answers(Scene((cup, car), "sea", "on"))
    between = Scene((car, cup, cat), "grass", relation="between")
    assert answers(between) == answers(Scene((car, cat, cup), "grass", relation="between"))
    assert answers(between) != answers(Scene((cat, car, cup), "grass", relation="between"))


def test_a_colour_that_no_caption_says_is_not_asked_for() -> None:
    banana = Item("banana", "yellow")
    unnamed = replace(banana, named=False)
    assert answers(Scene((banana,), "sea")) != answers(Scene((unnamed,), "sea"))
