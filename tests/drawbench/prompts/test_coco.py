"""COCO captions as prompt sets: cleaning, choice, references, refusals."""

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from drawbench.errors import UserError
from drawbench.prompts.coco import ANNOTATIONS, IMAGES, load_coco, load_world


def _root(tmp_path: Path, images: list[int], annotations: list[tuple[int, int, Any]]) -> Path:
    content = {
        "images": [{"id": id_, "file_name": f"{id_}.jpg"} for id_ in images],
        "annotations": [{"id": id_, "image_id": image, "caption": text} for id_, image, text in annotations],
    }
    return _write(tmp_path, json.dumps(content))


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / ANNOTATIONS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return tmp_path


def _many(tmp_path: Path) -> Path:
    return _root(tmp_path, list(range(10)), [(100 + n, n % 10, f"caption {n}") for n in range(30)])


def test_ids_are_annotation_ids_and_text_is_cleaned(tmp_path: Path) -> None:
    prompt_set = load_coco(_root(tmp_path, [7], [(2960, 7, " A  dog\non a\r\n\tmat. \n")]))
    (prompt,) = prompt_set.prompts
    assert (prompt.id, prompt.category, prompt.text) == ("2960", "", "A dog on a mat.")
    assert prompt_set.name == "coco"
    assert prompt_set.default_samples == 1


def test_the_choice_is_by_hash_of_seed_and_id_over_distinct_images(tmp_path: Path) -> None:
    by_hash = sorted(range(100, 130), key=lambda id_: hashlib.sha256(f"5:{id_}".encode()).hexdigest())
    expected: list[str] = []
    images: set[int] = set()
    for id_ in by_hash:
        if id_ % 10 not in images:
            images.add(id_ % 10)
            expected.append(str(id_))
    chosen = load_coco(_many(tmp_path), n=6, seed=5)
    assert [prompt.id for prompt in chosen.prompts] == expected[:6]
    assert load_coco(tmp_path, seed=5).limited(6) == chosen
    assert load_coco(tmp_path, n=6, seed=6) != chosen


def test_the_order_of_the_file_does_not_change_the_choice(tmp_path: Path) -> None:
    before = load_coco(_many(tmp_path), n=8)
    content = json.loads((tmp_path / ANNOTATIONS).read_text(encoding="utf-8"))
    content["annotations"].reverse()
    assert load_coco(_write(tmp_path, json.dumps(content)), n=8) == before


@pytest.mark.parametrize("n", [0, 11])
def test_more_captions_than_images_are_refused(tmp_path: Path, n: int) -> None:
    with pytest.raises(UserError, match="1 to 10"):
        load_coco(_many(tmp_path), n=n)


def test_reference_images_are_a_folder_with_something_in_it(tmp_path: Path) -> None:
    root = _many(tmp_path)
    assert load_coco(root).reference_images is None
    (root / IMAGES).mkdir()
    assert load_coco(root).reference_images is None
    (root / IMAGES / "0.jpg").touch()
    assert load_coco(root).reference_images == root / IMAGES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["not valid JSON"]),
        ("[" * 100_000, ["not valid JSON"]),
        ("[]", ["COCO captions format"]),
        ('{"images": []}', ["COCO captions format", "annotations"]),
        ('{"images": [], "annotations": []}', ["no captions"]),
        ('{"images": [{"id": 1}], "annotations": [{"id": 3, "image_id": 2, "caption": "a"}]}', ["annotation 3", "2"]),
        ('{"images": [{"id": 1}], "annotations": [{"id": 3, "image_id": 1, "caption": " \\n"}]}', ["annotation 3"]),
        ('{"images": [{"id": 1}], "annotations": [{"id": 3, "image_id": 1, "caption": null}]}', ["format"]),
        ('{"images": [{"id": 1}], "annotations": [{"id": 3, "image_id": 1}]}', ["'caption'"]),
    ],
)
def test_broken_captions_are_one_sentence(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as refusal:
        load_coco(_write(tmp_path, text))
    assert all(word in str(refusal.value) for word in [*words, str(ANNOTATIONS)])


def test_a_repeated_annotation_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="annotation 3"):
        load_coco(_root(tmp_path, [1, 2], [(3, 1, "a"), (3, 2, "b")]))


def test_missing_captions_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=str(ANNOTATIONS)):
        load_coco(tmp_path)


def test_the_world_is_its_whole_file_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("reference_model.world.coco_set")
    root = _root(tmp_path, [1, 2], [(900, 2, "a red ball"), (901, 1, "a blue cup")])
    monkeypatch.setattr(module, "ensure_world_set", lambda: root, raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    world = load_world()
    assert world.name == "world"
    assert [prompt.id for prompt in world.prompts] == ["900", "901"]
