"""Layouts: true to their scenes, inside the image, and nothing in front of anything that should be seen."""

from collections import Counter
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_model.world.rich.layout import MARGIN, Layout, Placement, sample_layout
from reference_model.world.rich.objects import OBJECTS, figure
from reference_model.world.rich.render import render
from reference_model.world.rich.sampling import sample_scene
from reference_model.world.rich.scene import Scene

SEEDS = st.integers(0, 2**53)


def laid_out(seed: int) -> tuple[Scene, Layout]:
    random = Random(seed)
    scene = sample_scene(random, "train")
    return scene, sample_layout(scene, random)


def placed(scene: Scene, layout: Layout) -> list[Placement]:
    """The placements in the order of a pair's or a trio's items."""
    return [next(p for p in layout.placements if p.object == item.object) for item in scene.items]


def has_room_on(name: str) -> bool:
    room = OBJECTS[name].room
    return room is not None and room.relation == "on"


@given(SEEDS)
def test_one_seed_gives_one_layout_with_the_scenes_things(seed: int) -> None:
    scene, layout = laid_out(seed)
    assert (scene, layout) == laid_out(seed)
    shown = Counter((p.object, p.colour, p.pattern, p.second) for p in layout.placements)
    assert shown == {(item.object, item.colour, item.pattern, item.second): item.count for item in scene.items}
    assert (layout.setting, layout.word) == (scene.setting, scene.word)


@given(SEEDS)
def test_nothing_leaves_the_image(seed: int) -> None:
    for placement in laid_out(seed)[1].placements:
        left, top, right, bottom = placement.box
        assert min(left, top) >= MARGIN - 0.02
        assert max(right, bottom) <= 1 - MARGIN + 0.02


@given(SEEDS)
def test_boxes_are_apart_unless_one_thing_is_in_anothers_room(seed: int) -> None:
    scene, layout = laid_out(seed)
    if scene.relation in ("inside", "under", "on"):
        return
    boxes = [placement.box for placement in layout.placements]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3]) >= 0.02


@given(SEEDS)
def test_things_stand_as_the_relation_says(seed: int) -> None:
    scene, layout = laid_out(seed)
    if scene.relation is None:
        return
    first, second, *third = placed(scene, layout)
    a, b = first.box, second.box
    gaps = {"left of": b[0] - a[2], "right of": a[0] - b[2], "above": b[1] - a[3], "below": a[1] - b[3]}
    if scene.relation in gaps:
        assert gaps[scene.relation] >= 0.08
        assert gaps[scene.relation] == max(gaps.values())
    elif scene.relation == "next to":
        assert 0.02 <= max(gaps["left of"], gaps["right of"]) <= 0.06
    elif scene.relation == "between":
        spread = [abs(second.x - third[0].x), abs(second.y - third[0].y)]
        middle, ends = ((first.x, (second.x, third[0].x)), (first.y, (second.y, third[0].y)))[spread[0] < spread[1]]
        assert min(ends) < middle < max(ends)
    elif scene.relation == "on" and not has_room_on(second.object):
        assert abs(b[1] - a[3]) < 1e-6
        assert b[0] < first.x < b[2] or a[0] < second.x < a[2]
    else:
        room = figure(second.object).room or (-1.0, -1.0, 1.0, 1.0)
        left, top, right, bottom = (
            centre + edge * second.half for centre, edge in zip((second.x, second.y) * 2, room, strict=True)
        )
        assert left - 1e-6 <= a[0] < a[2] <= right + 1e-6
        assert top - 1e-6 <= a[1] < a[3] <= bottom + 1e-6


@given(SEEDS)
def test_sizes_are_as_said(seed: int) -> None:
    scene, layout = laid_out(seed)
    sizes = {item.size for item in scene.items} - {None}
    if not sizes:
        return
    if scene.kind == "single":
        (placement,) = layout.placements
        assert (placement.half < 0.18) if sizes == {"small"} else (placement.half > 0.39)
        return
    by_size = {item.size: p for item, p in zip(scene.items, placed(scene, layout), strict=True)}
    assert by_size["large"].half > 1.4 * by_size["small"].half


@settings(max_examples=30)
@given(SEEDS)
def test_what_is_on_top_touches_what_it_is_on_and_hides_nothing_of_it(seed: int) -> None:
    scene, layout = laid_out(seed)
    if scene.relation != "on" or has_room_on(scene.items[1].object):
        return
    upper, lower = placed(scene, layout)
    empty = render(Layout("plain", None, ()), 256)
    rows = [
        np.flatnonzero((render(Layout("plain", None, (p,)), 256) != empty).any(axis=(1, 2))) for p in (upper, lower)
    ]
    assert -3 <= rows[1].min() - rows[0].max() <= 3
