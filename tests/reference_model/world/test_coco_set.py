"""The `world` set: COCO's schema, true to its scenes, made once even by two processes at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reference_model.world import coco_set
from reference_model.world.objects import COLOURS
from reference_model.world.scene import split_of

# Makes the set, but gives it its name only after another process has made it too.
RACER = """
import sys, time
from pathlib import Path
from reference_model.world import coco_set

me, other = Path(sys.argv[1]), Path(sys.argv[2])
synthesise = coco_set.synthesise

def held_up(root, captions, references):
    synthesise(root, captions, references)
    me.touch()
    while not other.exists():
        time.sleep(0.01)

coco_set.CAPTIONS, coco_set.REFERENCES, coco_set.synthesise = 2, 3, held_up
print(coco_set.ensure_world_set())
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `world` set of a few images, in a cache of its own."""
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(coco_set, "CAPTIONS", 6)
    monkeypatch.setattr(coco_set, "REFERENCES", 8)
    return coco_set.ensure_world_set()


def _data(root: Path) -> dict:
    return json.loads((root / "annotations/captions_val2014.json").read_text())


def test_the_cache_is_where_the_variable_says(small: Path, tmp_path: Path) -> None:
    assert small.parent == tmp_path / "cache"


def test_there_are_more_references_than_captions(small: Path) -> None:
    data = _data(small)
    assert len(data["annotations"]) == 6
    names = [image["file_name"] for image in data["images"]]
    assert sorted(path.name for path in (small / "val2014").iterdir()) == names
    assert len(names) == 8
    assert {row["image_id"] for row in data["annotations"]} <= {image["id"] for image in data["images"]}


def test_every_scene_is_held_out_and_survives_json(small: Path) -> None:
    for row in _data(small)["annotations"]:
        scene = coco_set.scene_from_json(row["scene"])
        assert split_of(scene) == "held_out"
        assert all(item.colour in row["caption"].lower() for item in scene.items)


def test_an_image_shows_the_colours_of_its_scene(small: Path) -> None:
    for row in _data(small)["annotations"]:
        with Image.open(small / "val2014" / f"COCO_val2014_{row['image_id']:012d}.png") as image:
            pixels = np.asarray(image)
        for item in coco_set.scene_from_json(row["scene"]).items:
            assert (pixels == COLOURS[item.colour]).all(2).any(), row["caption"]


def test_a_set_that_is_there_is_not_made_again(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(coco_set, "synthesise", fail)
    assert coco_set.ensure_world_set() == small


def test_another_revision_of_the_world_makes_a_set_of_another_name(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco_set, "WORLD_REVISION", "another")
    assert coco_set.ensure_world_set() != small
    assert small.is_dir()


def test_a_set_half_made_never_gets_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(root: Path, *_: object) -> None:
        (root / "val2014").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(coco_set, "synthesise", interrupted)
    with pytest.raises(KeyboardInterrupt):
        coco_set.ensure_world_set()
    assert not list(tmp_path.glob("world-*"))


def test_two_processes_may_make_it_at_once(tmp_path: Path) -> None:
    marks = [str(tmp_path / "first"), str(tmp_path / "second")]
    environment = {**os.environ, "DRAWBENCH_CACHE": str(tmp_path / "cache")}
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, *pair], env=environment, stdout=subprocess.PIPE, text=True)
        for pair in (marks, marks[::-1])
    ]
    folders = {racer.communicate()[0].strip() for racer in racers}
    assert [racer.returncode for racer in racers] == [0, 0]
    (folder,) = folders
    assert [str(path) for path in (tmp_path / "cache").iterdir()] == [folder], "nothing else is left"
    assert len(_data(Path(folder))["annotations"]) == 2
    assert len(list((Path(folder) / "val2014").iterdir())) == 3
