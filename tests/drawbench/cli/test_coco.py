"""`drawbench coco synth` and `sample`: whole sets and lists, or nothing."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from drawbench.cli.main import main
from drawbench.prompts.registry import load_prompt_set
from reference_model.world.rich.scene import is_held_out
from reference_model.world.worlds import world_named
from tests.drawbench.prompts.coco_files import content, many, write


def _synth(out: Path, *options: str) -> int:
    return main(["coco", "synth", "--out", str(out), "-n", "5", *options])


def _contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_the_set_has_cocos_layout_and_loads_as_a_prompt_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _synth(tmp_path / "set", "--size", "32") == 0
    spec = capsys.readouterr().out.strip()
    assert spec == f"coco:{tmp_path / 'set'}"
    prompt_set = load_prompt_set(spec)
    data = json.loads((tmp_path / "set/annotations/captions_val2014.json").read_text())
    captions = {str(row["id"]): row["caption"] for row in data["annotations"]}
    assert {prompt.id: prompt.text for prompt in prompt_set.prompts} == captions
    assert len(captions) == 5
    assert prompt_set.reference_images == tmp_path / "set/val2014"
    assert {row["image_id"] for row in data["annotations"]} == {row["id"] for row in data["images"]}
    for row in data["images"]:
        with Image.open(tmp_path / "set/val2014" / row["file_name"]) as image:
            assert image.size == (row["width"], row["height"]) == (32, 32)
            assert image.mode == "RGB"


def test_one_seed_gives_the_same_bytes_and_another_seed_other_scenes(tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert _synth(tmp_path / name, "--seed", seed) == 0
    assert _contents(tmp_path / "a") == _contents(tmp_path / "b")
    assert _contents(tmp_path / "a") != _contents(tmp_path / "c")


def test_the_rich_world_makes_sets_of_its_own(tmp_path: Path) -> None:
    for name, world in (("rich", "rich"), ("again", "rich"), ("small", "small")):
        assert _synth(tmp_path / name, "--world", world) == 0
    assert _synth(tmp_path / "default") == 0
    assert _contents(tmp_path / "rich") == _contents(tmp_path / "again")
    assert _contents(tmp_path / "small") == _contents(tmp_path / "default")
    rich, small = _contents(tmp_path / "rich"), _contents(tmp_path / "small")
    assert rich.keys() == small.keys()
    assert all(rich[name] != small[name] for name in rich)
    world = world_named("rich")
    data = json.loads((tmp_path / "rich/annotations/captions_val2014.json").read_text())
    scenes = [world.scene_from_json(row["scene"]) for row in data["annotations"]]
    assert all(any(map(is_held_out, scene.compositions())) for scene in scenes)
    assert load_prompt_set(f"coco:{tmp_path / 'rich'}").reference_images == tmp_path / "rich/val2014"


def test_a_smaller_set_is_the_beginning_of_a_larger_one(tmp_path: Path) -> None:
    assert _synth(tmp_path / "five") == 0
    assert main(["coco", "synth", "--out", str(tmp_path / "three"), "-n", "3"]) == 0
    larger = _contents(tmp_path / "five")
    images = {name: data for name, data in _contents(tmp_path / "three").items() if name.endswith(".png")}
    assert len(images) == 3
    assert images.items() <= larger.items()


def test_a_folder_with_something_in_it_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    for name in ("full", "file"):
        assert _synth(tmp_path / name) == 2
        assert f"{tmp_path / name} is there and is not an empty folder" in capsys.readouterr().err
    assert _contents(tmp_path) == {"full/mine.txt": b"precious", "file": b"precious"}


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert _synth(tmp_path / "empty") == 0


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert _synth(tmp_path / "file/set") == 2
    assert "cannot write" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["-n", "0"], ["-n", "-1"], ["--size", "15"]])
def test_numbers_that_make_no_set_are_refused(tmp_path: Path, options: list[str]) -> None:
    assert _synth(tmp_path / "set", *options) == 2
    assert not (tmp_path / "set").exists()


def test_an_interrupted_command_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(root: Path, *_: object) -> None:
        (root / "annotations").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr("reference_model.world.coco_set.synthesise", interrupted)
    assert _synth(tmp_path / "set") == 130
    assert list(tmp_path.iterdir()) == []


def _ids(path: Path) -> list[str]:
    return [line.split(",")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def test_a_sample_is_a_list_with_the_hash_of_its_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = many(tmp_path / "coco"), tmp_path / "ids.csv"
    assert main(["coco", "sample", str(root), "-n", "4", "--seed", "3", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    ids = _ids(out)
    assert len(ids) == 4
    digest = hashlib.sha256("".join(id_ + "\n" for id_ in ids).encode()).hexdigest()
    assert f"ids sha256 {digest}" in printed
    chosen = load_prompt_set(f"coco:{root},n=4,seed=3")
    assert ids == [prompt.id for prompt in chosen.prompts]
    assert f"prompts sha256 {chosen.sha256}" in printed
    assert load_prompt_set(f"coco:{root},captions={out}").sha256 == chosen.sha256


def test_a_sample_can_leave_people_out_and_print_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write(tmp_path, content([1, 2], [(5, 1, "A man."), (6, 2, "A dog.")]))
    assert main(["coco", "sample", str(root), "--no-people", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ids"], found["people"], found["n"]) == (["6"], False, 1)


def test_a_sample_that_cannot_be_is_refused_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = many(tmp_path / "coco"), tmp_path / "ids.csv"
    assert main(["coco", "sample", str(root), "-n", "11", "--out", str(out)]) == 2
    assert "1 to 10" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["coco", "sample", str(root), "--out", str(tmp_path / "file/ids.csv")]) == 2
    assert "cannot write" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coco", "file"]
