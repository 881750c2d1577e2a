"""Objects: each a normalised figure, each told apart from every other, each able to show every colour."""

from itertools import combinations
from random import Random

import numpy as np
import pytest

from reference_model.world.rich.colours import COLOURS, FIXED, GLASS, SHADE, WOOD
from reference_model.world.rich.layout import Layout, Placement, sample_layout
from reference_model.world.rich.lexicon import DESCRIPTIONS, RARE, SYNONYMS
from reference_model.world.rich.objects import FAMILIES, OBJECTS, WRITTEN_ON, figure
from reference_model.world.rich.render import render
from reference_model.world.rich.scene import Item, Scene
from reference_model.world.rich.settings import BACKGROUNDS

CLEARLY = 0.12  # of what there is to see of the larger of two objects, that differs between them
COLOURED_PIXELS = 5  # of an object's own colour, in a group of six at 64 px
NEAR = 24  # levels of each channel


def picture(name: str, colour: str = "blue") -> np.ndarray:
    """One object alone, float (64, 64, 3)."""
    placement = Placement(name, colour, None, None, 0.5, 0.5, 0.4)
    return render(Layout("plain", None, (placement,)), 64).astype(float)


def test_there_are_about_sixty_objects_in_seven_families_and_eleven_colours() -> None:
    assert set(FAMILIES) == {"animals", "food", "vehicles", "homes", "plants", "things", "shapes"}
    assert 60 <= len(OBJECTS) == sum(map(len, FAMILIES.values())) <= 70
    assert len(COLOURS) >= 11


def test_every_two_objects_differ_clearly_at_64_pixels() -> None:
    empty = render(Layout("plain", None, ()), 64).astype(float)
    pictures = {name: picture(name) for name in OBJECTS}
    shown = {name: float(((pixels - empty) ** 2).sum()) for name, pixels in pictures.items()}
    alike = [
        (first, second)
        for first, second in combinations(sorted(OBJECTS), 2)
        if ((pictures[first] - pictures[second]) ** 2).sum() < CLEARLY * max(shown[first], shown[second])
    ]
    assert alike == []


@pytest.mark.parametrize("name", [*OBJECTS, *WRITTEN_ON])
def test_a_figure_fills_its_square_and_no_more(name: str) -> None:
    left, top, right, bottom = figure(name).box
    assert max(right - left, bottom - top) == pytest.approx(2, abs=0.001)
    assert left == pytest.approx(-right, abs=0.001)
    assert top == pytest.approx(-bottom, abs=0.001)


@pytest.mark.parametrize("name", OBJECTS)
def test_each_object_shows_each_colour_even_among_six(name: str) -> None:
    for colour, rgb in COLOURS.items():
        layout = sample_layout(Scene((Item(name, colour, 6),), "night"), Random(colour))
        near = (np.abs(render(layout, 64).astype(int) - rgb).max(2) <= NEAR).sum()
        assert near >= 6 * COLOURED_PIXELS, colour


@pytest.mark.parametrize("name", [name for name, recipe in OBJECTS.items() if recipe.second])
def test_a_second_part_takes_a_colour_of_its_own(name: str) -> None:
    pictures = {}
    for second in ("red", "blue"):
        placement = Placement(name, "white", None, second, 0.5, 0.5, 0.3)
        pictures[second] = render(Layout("plain", None, (placement,)), 64).astype(int)
        near = (np.abs(pictures[second] - COLOURS[second]).max(2) <= NEAR).sum()
        assert near >= COLOURED_PIXELS, second
    assert (pictures["red"] != pictures["blue"]).any(2).sum() >= 2 * COLOURED_PIXELS


@pytest.mark.parametrize("name", [name for name, recipe in OBJECTS.items() if recipe.patterned])
def test_a_pattern_changes_much_of_what_it_is_on(name: str) -> None:
    plain = render(Layout("plain", None, (Placement(name, "red", None, None, 0.5, 0.5, 0.25),)), 64).astype(int)
    for pattern in ("striped", "dotted"):
        patterned = Placement(name, "red", pattern, None, 0.5, 0.5, 0.25)
        changed = np.abs(render(Layout("plain", None, (patterned,)), 64).astype(int) - plain).max(2) > 60
        assert changed.sum() >= 10, pattern


def test_recipes_use_known_words() -> None:
    for name, recipe in OBJECTS.items():
        assert set(recipe.natural) <= set(COLOURS), name
        assert recipe.second_fill == SHADE or recipe.second_fill in {*COLOURS, *FIXED}, name


def test_every_object_has_a_description_that_does_not_name_it() -> None:
    assert set(DESCRIPTIONS) == set(OBJECTS)
    for name, descriptions in DESCRIPTIONS.items():
        names = {name, *SYNONYMS.get(name, ()), *RARE.get(name, ())}
        assert not [text for text in descriptions for said in names if f" {said} " in f" {text} "], name


def test_one_name_means_one_object() -> None:
    said = [said for names in (SYNONYMS, RARE) for name in names for said in names[name]]
    assert len(set(said)) == len(said)
    assert not set(said) & set(OBJECTS)


def test_no_background_looks_like_a_colour_or_a_material() -> None:
    for setting, layers in BACKGROUNDS.items():
        for rgb in (*COLOURS.values(), WOOD):
            nearest = min(np.linalg.norm(np.subtract(layer.rgb, rgb)) for layer in layers[:2])
            assert nearest >= 40, (setting, rgb)
    assert min(np.linalg.norm(np.subtract(GLASS, rgb)) for rgb in COLOURS.values()) >= 60
