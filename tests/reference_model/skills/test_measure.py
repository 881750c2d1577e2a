"""Skill checks pass true renderings, fail wrong ones, bear a small model's faults, and cannot be fooled by nothing."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift
from scipy.stats import binomtest

from reference_model.checkpoint import save_cascade_index, save_stage, untrained_cascade
from reference_model.networks.presets import TINY
from reference_model.skills.measure import draw_requests, main, paired_difference, skill_rates, wilson_interval
from reference_model.world.checks import check_image, check_reading
from reference_model.world.objects import COLOURS, LETTERS, OBJECTS, WORDS
from reference_model.world.reading import Reading, Thing, read_image
from reference_model.world.render import Layout, Placement, render, sample_layout
from reference_model.world.scene import COUNTS, KINDS, RELATIONS, SETTINGS, Item, Scene, sample_scene

PER_KIND = 40


@lru_cache(maxsize=1)
def scenes() -> tuple[Scene, ...]:
    """Held-out scenes, equally many of every kind."""
    random, found = Random("skill tests"), defaultdict(list)
    while any(len(found[kind]) < PER_KIND for kind in KINDS):
        scene = sample_scene(random, "held_out")
        found[scene.kind].append(scene)
    return tuple(scene for kind in KINDS for scene in found[kind][:PER_KIND])


def picture(scene: Scene, random: Random) -> np.ndarray:
    return render(sample_layout(scene, random), 64)


def degraded(image: np.ndarray, random: Random) -> np.ndarray:
    """As a small diffusion model errs: moved a little, blurred, in colours somewhat off, noisy."""
    numbers = np.random.default_rng(random.getrandbits(32))
    moved = shift(image.astype(float), (*numbers.uniform(-1.5, 1.5, 2), 0), order=1, mode="nearest")
    blurred = gaussian_filter(moved, (0.7, 0.7, 0)) + numbers.choice([-10, 10], 3)
    return np.clip(np.rint(blurred + numbers.normal(0, 8, image.shape)), 0, 255).astype(np.uint8)


def with_one_change(scene: Scene, random: Random) -> Iterator[tuple[str, Scene]]:
    """The scene with one thing changed, and the skill that this has to cost."""
    place = random.randrange(len(scene.items))

    def changed(**change: str | int) -> Scene:
        items = list(scene.items)
        items[place] = replace(items[place], **change)
        return replace(scene, items=tuple(items))

    yield "setting", replace(scene, setting=random.choice([s for s in SETTINGS if s != scene.setting]))
    used = {item.colour for item in scene.items} | ({"black"} if scene.word else set())
    yield "colour", changed(colour=random.choice([c for c in COLOURS if c not in used]))
    if scene.word is not None:
        yield "word", replace(scene, word=random.choice([w for w in WORDS if w != scene.word]))
        return
    yield "object", changed(object=random.choice([o for o in OBJECTS if o not in {i.object for i in scene.items}]))
    if scene.relation is not None:
        yield "relation", replace(scene, relation=random.choice([r for r in RELATIONS if r != scene.relation]))
    else:
        yield "count", changed(count=random.choice([c for c in COUNTS if c != scene.items[0].count]))


@pytest.mark.parametrize(
    ("spoil", "least"), [(lambda image, _: image, 0.97), (degraded, 0.9)], ids=["true", "degraded"]
)
def test_true_renderings_pass(spoil: Callable[[np.ndarray, Random], np.ndarray], least: float) -> None:
    random = Random("true")
    rates = skill_rates([spoil(picture(scene, random), random) for scene in scenes()], scenes())
    assert {skill: n for skill, (_, n) in rates.items()} == {
        "object": 4 * PER_KIND,
        "colour": 4 * PER_KIND,
        "count": 2 * PER_KIND,
        "relation": PER_KIND,
        "setting": 4 * PER_KIND,
        "word": PER_KIND,
    }
    assert {skill: rate for skill, (rate, _) in rates.items() if rate < least} == {}


def test_one_wrong_attribute_costs_its_skill() -> None:
    random, passed = Random("wrong"), defaultdict(list)
    for scene in scenes()[::2]:
        for skill, wrong in with_one_change(scene, random):
            passed[skill].append(check_image(picture(wrong, random), scene)[skill])
    assert set(passed) == {"object", "colour", "count", "relation", "setting", "word"}
    assert {skill: found for skill, found in passed.items() if sum(found) > 0.03 * len(found)} == {}


def test_swapped_colours_are_bound_wrongly() -> None:
    scene = Scene((Item("cup", "red"), Item("tree", "blue")), "plain", relation="left of")
    swapped = replace(scene, items=(Item("cup", "blue"), Item("tree", "red")))
    checks = check_image(picture(swapped, Random(1)), scene)
    assert checks == {"object": True, "colour": False, "relation": True, "setting": True}


def nothing() -> Iterator[np.ndarray]:
    numbers = np.random.default_rng(0)
    for setting in SETTINGS:
        empty = render(Layout(setting, None, ()), 64)
        yield empty
        yield degraded(empty, Random(setting))
    for level in (0, 90, 128, 205, 255):
        yield np.full((64, 64, 3), level, np.uint8)
    for _ in range(4):
        yield numbers.integers(0, 256, (64, 64, 3), np.uint8)
        yield np.clip(numbers.normal(128, 40, (64, 64, 3)), 0, 255).astype(np.uint8)
        blobs = gaussian_filter(numbers.normal(0, 1, (64, 64, 3)), (4, 4, 0))
        yield np.clip(128 + 60 * blobs / blobs.std(), 0, 255).astype(np.uint8)


def test_images_of_nothing_fail_everything() -> None:
    for image in nothing():
        reading = read_image(image)
        assert not any(passed for scene in scenes() for passed in check_reading(reading, scene).values())


def test_letters_are_read_without_knowing_the_words() -> None:
    random, right = Random("letters"), []
    for number in range(60):
        word = "".join(random.choice(sorted(LETTERS)) for _ in range(2 + number % 3))
        colour = random.choice([c for c in COLOURS if c != "black"])
        sign = Placement("sign", colour, 0.5, 0.52, random.uniform(0.31, 0.38))
        right.append(read_image(render(Layout(random.choice(SETTINGS), word, (sign,)), 64)).word == word)
    assert sum(right) >= 0.9 * len(right)


def test_a_sign_without_ink_has_no_word() -> None:
    reading = read_image(render(Layout("grass", None, (Placement("sign", "yellow", 0.5, 0.5, 0.35),)), 64))
    assert [thing.object for thing in reading.things] == ["sign"]
    assert reading.word is None


def test_things_that_touch_are_two() -> None:
    """A pixel of overlap, which generated images often have, does not make one thing of two."""
    for first, second in (("ball", "apple"), ("car", "boat"), ("heart", "house")):
        touching = (Placement(first, "red", 0.28, 0.3, 0.21), Placement(second, "blue", 0.7, 0.3, 0.215))
        things = read_image(render(Layout("plain", None, touching), 64)).things
        assert [(t.object, t.colour) for t in sorted(things, key=lambda t: t.x)] == [(first, "red"), (second, "blue")]


def thing(name: str | None, colour: str | None, x: float = 0.0, y: float = 0.0) -> Thing:
    return Thing(name, colour, (0.0, 0.0, 0.0), x, y, 12.0, 0.1)


PAIR = Scene((Item("cup", "red"), Item("tree", "blue")), "snow", relation="above")
CUPS = Scene((Item("cup", "red", 2),), "snow")


@pytest.mark.parametrize(
    ("scene", "things", "passed"),
    [
        (PAIR, [thing("cup", "red", 9, 9), thing("tree", "blue", 12, 40)], {"object", "colour", "relation"}),
        (PAIR, [thing("cup", "red", 12, 40), thing("tree", "blue", 9, 9)], {"object", "colour"}),
        (PAIR, [thing("cup", "red", 9, 9), thing("tree", "blue", 60, 40)], {"object", "colour"}),  # rather left of
        (PAIR, [thing("cup", "red"), thing("tree", "blue", 0, 9), thing("tree", "blue", 0, 50)], set()),
        (PAIR, [thing("cup", "red"), thing("fish", "blue", 0, 40)], set()),
        (PAIR, [thing("cup", "red")], set()),
        (CUPS, [thing("cup", "red"), thing("cup", "red")], {"object", "colour", "count"}),
        (CUPS, [thing("cup", "red")], {"object", "colour"}),
        (CUPS, [thing("fish", "red"), thing(None, "red")], {"colour", "count"}),
        (CUPS, [thing("cup", "red"), thing("cup", None)], {"object", "count"}),
    ],
)
def test_what_each_skill_means(scene: Scene, things: Sequence[Thing], passed: set[str]) -> None:
    checks = check_reading(Reading("snow", tuple(things)), scene)
    assert {skill for skill, right in checks.items() if right} == passed | {"setting"}


def test_other_images_are_refused() -> None:
    for image in (np.zeros((256, 256, 3), np.uint8), np.zeros((64, 64, 3), np.float32)):
        with pytest.raises(ValueError, match="uint8 of shape"):
            read_image(image)


def test_intervals_are_wilsons() -> None:
    for right, n in ((0, 16), (16, 16), (55, 200)):
        expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
        assert wilson_interval(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_the_paired_interval_covers_the_true_difference_and_says_no_more_than_it_knows() -> None:
    random, n, covered = np.random.default_rng(0), 200, 0
    for _ in range(400):
        before = random.random(n) < 0.9
        after = np.where(before, random.random(n) < 0.97, random.random(n) < 0.1)
        _, low, high = paired_difference(list(before), list(after))
        covered += low <= 0.9 * 0.97 + 0.1 * 0.1 - 0.9 <= high
    assert 0.92 < covered / 400 < 0.985
    change, low, high = paired_difference([True] * 50, [True] * 50)
    assert low < change == 0 < high


def test_requests_are_fixed_by_their_seed() -> None:
    requests = draw_requests(30, "held_out")
    assert requests[:10] == draw_requests(10, "held_out")
    assert not {request.seed for request in requests} & {r.seed for r in draw_requests(30, "held_out", seed=1)}
    assert any(
        request.scene != other.scene for request, other in zip(requests, draw_requests(30, "train"), strict=True)
    )


def test_the_command_finds_no_skill_in_random_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cascade = untrained_cascade(TINY[:1])
    (stage,) = cascade.stages
    save_stage(tmp_path, stage.config, stage.unet, {})
    cascade.text_encoder.encoder.save_pretrained(tmp_path / "text_encoder")
    save_cascade_index(tmp_path, "a test", (stage.config.name,))
    arguments = ["--checkpoint", str(tmp_path), "-n", "18", "--steps", "1"]
    assert main([*arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    rows = {(row["skill"], row["scenes"]): row for row in result["skills"]}
    assert rows["object", "all"]["n"] == 18
    assert all(row["rate"] == 0 == row["low"] < row["high"] for row in rows.values())
    assert main(arguments) == 0
    assert "object    all     18  0.0%" in capsys.readouterr().out


def test_a_larger_size_is_compared_with_the_base_images_it_was_made_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cascade = untrained_cascade(TINY[:2])
    for stage in cascade.stages:
        save_stage(tmp_path, stage.config, stage.unet, {})
    cascade.text_encoder.encoder.save_pretrained(tmp_path / "text_encoder")
    save_cascade_index(tmp_path, "a test", tuple(stage.config.name for stage in cascade.stages))
    assert main(["--checkpoint", str(tmp_path), "-n", "2", "--steps", "1", "--size", "256", "--json"]) == 0
    (change,) = [row for row in json.loads(capsys.readouterr().out)["less those at 64"] if row["skill"] == "object"]
    assert change["n"] == 2
    assert change["low"] < change["change"] == 0 < change["high"]
    assert main(["--checkpoint", str(tmp_path), "-n", "2", "--size", "128"]) == 2


def test_the_command_names_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--checkpoint", str(tmp_path)]) == 2
    assert "cascade.json" in capsys.readouterr().err
