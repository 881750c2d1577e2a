"""Photographs of COCO studies: found in COCO's layout or by id, shown upright, and never enlarged."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import Prompt
from human_eval_app.study.photographs import find_photographs

PROMPTS = (Prompt("7", "", "a red boat"), Prompt("9", "", "two cups"))


def photograph(path: Path, width: int = 60, height: int = 40, orientation: int | None = None) -> np.ndarray:
    """Write a picture whose left third is white, and return its pixels."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 3] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(path, exif=exif)
    return pixels


def coco(root: Path, captions: dict[int, str]) -> Path:
    """A root in COCO's layout: annotation n is of image n + 100."""
    (root / "annotations").mkdir(parents=True)
    content = {
        "images": [{"id": n + 100, "file_name": f"COCO_{n + 100}.png"} for n in captions],
        "annotations": [{"id": n, "image_id": n + 100, "caption": f"{text} \n"} for n, text in captions.items()],
    }
    (root / "annotations" / "captions_val2014.json").write_text(json.dumps(content))
    for number in captions:
        photograph(root / "val2014" / f"COCO_{number + 100}.png")
    return root


def test_cocos_layout_is_read_by_annotation(tmp_path: Path) -> None:
    root = coco(tmp_path, {7: "a red boat", 8: "another", 9: "two cups"})
    found = find_photographs("coco", PROMPTS, root, 40)
    assert {key: path.name for key, path in found.paths.items()} == {"7": "COCO_107.png", "9": "COCO_109.png"}
    assert found.pixels("7", 0).shape == (40, 60, 3)


def test_a_folder_is_read_by_prompt_id(tmp_path: Path) -> None:
    expected = photograph(tmp_path / "7.png")
    photograph(tmp_path / "9.jpg")
    found = find_photographs("mine", PROMPTS, tmp_path, 40)
    assert np.array_equal(found.pixels("7", 0), expected)
    assert found.paths["9"].name == "9.jpg"


def test_the_world_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = coco(tmp_path, {7: "a red boat", 9: "two cups"})
    monkeypatch.setattr("reference_model.world.coco_set.ensure_world_set", lambda: root)
    assert set(find_photographs("world", PROMPTS, None, 40).paths) == {"7", "9"}


def test_a_photograph_is_shown_upright(tmp_path: Path) -> None:
    """Orientation 6: the camera was turned, and what it stored on the left belongs to the top."""
    photograph(tmp_path / "7.jpg", orientation=6)
    photograph(tmp_path / "9.jpg", orientation=1)
    found = find_photographs("mine", PROMPTS, tmp_path, 40)
    turned, plain = found.pixels("7", 0), found.pixels("9", 0)
    assert turned.shape == (60, 40, 3)
    assert turned[:15].mean() > 240
    assert turned[30:].mean() < 15
    assert plain.shape == (40, 60, 3)


def test_a_photograph_is_never_enlarged(tmp_path: Path) -> None:
    for prompt in PROMPTS:
        photograph(tmp_path / f"{prompt.id}.png")
    with pytest.raises(UserError, match="give --size 40"):
        find_photographs("mine", PROMPTS, tmp_path, 41).pixels("7", 0)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    root = coco(tmp_path / "coco", {7: "a red boat", 9: "two cups"})
    (root / "val2014" / "COCO_109.png").unlink()
    with pytest.raises(UserError, match=r"lacks the images of 1 prompts of the runs \(9\)"):
        find_photographs("coco", PROMPTS, root, 40)
    photograph(tmp_path / "folder" / "7.png")
    with pytest.raises(UserError, match=r"\(9\)"):
        find_photographs("mine", PROMPTS, tmp_path / "folder", 40)


@pytest.mark.parametrize("captions", [{7: "a red boat"}, {7: "a red boat", 9: "three cups"}])
def test_captions_of_another_set_are_refused(tmp_path: Path, captions: dict[int, str]) -> None:
    with pytest.raises(UserError, match="prompt 9 of the runs is not a caption of"):
        find_photographs("coco", PROMPTS, coco(tmp_path, captions), 40)


def test_annotations_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    root = coco(tmp_path / "coco", {7: "a red boat", 9: "two cups"})
    file = root / "annotations" / "captions_val2014.json"
    file.write_text(file.read_text().replace("COCO_107.png", "../../secret.png"))
    photograph(tmp_path / "secret.png")
    with pytest.raises(UserError, match="file_name"):
        find_photographs("coco", PROMPTS, root, 40)


def test_where_photographs_are_must_be_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give --references"):
        find_photographs("coco", PROMPTS, None, 40)
    with pytest.raises(UserError, match="is not a folder"):
        find_photographs("coco", PROMPTS, tmp_path / "nowhere", 40)


def test_a_broken_photograph_is_named(tmp_path: Path) -> None:
    for prompt in PROMPTS:
        photograph(tmp_path / f"{prompt.id}.png")
    (tmp_path / "9.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="the reference of prompt 9"):
        find_photographs("mine", PROMPTS, tmp_path, 40).pixels("9", 0)
